"""anonlink as the reference engine for plain CLKs: the only place that imports it."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.measures import check_floor
from matcher.pairs import BYTES_PER_PAIR, Pairs, join
from matcher.solve import PairSet

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated", category=UserWarning)
    warnings.filterwarnings("ignore", message="mypy_extensions.TypedDict is deprecated", category=DeprecationWarning)
    from anonlink.candidate_generation import find_candidate_pairs
    from anonlink.similarities import dice_coefficient, dice_coefficient_pairs_python, dice_coefficient_python
    from anonlink.solving import greedy_solve
    from bitarray import bitarray

_BYTES_PER_ANSWER = 64  # of a pair in anonlink's arrays, while they grow and are sorted


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
    side_a, side_b = _Side.of(a), _Side.of(b)
    scores, _, rows = find_candidate_pairs((side_a.filters, side_b.filters), dice_coefficient, floor)
    return _sorted(_pairs(side_a, side_b, (scores, rows)))


def find_all_pairs_anonlink(
    a: Encodings,
    b: Encodings,
    floor: float,
    *,
    budget: int = 1 << 30,
    progress: Callable[[int, int], None] | None = None,
) -> Pairs:
    """Find the pairs that ``find_pairs`` finds by Dice, with anonlink alone and in bounded memory.

    1. The rows go to anonlink's compiled search in blocks of either holder, so small that its answer fits a quarter
       of ``budget`` bytes even where every pair is found.
    2. That search loses pairs on the floor at some sizes, numbers of set bits (see ``Difference``). At which, anonlink
       itself is asked. Rows of these sizes are compared once more, by its plain-Python search, which loses none.

    ``progress`` hears how many comparisons are done, of how many. Raises FloodError when the pairs do not fit the
    budget, MatcherError when lengths differ or the floor is not in (0, 1].
    """
    check_floor(floor)
    if a.words != b.words:
        raise MatcherError(
            f"CLKs of {a.length} bits cannot be compared with CLKs of {b.length} bits.",
            remedy="Make both holders' CLKs by the same schema.",
        )
    side_a, side_b = _Side.of(a), _Side.of(b)
    step = max(1, math.isqrt(budget // 4 // _BYTES_PER_ANSWER))
    lost = _lost_sizes(np.unique(side_a.sizes), np.unique(side_b.sizes), a.length, floor, step)
    done = found = 0
    parts: list[Pairs] = []
    for block_a in side_a.blocks(step):
        answers: list[Pairs] = []
        for block_b in side_b.blocks(step):
            answers.append(_find(block_a, block_b, floor, lost))
            found += len(answers[-1])
            if found > budget // BYTES_PER_PAIR:
                raise FloodError(
                    f"A floor of {floor:g} lets through more than the {budget // BYTES_PER_PAIR} pairs that fit the"
                    " memory budget.",
                    remedy="Use a higher floor, or give the run a larger memory budget.",
                )
            done += len(block_a.rows) * len(block_b.rows)
            if progress is not None:
                progress(done, len(side_a.rows) * len(side_b.rows))
        parts.append(_sorted(join(answers)))
    return join(parts)


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


class _Side(NamedTuple):
    """Some rows of one holder: their numbers and sizes, int64 ``(rows,)``, and their filters."""

    rows: NDArray[np.int64]
    sizes: NDArray[np.int64]
    filters: list[bitarray]

    @classmethod
    def of(cls, encodings: Encodings) -> Self:
        rows = np.flatnonzero(encodings.present)
        sizes = np.bitwise_count(encodings.bits[rows]).sum(axis=1, dtype=np.int64)
        return cls(rows, sizes, _bitarrays(encodings, rows))

    def blocks(self, step: int) -> list[Self]:
        some = [slice(start, start + step) for start in range(0, len(self.rows), step)]
        return [type(self)(self.rows[each], self.sizes[each], self.filters[each]) for each in some]

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        return type(self)(self.rows[chosen], self.sizes[chosen], list(compress(self.filters, chosen)))


_Answer = tuple[Sequence[float], tuple[Sequence[int], ...]]


def _find(a: _Side, b: _Side, floor: float, lost: dict[int, NDArray[np.int64]]) -> Pairs:
    """Search two blocks, and again where sizes are lost; pairs in no particular order."""
    answers = [_pairs(a, b, dice_coefficient((a.filters, b.filters), floor))]
    for size in lost.keys() & set(a.sizes.tolist()):
        some_a, some_b = a.where(a.sizes == size), b.where(np.isin(b.sizes, lost[size]))
        again = dice_coefficient_python((some_a.filters, some_b.filters), floor)
        answers.append(_pairs(some_a, some_b, again))
    return join(answers)


def _pairs(a: _Side, b: _Side, answer: _Answer) -> Pairs:
    scores, (left, right) = answer
    return Pairs(
        a.rows[np.asarray(left, np.int64)].astype(np.int32),
        b.rows[np.asarray(right, np.int64)].astype(np.int32),
        np.asarray(scores, np.float32),
    )


def _lost_sizes(
    sizes_a: NDArray[np.int64], sizes_b: NDArray[np.int64], length: int, floor: float, step: int
) -> dict[int, NDArray[np.int64]]:
    """For sizes in A, the sizes in B with which anonlink's compiled search loses the pairs on the floor.

    Two CLKs of given sizes are most similar when one contains the other. A search that does not find these two at a
    floor that they reach finds no pair of these sizes.
    """
    within = [_nested(size, length) for size in sizes_b.tolist()]
    lost = {}
    rows = max(1, step * step // max(1, len(sizes_b)))
    for start in range(0, len(sizes_a), rows):
        some = sizes_a[start : start + rows]
        total = np.maximum(some[:, None] + sizes_b[None, :], 1)
        missing = 2.0 * np.minimum(some[:, None], sizes_b[None, :]) / total >= floor
        _, (left, right) = dice_coefficient(([_nested(size, length) for size in some.tolist()], within), floor)
        missing[np.asarray(left, np.int64), np.asarray(right, np.int64)] = False
        lost.update({int(some[at]): sizes_b[missing[at]] for at in np.flatnonzero(missing.any(axis=1))})
    return lost


def _nested(size: int, length: int) -> bitarray:
    """A filter with its first ``size`` bits set: it contains every smaller one."""
    bits = bitarray(length)
    bits.setall(False)
    bits[:size] = True
    return bits


def _sorted(pairs: Pairs) -> Pairs:
    order = np.lexsort((pairs.right, pairs.left))
    return pairs.take(order)


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
    return pairs.take(kept)
