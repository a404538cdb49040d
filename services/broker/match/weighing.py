"""The evidence for every pair of two holders' rows, or of one holder's: similarities, tokens, and their weight."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keys.terms import Comparison, ExactKey, FuzzyKey, MatchKey, Terms
from matcher import candidates
from matcher.evidence import KeyEvidence, score
from matcher.exact import compare
from matcher.presence import Presence
from matcher.solve import PairSet
from services.broker.match.inputs import Inputs
from services.broker.match.matching import BYTES_PER_CANDIDATE, floor_of, measure_of
from services.broker.runs.rules import exact_keys, fuzzy_keys


@dataclass(frozen=True, repr=False)
class Weighed:
    """``probability``: of each of the pairs, float64 (pairs,). ``matches``: how many pairs of rows of one child the
    model expects, those included that are not among the pairs."""

    pairs: PairSet
    probability: NDArray[np.float64]
    matches: float

    def of(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight and probability of some of the pairs, each given by its rows, shape (some,)."""
        rows = (self.pairs.left.astype(np.int64) << 32) | self.pairs.right.astype(np.int64)
        place = np.searchsorted(rows, (left << 32) | right)
        return self.pairs.score[place].astype(np.float64), self.probability[place]


def weigh(
    inputs: Inputs, first: int, second: int, joined: NDArray[np.int64], floors: Mapping[str, float], *, least: float
) -> Weighed:
    """Weigh pairs of rows; those of at least the weight ``least`` come back, in the order they came.

    ``joined``: int64 (pairs,), rising, each pair once: the row of ``first`` times 2**32, plus that of ``second``. Of
    one holder's rows the lower comes first. ``floors``: by match-key, where they are not those of the terms.

    With one row of a holder per link the weight considers rivals: of two rows that fit equally well neither is linked.
    With any number of them, two rows of one holder may both be right, so it considers none.
    """
    terms, agreement = inputs.agreement.terms, inputs.agreement
    alike = first == second
    if alike:  # the model learns from how a row's pairs compete, so it is shown each pair from both of its rows
        joined = np.sort(np.concatenate([joined, (joined << 32) | (joined >> 32)]))
    left, right = joined >> 32, joined & 0xFFFFFFFF
    fuzzy, exact = fuzzy_keys(agreement, first, second), exact_keys(agreement, first, second)
    there = [np.zeros((inputs.rows[one], len(fuzzy) + len(exact)), np.bool_) for one in (first, second)]
    similarity = np.empty((len(joined), len(fuzzy)), dtype=np.float32)
    for column, key in enumerate(fuzzy):
        a, b = inputs.encodings(first, key.name), inputs.encodings(second, key.name)
        there[0][:, column], there[1][:, column] = a.present, b.present
        similarity[:, column] = candidates.similarities(a, b, left, right, measure=measure_of(terms))
    agreed = np.zeros((len(joined), len(exact)), dtype=np.int8)
    for column, name in enumerate(exact):
        a, b = inputs.encodings(first, name), inputs.encodings(second, name)
        there[0][:, len(fuzzy) + column], there[1][:, len(fuzzy) + column] = a.present, b.present
        agreed[:, column] = compare(a, b, left, right)
    rows = (inputs.rows[first], inputs.rows[second])
    inputs.shelf.make_room(len(joined) * BYTES_PER_CANDIDATE)
    scored = score(
        keys=evidence_of(terms, fuzzy, exact),
        similarity=similarity,
        agreement=agreed,
        left=left,
        right=right,
        rows=rows,
        presence=Presence.of(*there),
        floors=[floors.get(key.name, floor_of(terms, *rows)) for key in fuzzy],
        threshold=terms.decision.match,
        twin_caution=terms.decision.twin_caution,
    )
    weight = scored.alone if terms.decision.rows_of_one_holder == "any number" else scored.weight
    kept = weight >= least
    if alike:
        kept &= left < right
    pairs = PairSet(first, second, left[kept], right[kept], weight[kept])
    return Weighed(pairs, scored.probability[kept], scored.model.expected_matches)


def evidence_of(terms: Terms, fuzzy: Sequence[FuzzyKey], exact: Sequence[str]) -> list[KeyEvidence]:
    """What is public about these fuzzy match-keys, and about the exact ones of these names."""
    known = {key.name: key for key in terms.match_keys}
    return [*(_fuzzy(terms, key) for key in fuzzy), *(_exact(known[name]) for name in exact)]


def _exact(key: MatchKey) -> KeyEvidence:
    number = isinstance(key, ExactKey) and key.of_number
    tuple_of = () if number else (field.value for field in key.fields)
    return KeyEvidence(key.name, "exact", number=number, tuple_of=frozenset(tuple_of))


def _fuzzy(terms: Terms, key: FuzzyKey) -> KeyEvidence:
    hardening = terms.encoding.hardening
    return KeyEvidence(
        name=key.name,
        kind="fuzzy",
        measure=measure_of(terms),
        length=hardening.length if hardening else terms.encoding.length,
        t=hardening.t if hardening else None,
        features=tuple((feature.field.value, feature.bits) for feature in key.features),
        base_length=terms.encoding.length,
        whole=frozenset(one.field.value for one in key.features if one.compare is Comparison.EXACT),
    )


def weight_of(probability: float) -> float:
    """Log2 odds, which order pairs where probabilities can no longer be told apart."""
    return math.log2(probability / (1 - probability))
