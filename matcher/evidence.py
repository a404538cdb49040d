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

import numpy as np
from numpy.typing import NDArray

from matcher.changes import KeyEvidence, expected, possible_changes, shown, signal
from matcher.errors import MatcherError
from matcher.mixture import fit
from matcher.presence import Presence
from matcher.sample import Sample

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_CELLS = 40_000
"""So that the likelihoods of all cells stay below 100 MB."""
EQUAL_BY_CHANCE, UNLIKE_BY_CHANCE = 1e-12, 1e-4
"""How often the tokens of a tuple agree although something of it changed, and how often they differ although nothing
did: neither ever, but a likelihood of none would leave no way back."""
LEAST_LOG = -80.0
"""Below it a likelihood counts as none: float32 has no room for it but subnormal numbers, which are slow."""

__all__ = ["FittedModel", "KeyEvidence", "ScoredPairs", "score"]


@dataclass(frozen=True)
class FittedModel:
    """What was fitted, and how good the links are expected to be at ``threshold`` (nan without pairs).

    ``expected_matches`` counts also those that the floors are expected to hide; ``recall`` is of all of them.
    """

    pairs: int
    expected_matches: float
    threshold: float
    precision: float
    recall: float
    iterations: int
    converged: bool


@dataclass(frozen=True)
class ScoredPairs:
    """Pairs in the order they came; float64 (pairs,), all finite.

    ``probability`` that the pair is the same child, its rivals considered. ``weight``: log2 odds by which to
    choose and order links; below those of ``probability`` where the pair may be twins. ``alone``: the same with
    no rival considered, for where a child may have several rows with one holder, which are no rivals.
    """

    left: Ints
    right: Ints
    probability: Floats
    weight: Floats
    alone: Floats
    model: FittedModel


def score(
    *,
    keys: Sequence[KeyEvidence],
    similarity: NDArray[np.float32],
    agreement: NDArray[np.int8],
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    rows: tuple[int, int],
    presence: Presence,
    floors: Sequence[float],
    threshold: float = 0.5,
    twin_caution: float = 4.0,
) -> ScoredPairs:
    """Probability of every pair, from a mixture fitted to these pairs without truth.

    ``similarity``: float32, shape (pairs, fuzzy keys), NaN where a row lacks the encoding. ``agreement``: int8,
    shape (pairs, exact keys), 1 agree, -1 differ, 0 unknown. Columns are in the order of ``keys``. ``left`` and
    ``right``: row numbers, shape (pairs,), each pair once. ``floors``: one per fuzzy key; the pairs are all those
    that reach a floor in a fuzzy key or agree in an exact one. ``presence``: which keys all rows have, not only those
    of the pairs; fuzzy ones first. ``threshold``: probability from which the agreement links, for the model's
    estimates. ``twin_caution``: how many missed links one false link between twins outweighs (their rows may differ in
    the forename alone, as do those of a child with two forenames).
    Raises MatcherError when shapes do not fit, or the threshold or caution is out of range.
    """
    fuzzy = [key for key in keys if key.kind == "fuzzy"]
    _check(keys, fuzzy, similarity, agreement, left, right, rows, floors)
    if not (0 < threshold < 1 <= twin_caution):
        raise MatcherError(
            "The threshold is not between 0 and 1, or the caution about twins is below 1.",
            remedy="Take both from the agreement.",
        )
    pairs = len(left)
    if pairs == 0:
        empty = np.zeros(0)
        model = FittedModel(0, 0.0, threshold, math.nan, math.nan, 0, True)
        return ScoredPairs(left.astype(np.int64), right.astype(np.int64), empty, empty, empty, model)
    order = np.lexsort((right, left))  # sums then round alike, whatever the order of the pairs
    exact = [key for key in keys if key.kind == "exact"]
    sample = _sample(
        fuzzy, exact, similarity[order], agreement[order], left[order], right[order], rows, floors, presence
    )
    fitted = fit(sample, twin_caution=twin_caution)
    weight, alone, probability = np.empty(pairs), np.empty(pairs), np.empty(pairs)
    weight[order] = fitted.careful / math.log(2)
    alone[order] = fitted.alone / math.log(2)
    probability[order] = 1 / (1 + np.exp(-fitted.odds))
    chosen = weight >= math.log2(threshold / (1 - threshold))
    hits = float(probability[chosen].sum())
    matches = max(fitted.matches, float(probability.sum()))
    model = FittedModel(
        pairs=pairs,
        expected_matches=matches,
        threshold=threshold,
        precision=hits / int(chosen.sum()) if chosen.any() else math.nan,
        recall=hits / matches if matches else math.nan,
        iterations=fitted.iterations,
        converged=fitted.converged,
    )
    return ScoredPairs(left.astype(np.int64), right.astype(np.int64), probability, weight, alone, model)


def _sample(
    fuzzy: Sequence[KeyEvidence],
    exact: Sequence[KeyEvidence],
    similarity: NDArray[np.float32],
    agreement: NDArray[np.int8],
    left: NDArray[np.integer],
    right: NDArray[np.integer],
    rows: tuple[int, int],
    floors: Sequence[float],
    presence: Presence,
) -> Sample:
    """Pairs put into cells of nearly equal evidence, and how well each change explains each cell."""
    changes = possible_changes([*fuzzy, *exact])
    told = [shown(key, changes) for key in exact]
    tuples = np.array([one is not None for one in told], np.bool_)
    over = presence.over(np.concatenate([np.ones(len(fuzzy), np.bool_), tuples]))
    first, cell, values = _cells(fuzzy, similarity, agreement)
    pattern = over.place(np.concatenate([~np.isnan(values[first]), agreement[first][:, tuples] != 0], axis=1))
    order = np.argsort(pattern, kind="stable")
    first, pattern, cell = first[order], pattern[order], np.argsort(order, kind="stable")[cell]
    if (pattern < 0).any():
        raise MatcherError(
            "A pair has match-keys that no two rows are said to have.",
            remedy="Say of all rows which match-keys they have.",
        )
    log = np.zeros((len(first), len(changes)), np.float32)
    hidden = np.ones((len(over.patterns), len(changes)))
    for column, key in enumerate(fuzzy):
        middle, deviation = expected(key, changes)
        value = values[first, column]
        there = ~np.isnan(value)
        distance = (value[there, None] - middle) / deviation
        log[there] -= (distance**2 / 2 + np.log(deviation)).astype(np.float32)
        floor = (float(signal(key, np.array([floors[column]]))[0]) - middle) / deviation
        below = np.array([NormalDist().cdf(each) for each in floor])
        hidden *= np.where(over.patterns[:, [column]], below, 1.0)
    given = [one for one in told if one is not None]
    for column, (same, said) in enumerate(zip(given, agreement[first][:, tuples].T, strict=True), len(fuzzy)):
        agree = np.log(np.where(same, 1 - UNLIKE_BY_CHANCE, EQUAL_BY_CHANCE))
        differ = np.log(np.where(same, UNLIKE_BY_CHANCE, 1.0))
        log += np.where(said[:, None] == 1, agree, np.where(said[:, None] == -1, differ, 0.0)).astype(np.float32)
        hidden *= np.where(over.patterns[:, [column]] & same, UNLIKE_BY_CHANCE, 1.0)
    log -= log.max(axis=1, keepdims=True)
    return Sample(
        changes=changes,
        cell=cell,
        left=left.astype(np.int64),
        right=right.astype(np.int64),
        rows=rows,
        likelihood=np.where(log < LEAST_LOG, np.float32(0), np.exp(np.maximum(log, LEAST_LOG))),
        agreement=agreement[first][:, ~tuples],
        pattern=pattern,
        seen=1 - hidden,
        presence=over,
        both=presence.both[len(fuzzy) :][~tuples],
        number=np.array([key.number for key in exact], np.bool_)[~tuples],
    )


def _cells(
    fuzzy: Sequence[KeyEvidence], similarity: NDArray[np.float32], agreement: NDArray[np.int8]
) -> tuple[Ints, Ints, Floats]:
    """First pair of each cell, cell of each pair, and the rounded signals. Coarser until there are not too many."""
    step = 0.7
    while True:
        values = np.empty(similarity.shape)
        code = np.zeros(len(similarity), np.int64)
        for column, key in enumerate(fuzzy):
            values[:, column] = _rounded(key, similarity[:, column], step)
        for one in (*values.T, *agreement.T):
            distinct, number = np.unique(one, return_inverse=True)
            _, code = np.unique(code * len(distinct) + number, return_inverse=True)
        _, first, cell = np.unique(code, return_index=True, return_inverse=True)
        if len(first) <= MOST_CELLS:
            return first.astype(np.int64), cell.astype(np.int64), values
        step *= 1.5


def _rounded(key: KeyEvidence, similarity: NDArray[np.float32], step: float) -> Floats:
    """Signal to ``step`` of its deviation where chance rules, and more coarsely above."""
    value = signal(key, similarity)
    fine, coarse = step / math.sqrt(key.length), step * 0.06
    value = np.clip(value, -2 / math.sqrt(key.length), 1)
    near = np.minimum(np.round(value / coarse) * coarse, 0.98)
    return np.where(value > 0.995, 1.0, np.where(value < 0.3, np.round(value / fine) * fine, near))


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
