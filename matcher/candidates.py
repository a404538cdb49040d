"""Candidate pairs of two holders for one match-key, as columns."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from matcher import kernel
from matcher._kernel_scan import LANES
from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.exact import find_exact
from matcher.forecast import SAMPLE_A, SAMPLE_B, Forecast, forecast, sample
from matcher.kernel import Comparison, Found, similarities
from matcher.measures import Measure
from matcher.pairs import BYTES_PER_PAIR, Pairs, join

__all__ = ["Pairs", "chunks", "find_exact", "find_pairs", "join", "similarities", "stream_pairs"]

_PAIRS_PER_CHUNK = 1 << 33
_AHEAD = 2
"""Pieces under way or waiting to be taken, for each thread."""


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
    chosen = _checked(rows, a)
    capacity = max(0, budget) // BYTES_PER_PAIR
    total = len(chosen) * b.rows
    foreseen = forecast(a, b, measure=measure, floor=floor, total=total)
    if foreseen.floods(1.5 * capacity):
        raise _flood(foreseen, capacity)
    parts: list[Pairs] = []
    found = 0
    for piece, part in _pieces(
        a, b, measure=measure, floor=floor, rows=chosen, budget=budget, threads=threads, halt=_go_on
    ):
        found += len(part)
        if found > capacity:
            raise _flood(foreseen, capacity)
        parts.append(part)
        if progress is not None:
            progress((piece.stop - chosen.start) * b.rows, total)
    return join(parts)


def stream_pairs(
    a: Encodings,
    b: Encodings,
    *,
    measure: Measure,
    floor: float,
    budget: int,
    threads: int = 1,
    rows: range | None = None,
    halt: Callable[[], None] | None = None,
) -> Iterator[Pairs]:
    """Find the same pairs as ``find_pairs`` and in the same order, a piece at a time, however many there are.

    At most about ``budget`` bytes of pairs are held at once, but always room for the pairs of one row a thread.
    ``halt`` is called many times a second, from any thread, and may raise to end the work. Raises MatcherError when
    lengths differ, or the floor or the range makes no sense.
    """
    chosen = _checked(rows, a)
    pieces = _pieces(
        a, b, measure=measure, floor=floor, rows=chosen, budget=budget, threads=threads, halt=halt or _go_on
    )
    for _, part in pieces:
        yield part


class _FullError(Exception):
    """A piece has more pairs than its share of the memory."""


def _pieces(
    a: Encodings,
    b: Encodings,
    *,
    measure: Measure,
    floor: float,
    rows: range,
    budget: int,
    threads: int,
    halt: Callable[[], None],
) -> Iterator[tuple[range, Pairs]]:
    """Ranges of rows, in order, and the pairs of each. A range with too many pairs is done again in smaller ones."""
    comparison = _with_sketch(kernel.prepare(a, b, measure=measure, floor=floor))
    if len(rows) == 0 or b.rows == 0:
        return
    share = budget // (BYTES_PER_PAIR * (_AHEAD * threads + 1))
    rounds = -(-len(rows) // (kernel.ROWS_AT_ONCE * threads))
    step = -(-len(rows) // (rounds * threads))  # so that all threads end together
    at = rows.start
    pool = ThreadPoolExecutor(threads)
    waiting: deque[tuple[range, Future[Pairs]]] = deque()
    try:
        while at < rows.stop or waiting:
            while at < rows.stop and len(waiting) < _AHEAD * threads:
                piece = range(at, min(at + step, rows.stop))
                most = max(share, b.rows) if len(piece) == 1 else share
                waiting.append((piece, pool.submit(_one, comparison, piece, most, halt)))
                at = piece.stop
            piece, future = waiting.popleft()
            try:
                part = future.result()
            except _FullError:
                _drop(waiting)
                at, step = piece.start, max(1, len(piece) // 4)
                continue
            yield piece, part
    finally:
        _drop(waiting)
        pool.shutdown(cancel_futures=True)


def _one(comparison: Comparison, piece: range, most: int, halt: Callable[[], None]) -> Pairs:
    found = 0

    def take(pairs: int) -> None:
        nonlocal found
        halt()
        found += pairs
        if found > most:
            raise _FullError

    return _sorted(kernel.compare(comparison, piece, taken=take), comparison.b.rows)


def _drop(waiting: deque[tuple[range, Future[Pairs]]]) -> None:
    """Forget what is under way; a piece that has begun ends first, so that memory is free after this."""
    for _, future in waiting:
        if not future.cancel():
            future.exception()
    waiting.clear()


def _go_on() -> None:
    """Nothing halts the work."""


def _checked(rows: range | None, a: Encodings) -> range:
    chosen = range(a.rows) if rows is None else rows
    if chosen.step != 1 or not 0 <= chosen.start <= chosen.stop <= a.rows:
        raise MatcherError(
            f"{chosen} is not a range of the {a.rows} rows.", remedy="Use the ranges that chunks() gives."
        )
    return chosen


def _sorted(found: Found, rows_b: int) -> Pairs:
    order = np.argsort(found.left.astype(np.int64) * rows_b + found.right)
    return Pairs(found.left[order], found.right[order], found.similarity[order])


def _flood(foreseen: Forecast, capacity: int) -> FloodError:
    advice = foreseen.fitting_floor(capacity)
    raising = f"Use a floor of {advice:.2f}, or give" if advice <= 1 else "Give"
    return FloodError(
        f"A floor of {foreseen.floor:g} lets through more than the {capacity} pairs that fit the memory budget.",
        remedy=f"{raising} the run a larger memory budget.",
    )


def _with_sketch(comparison: Comparison) -> Comparison:
    """Choose the sketch length that a sample says is cheapest.

    The length changes how fast the pairs are found, never which. Costs are in vector operations per row of a
    tile, as measured: five for two words of a sketch, four or five for a tile, and about a hundred and four
    for every word of a pair that is verified.
    """
    c = comparison
    sample_a, sample_b = sample(c.a, SAMPLE_A), sample(c.b, SAMPLE_B)
    compared = sample_a.rows * sample_b.rows
    if compared == 0:
        return c
    cheapest, best = c, math.inf
    for words in range(c.a.words, 0, -1):
        trial = kernel.prepare(sample_a, sample_b, measure=c.measure, floor=c.floor, words=words)
        found = kernel.compare(trial, range(sample_a.rows))
        verifying = found.verified / compared * LANES * (4 * c.a.words + 100)
        cost = 2.5 * words + 4.5 + verifying
        if cost < best:
            cheapest, best = replace(c, words=words), cost
        if verifying > best:
            break
    return cheapest
