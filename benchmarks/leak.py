"""How much the similarities among one holder's rows say about them: a measure that needs no attack.

The similarity of two unrelated rows is noise whose deviation is known (1 / sqrt(L) as a correlation). What stands out
of it is what an attacker with a list of children has to go by. ``leak`` adds it up as information; whether it is
enough to find anyone out is for attacks to say.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from encoder.identifiers import Identifiers
from encoder.match_keys import encoders
from keys.secret import Secret
from keys.template import default_terms
from keys.terms import FuzzyKey, Identifier, Terms
from services.assurance.attacks.population import identifiers_of
from services.rehearsal.children import Population, make_children
from services.rehearsal.demo_files import REFERENCE_DAY

CHILDREN = 3000
MOST = 8.0
"""Nats that one pair counts for at most in one match-key: more than that says no more than that the two are related."""
FIELDS = (Identifier.FORENAME, Identifier.SURNAME, Identifier.DATE_OF_BIRTH, Identifier.POSTCODE)


@dataclass(frozen=True)
class Leak:
    """Nats per row: what its similarities to its twins and to all other rows say above chance."""

    twins: float
    others: float


def leak(terms: Terms, count: int = CHILDREN) -> Leak:
    """Of ``count`` made-up children in whole households, all in one file, under the fuzzy match-keys of ``terms``.

    A correlation c of L bits counts for c^2 L / 2 nats, the divergence of its distribution from that of chance.
    """
    children, identifiers = _children(count)
    twins = children.birth[:, None] == children.birth[None, :]
    told = np.zeros((len(children), len(children)))
    for distance in _distances(terms, identifiers):
        told += np.minimum(_correlation(terms, distance) ** 2 * _length(terms) / 2, MOST)
    np.fill_diagonal(told, 0.0)
    return Leak(float(told[twins].sum() / len(children)), float(told[~twins].sum() / len(children)))


@cache
def _children(count: int) -> tuple[Population, Identifiers]:
    children = make_children(count, today=REFERENCE_DAY, rng=np.random.default_rng(1))
    return children, identifiers_of(children, default_terms({"council": FIELDS, "icb": FIELDS}))


def _distances(terms: Terms, identifiers: Identifiers) -> list[NDArray[np.float64]]:
    """Share of base bits that differ, of every two rows, by fuzzy match-key."""
    plain = terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "To measure what leaks"})
    keys = tuple(key for key in terms.match_keys if isinstance(key, FuzzyKey))
    bare = terms.model_copy(update={"encoding": plain, "match_keys": keys})
    found = []
    for encoder in encoders(keys, terms=bare, secret=Secret(bytes(32), agreement="0" * 64)):
        bits = np.unpackbits(encoder.encode(identifiers).bits.view(np.uint8), axis=1).astype(np.float32)
        size = bits.sum(axis=1)
        found.append((size[:, None] + size[None, :] - 2 * bits @ bits.T).astype(np.float64) / bits.shape[1])
    return found


def _correlation(terms: Terms, distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """What hardening leaves of it (Armknecht, Heng, Schnell, PoPETs 2023/054)."""
    hardening = terms.encoding.hardening
    return np.maximum(1 - 2 * distance, 0.0) ** (hardening.t if hardening else 1)


def _length(terms: Terms) -> int:
    return terms.encoding.hardening.length if terms.encoding.hardening else terms.encoding.length
