"""From similarities of several match-keys to the probability that a pair is the same child.

In: one line per pair with its similarity in every fuzzy match-key and its agreement in every exact match-key.
Out: `ScoredPairs`, in the same order: a probability, and a weight (log2 odds) by which the solver orders
competing pairs. Nothing else of a row is seen here. The whole is deterministic, and the order of the pairs
does not matter. See docs/explanation/evidence.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DISTANCES = np.array([0.003, 0.03, 0.06, 0.1, 0.14])
_DEVIATIONS = np.array([1.5, 2.5, 3.5])
_ITERATIONS = 60


@dataclass(frozen=True)
class KeyEvidence:
    """What is public about a match-key. ``features`` holds (field, bits) of its base filter, if known.

    ``length`` is in bits of the encoding that is compared, ``t`` the diffusion (None or 1: not hardened),
    ``base_length`` the bits of the base filter.
    """

    name: str
    kind: Literal["fuzzy", "exact"]
    measure: Literal["hamming", "dice"] | None = None
    length: int = 0
    t: int | None = None
    features: tuple[tuple[str, int], ...] = ()
    base_length: int = 1024


@dataclass(frozen=True)
class FittedModel:
    """What was fitted, and how good the links are expected to be at ``threshold`` (nan without pairs)."""

    pairs: int
    expected_matches: float
    threshold: float
    precision: float
    recall: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs in the order they came. ``weight`` is log2 odds, finite; ``probability`` is 1 / (1 + 2**-weight)."""

    left: Ints
    right: Ints
    probability: Floats
    weight: Floats
    model: FittedModel


def chance_floor(*, length: int, rows: tuple[int, int], expected: float = 0.05) -> float:
    """Hamming similarity above which chance alone puts ``expected`` pairs per row of the smaller holder.

    The similarity of two unrelated hardened encodings is binomial(length, 1/2) / length (Armknecht, Heng,
    Schnell, PoPETs 2023/054). Raises MatcherError for a length or number of rows below 1.
    """
    if length < 1 or min(rows) < 1 or not expected > 0:
        raise MatcherError(
            "A floor needs rows on both sides, a length and an expected number above 0.",
            remedy="Check that both uploads hold rows.",
        )
    tail = min(0.5, expected / max(rows))
    return 0.5 + NormalDist().inv_cdf(1 - tail) / (2 * math.sqrt(length))


def score(
    *,
    keys: Sequence[KeyEvidence],
    similarity: NDArray[np.float32],
    agreement: NDArray[np.int8],
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    rows: tuple[int, int],
    floors: Sequence[float],
    threshold: float = 0.5,
) -> ScoredPairs:
    """Probability of every pair, from a mixture fitted to these pairs without truth.

    ``similarity``: float32, shape (pairs, fuzzy keys), NaN where a row lacks the encoding. ``agreement``: int8,
    shape (pairs, exact keys), 1 agree, -1 differ, 0 unknown. Columns are in the order of ``keys``. ``left`` and
    ``right``: row numbers, shape (pairs,), each pair once. ``floors``: one per fuzzy key; the pairs are all those
    that reach a floor in a fuzzy key or agree in an exact one. Raises MatcherError when shapes do not fit.
    """
    fuzzy = [key for key in keys if key.kind == "fuzzy"]
    _check(keys, fuzzy, similarity, agreement, left, right, rows, floors)
    first, second = left.astype(np.int64), right.astype(np.int64)
    pairs = len(first)
    if pairs == 0:
        empty = np.zeros(0)
        model = FittedModel(0, 0.0, threshold, math.nan, math.nan, 0, True)
        return ScoredPairs(first, second, empty, empty, model)
    start = np.full(pairs, -math.log(rows[0] * rows[1]))
    columns: list[NDArray[np.int64]] = []
    for column, key in enumerate(fuzzy):
        level, gain = _levels(key, similarity[:, column].astype(np.float64))
        columns.append(level)
        start += gain
    for column in range(agreement.shape[1]):
        columns.append(agreement[:, column].astype(np.int64) + 1)
        start += np.where(agreement[:, column] == 1, 12.0, np.where(agreement[:, column] == -1, -4.0, 0.0))
    patterns, cell = np.unique(np.stack(columns, 1), axis=0, return_inverse=True)
    odds, iterations, converged = _fit(patterns, cell.reshape(-1), first, second, rows, start)
    weight = np.clip(odds / math.log(2), -60, 60)
    probability = 1 / (1 + np.exp2(-weight))
    chosen = probability >= threshold
    matches = float(probability.sum())
    hits = float(probability[chosen].sum())
    precision = hits / int(chosen.sum()) if chosen.any() else math.nan
    recall = hits / matches if matches else math.nan
    model = FittedModel(pairs, matches, threshold, precision, recall, iterations, converged)
    return ScoredPairs(first, second, probability, weight, model)


def _check(
    keys: Sequence[KeyEvidence],
    fuzzy: Sequence[KeyEvidence],
    similarity: NDArray[np.float32],
    agreement: NDArray[np.int8],
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    rows: tuple[int, int],
    floors: Sequence[float],
) -> None:
    pairs = len(left)
    fits = (
        similarity.shape == (pairs, len(fuzzy))
        and agreement.shape == (pairs, len(keys) - len(fuzzy))
        and right.shape == left.shape == (pairs,)
        and len(floors) == len(fuzzy)
        and len(keys) > 0
    )
    if not fits:
        raise MatcherError(
            "Similarities, agreements, row numbers and match-keys do not have matching shapes.",
            remedy="Give one column per match-key and one line per pair.",
        )
    if pairs and (left.min() < 0 or right.min() < 0 or left.max() >= rows[0] or right.max() >= rows[1]):
        raise MatcherError("A pair names a row that does not exist.", remedy="Check the number of rows.")
    if any(key.measure is None or key.length < 1 for key in fuzzy):
        raise MatcherError("A fuzzy match-key lacks its measure or length.", remedy="Take both from the agreement.")


def _levels(key: KeyEvidence, similarity: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Discrete level of base distance (0 missing, 1 identical, ... rising) and the log-likelihood gain on chance."""
    missing = np.isnan(similarity)
    value = np.where(missing, 0.5, similarity)
    t = key.t or 1
    if key.measure == "dice":
        distance = (1 - value) / 2
        deviation = np.where(missing, 0.0, np.maximum(value - 0.4, 0) / 0.05)
    else:
        correlation = np.clip(2 * value - 1, 0.0, 1.0)
        distance = (1 - correlation ** (1 / t)) / 2
        deviation = (2 * value - 1) * math.sqrt(key.length)
    level = 1 + np.searchsorted(_DISTANCES, distance, side="right")
    far = level == 1 + len(_DISTANCES)
    level += np.where(far, len(_DEVIATIONS) - np.searchsorted(_DEVIATIONS, deviation, side="right"), 0)
    gain = np.minimum(np.maximum(deviation, 0) ** 2 / 2, 40.0)
    return np.where(missing, 0, level), np.where(missing, 0.0, gain)


def _fit(
    patterns: Ints,
    cell: Ints,
    left: Ints,
    right: Ints,
    rows: tuple[int, int],
    start: Floats,
) -> tuple[Floats, int, bool]:
    """Log odds per pair: EM over joint patterns, where pairs of one row compete for at most one match."""
    counts = np.bincount(cell, minlength=len(patterns)).astype(np.float64)
    odds = start
    probability = _compete(odds, left, right, rows)
    for iteration in range(1, _ITERATIONS + 1):
        matched = np.bincount(cell, weights=probability, minlength=len(patterns)).astype(np.float64)
        share = (matched.sum() + 0.5) / (counts.sum() + 1)
        match = _smooth(patterns, matched)
        chance = _smooth(patterns, counts - matched)
        odds = (np.log(match) - np.log(chance) + math.log(share / (1 - share)))[cell]
        previous, probability = probability, _compete(odds, left, right, rows)
        if np.abs(probability - previous).max() < 1e-6:
            return _log_odds(probability, odds), iteration, True
    return _log_odds(probability, odds), _ITERATIONS, False


def _smooth(patterns: Ints, counts: Floats, strength: float = 5.0) -> Floats:
    """Share of each pattern, drawn towards the product of its levels' shares where counts are few."""
    total = counts.sum()
    product = np.ones(len(patterns))
    for column in patterns.T:
        levels = np.bincount(column, weights=counts, minlength=int(column.max()) + 1) + 0.5
        product *= (levels / levels.sum())[column]
    return np.asarray((counts + strength * product) / (total + strength))


def _compete(odds: Floats, left: Ints, right: Ints, rows: tuple[int, int]) -> Floats:
    """Probability of each pair when a row has at most one match: own odds against all odds of both rows."""
    own = np.exp(np.clip(odds, -60, 60))
    first = np.bincount(left, weights=own, minlength=rows[0])[left]
    second = np.bincount(right, weights=own, minlength=rows[1])[right]
    return np.asarray(own / (1 + np.maximum(first + second - own, own)))


def _log_odds(probability: Floats, odds: Floats) -> Floats:
    """Odds of ``probability``; where it saturates, a little of the uncontested odds keeps the order."""
    safe = np.clip(probability, 1e-15, 1 - 1e-12)
    return np.asarray(np.log(safe) - np.log1p(-safe) + 1e-3 * odds)
