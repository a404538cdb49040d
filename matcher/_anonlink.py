"""anonlink as the reference engine for plain CLKs: the only place that imports it."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.encodings import Encodings
from matcher.pairs import Pairs
from matcher.solve import PairSet

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    warnings.filterwarnings("ignore", message="mypy_extensions.TypedDict is deprecated", category=DeprecationWarning)
    from anonlink.candidate_generation import find_candidate_pairs
    from anonlink.similarities import dice_coefficient, dice_coefficient_pairs_python
    from anonlink.solving import greedy_solve
    from bitarray import bitarray


@dataclass(frozen=True, repr=False)
class Difference:
    """Where two sets of pairs differ.

    ``ours`` were found by the matcher alone, ``anonlinks`` by anonlink alone. ``lost_on_floor`` of ``ours`` are
    also at or above the floor by anonlink's own plain-Python similarity: its compiled search drops a pair that
    lies exactly on the floor when one CLK contains the other and a rounded bound on their sizes falls short.
    """

    ours: Pairs
    anonlinks: Pairs
    lost_on_floor: int

    @property
    def unexplained(self) -> int:
        """How many pairs differ for a reason that is not known."""
        return len(self.ours) + len(self.anonlinks) - self.lost_on_floor

    def __repr__(self) -> str:
        return f"Difference(ours={len(self.ours)}, anonlinks={len(self.anonlinks)}, unexplained={self.unexplained})"


def find_pairs_anonlink(a: Encodings, b: Encodings, floor: float) -> Pairs:
    """Find every pair of present rows with Dice similarity at or above ``floor``, with anonlink.

    Its memory is not bounded: use it where few pairs are expected.
    """
    rows_a, rows_b = np.flatnonzero(a.present), np.flatnonzero(b.present)
    datasets = (_bitarrays(a, rows_a), _bitarrays(b, rows_b))
    scores, _, (left, right) = find_candidate_pairs(datasets, dice_coefficient, floor)
    pairs = Pairs(
        rows_a[np.asarray(left, np.int64)].astype(np.int32),
        rows_b[np.asarray(right, np.int64)].astype(np.int32),
        np.asarray(scores, np.float32),
    )
    order = np.lexsort((pairs.right, pairs.left))
    return Pairs(pairs.left[order], pairs.right[order], pairs.similarity[order])


def solve_anonlink(pairs: PairSet, threshold: float) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Link two holders' scored pairs with anonlink's greedy solver: the linked rows of each, side by side.

    Equal scores go by row of the first holder, then of the second.
    """
    kept = np.flatnonzero(pairs.score >= threshold)
    order = kept[np.lexsort((pairs.right[kept], pairs.left[kept], -pairs.score[kept]))]
    holder = np.zeros(len(order), np.uint32)
    rows = pairs.left[order].astype(np.uint32), pairs.right[order].astype(np.uint32)
    groups = greedy_solve((pairs.score[order].astype(np.float64), (holder, holder + np.uint32(1)), rows))
    linked = np.array(sorted(tuple(row for _, row in sorted(group)) for group in groups), np.int64).reshape(-1, 2)
    return linked[:, 0], linked[:, 1]


def cross_check(pairs: Pairs, a: Encodings, b: Encodings, floor: float) -> Difference:
    """Compare the pairs that ``find_pairs`` found by Dice with anonlink's."""
    reference = find_pairs_anonlink(a, b, floor)
    ours = _without(pairs, reference)
    scores = dice_coefficient_pairs_python(
        list(zip(_bitarrays(a, ours.left), _bitarrays(b, ours.right), strict=True)),
    )
    return Difference(ours, _without(reference, pairs), int((np.asarray(scores) >= floor).sum()))


def _bitarrays(encodings: Encodings, rows: NDArray[np.integer]) -> list[bitarray]:
    """Give each row as a bit array; anonlink only counts bits, so their order does not matter."""
    filters = []
    for row in rows:
        bits = bitarray()
        bits.frombytes(encodings.bits[row].tobytes())
        filters.append(bits)
    return filters


def _without(pairs: Pairs, others: Pairs) -> Pairs:
    """Keep the pairs that differ from all ``others`` in a row or in similarity."""
    fields = [("left", np.int32), ("right", np.int32), ("similarity", np.float32)]
    records = []
    for part in (pairs, others):
        record = np.empty(len(part), fields)
        record["left"], record["right"], record["similarity"] = part.left, part.right, part.similarity
        records.append(record)
    kept = ~np.isin(records[0].view("V12"), records[1].view("V12"))
    return Pairs(pairs.left[kept], pairs.right[kept], pairs.similarity[kept])
