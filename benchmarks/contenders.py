"""Ways to link two holders' rows, each as ranked links: ours, ours without hardening, and anonlink's single CLK."""

import math

import numpy as np

from benchmarks.judging import Ranked
from benchmarks.simulation import Sides, Simulation, encode, join, union
from keys.terms import Encoding, Feature, FuzzyKey, Identifier, Terms
from matcher.evidence import ScoredPairs
from services.assurance.match import Engine, links_of, pairs_of
from services.broker.match.weighing import weight_of

ANONLINK_THRESHOLD = 0.8
ANONLINK_FLOOR = 0.5
"""Below the best threshold of every data set here."""
BUDGET = 2 << 30
SINGLE_CLK = (
    ("forename", "bigrams", 100),
    ("surname", "bigrams", 100),
    ("day", "exact", 40),
    ("month", "exact", 40),
    ("year", "exact", 50),
    ("sex", "exact", 20),
    ("postcode", "bigrams", 100),
)


def ours(sides: Sides) -> Ranked:
    """The default agreement, hardened."""
    return _ours(encode(sides))


def ours_under(sides: Sides, terms: Terms) -> Ranked:
    """Under other terms."""
    return _ours(encode(sides, terms))


def ours_plain(sides: Sides) -> Ranked:
    """The default agreement without hardening."""
    return _ours(encode(sides, sides.terms.model_copy(update={"encoding": _plain(sides.terms)})))


def anonlink(sides: Sides) -> Ranked:
    """One plain CLK of all fields but numbers, compared by Dice and linked greedily, both by anonlink."""
    shared = set(sides.identifiers[0].columns) & set(sides.identifiers[1].columns)
    features = [
        Feature.model_validate({"field": field, "compare": compare, "bits": bits})
        for field, compare, bits in SINGLE_CLK
        if field in shared
    ]
    key = FuzzyKey(kind="fuzzy", name="all", minimum_bits=1, features=tuple(features))
    holders = tuple(
        sides.terms.holder(name).model_copy(
            update={"identifiers": tuple(one for one in Identifier if _has(sides, number, one))}
        )
        for number, name in enumerate(sides.names)
    )
    changes = {"encoding": _plain(sides.terms), "match_keys": (key,), "holders": holders}
    a, b = encode(sides, sides.terms.model_copy(update=changes)).sides("all")
    links = links_of(pairs_of(a, b, ANONLINK_FLOOR, Engine.ANONLINK, budget=BUDGET), Engine.ANONLINK)
    return Ranked(join(links), links.similarity.astype(np.float64), ANONLINK_THRESHOLD)


def weighed_pairs(made: Simulation) -> ScoredPairs:
    """Every pair that is listed at the floor or agrees exactly, weighed."""
    return made.scored(union([*made.listed(), made.exact]))


def _ours(made: Simulation) -> Ranked:
    scored = weighed_pairs(made)
    left, right = made.solved(scored, -math.inf)
    joined = np.sort((left << 32) | right)
    pairs = join(scored)
    weight = scored.weight[np.searchsorted(pairs, joined)]
    model = scored.model
    return Ranked(joined, weight, weight_of(made.terms.decision.match), (model.precision, model.recall))


def _plain(terms: Terms) -> Encoding:
    return terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "To measure what hardening costs"})


def _has(sides: Sides, holder: int, identifier: Identifier) -> bool:
    columns = sides.identifiers[holder].columns
    return ("day" if identifier is Identifier.DATE_OF_BIRTH else identifier.value) in columns
