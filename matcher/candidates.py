"""Candidate pairs of two holders for one match-key, as columns."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Lock

import numpy as np

from matcher import kernel
from matcher._kernel_scan import LANES
from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.exact import find_exact
from matcher.kernel import Comparison, Found, similarities
from matcher.measures import Measure
from matcher.pairs import BYTES_PER_PAIR, Pairs, join

__all__ = ["Pairs", "chunks", "find_exact", "find_pairs", "join", "similarities"]

_PAIRS_PER_CHUNK = 1 << 33
_SAMPLE_A, _SAMPLE_B = 256, 1024


def chunks(rows_a: int, rows_b: int, pairs: int = _PAIRS_PER_CHUNK) -> list[range]:
    """Cut A's rows into ranges of at most about ``pairs`` comparisons each.

    ``find_pairs`` over these ranges, concatenated in order, is ``find_pairs`` over all rows.
    """
    step = max(1, pairs // max(1, rows_b))
    return [range(start, min(start + step, rows_a)) for start in range(0, rows_a, step)]


def find_pairs(
    a: Encodings,
    b: Encodings,
    *,
    measure: Measure,
    floor: float,
    budget: int = 1 << 30,
    threads: int = 1,
    rows: range | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Pairs:
    """Find every pair of present rows whose similarity is at or above ``floor``.

    ``rows`` restricts A to a range of its rows. The result depends on nothing else: not on ``threads``,
    ``budget`` or how the rows are cut into ranges. ``budget`` bounds the memory for pairs, in bytes;
    ``progress`` hears how many comparisons are done, of how many, on the calling thread.

    Raises FloodError, before the work where a sample shows it and else as soon as it happens, when the pairs
    would not fit the budget; MatcherError when lengths differ, or the floor or the range makes no sense.
    """
    chosen = range(a.rows) if rows is None else rows
    if chosen.step != 1 or not 0 <= chosen.start <= chosen.stop <= a.rows:
        raise MatcherError(
            f"{chosen} is not a range of the {a.rows} rows.", remedy="Use the ranges that chunks() gives."
        )
    comparison = kernel.prepare(a, b, measure=measure, floor=floor)
    total = len(chosen) * b.rows
    if total == 0:
        return join([])
    meter = _Meter(comparison, total, max(0, budget) // BYTES_PER_PAIR)
    comparison = _plan(comparison, meter)
    rounds = -(-len(chosen) // (kernel.ROWS_AT_ONCE * threads))
    step = -(-len(chosen) // (rounds * threads))  # so that all threads end together
    pieces = [range(at, min(at + step, chosen.stop)) for at in range(chosen.start, chosen.stop, step)]

    def one(piece: range) -> Pairs:
        return _sorted(kernel.compare(comparison, piece, taken=meter.take), b.rows)

    parts: list[Pairs] = []
    pool = ThreadPoolExecutor(threads)
    try:
        for piece, part in zip(pieces, pool.map(one, pieces), strict=True):
            parts.append(part)
            if progress is not None:
                progress((piece.stop - chosen.start) * b.rows, total)
    finally:
        pool.shutdown(cancel_futures=True)
    return join(parts)


def _sorted(found: Found, rows_b: int) -> Pairs:
    order = np.argsort(found.left.astype(np.int64) * rows_b + found.right)
    return Pairs(found.left[order], found.right[order], found.similarity[order])


class _Meter:
    """Count the pairs that all threads have found, and stop them when the budget is spent."""

    def __init__(self, comparison: Comparison, total: int, capacity: int) -> None:
        self._comparison = comparison
        self._total = total
        self.capacity = capacity
        self._taken = 0
        self._lock = Lock()

    def take(self, pairs: int) -> None:
        with self._lock:
            self._taken += pairs
            flooded = self._taken > self.capacity
        if flooded:
            raise self.flood()

    def expect(self, found: int, compared: int) -> None:
        """Raise FloodError when a sample of ``compared`` pairs with ``found`` above the floor foretells a flood."""
        if found > 10 and found / compared * self._total > 1.5 * self.capacity:
            raise self.flood()

    def flood(self) -> FloodError:
        floor = self._comparison.floor
        sample = _sample(self._comparison.a), _sample(self._comparison.b)
        left, right = np.indices((sample[0].rows, sample[1].rows), np.int32).reshape(2, -1)
        scores = np.sort(similarities(*sample, left, right, self._comparison.measure))[::-1]
        fitting = scores[min(len(scores) - 1, int(self.capacity / self._total * len(scores)))]
        advice = max(math.floor(float(fitting) * 100 + 1), math.floor(floor * 100 + 1)) / 100
        raising = f"Use a floor of {advice:.2f}, or give" if advice <= 1 else "Give"
        return FloodError(
            f"A floor of {floor:g} lets through more than the {self.capacity} pairs that fit the memory budget.",
            remedy=f"{raising} the run a larger memory budget.",
        )


def _sample(encodings: Encodings, most: int = 1024) -> Encodings:
    """Take every n-th present row, at most ``most`` of them."""
    present = np.flatnonzero(encodings.present)
    rows = present[:: max(1, -(-len(present) // most))]
    return Encodings(encodings.bits[rows], np.ones(len(rows), np.bool_))


def _plan(comparison: Comparison, meter: _Meter) -> Comparison:
    """Choose the sketch length that a sample says is cheapest, and refuse a floor that would flood.

    The length changes how fast the pairs are found, never which. Costs are in vector operations per row of a
    tile, as measured: five for two words of a sketch, four or five for a tile, and about a hundred and four
    for every word of a pair that is verified.
    """
    c = comparison
    sample_a, sample_b = _sample(c.a, _SAMPLE_A), _sample(c.b, _SAMPLE_B)
    compared = sample_a.rows * sample_b.rows
    if compared == 0:
        return c
    cheapest, best = c, math.inf
    for words in range(c.a.words, 0, -1):
        trial = kernel.prepare(sample_a, sample_b, measure=c.measure, floor=c.floor, words=words)
        found = kernel.compare(trial, range(sample_a.rows))
        if words == c.a.words:
            meter.expect(len(found.left), compared)
        verifying = found.verified / compared * LANES * (4 * c.a.words + 100)
        cost = 2.5 * words + 4.5 + verifying
        if cost < best:
            cheapest, best = replace(c, words=words), cost
        if verifying > best:
            break
    return cheapest
