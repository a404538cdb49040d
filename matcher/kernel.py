"""Find every pair of two holders' rows that is similar enough: exact, in bounded memory, on one core.

A ``Comparison`` holds what is decided once for two holders and one match-key. ``compare`` then does any range
of A's rows with working memory that does not grow with either holder; it releases the interpreter lock, so
threads run ranges side by side. How the compiled part works is told in ``_kernel_scan``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher import _kernel_rows, _kernel_scan, measures
from matcher._kernel_jit import compilations, kept_in
from matcher.encodings import Encodings
from matcher.errors import MatcherError
from matcher.measures import Measure

ROWS_AT_ONCE = 8192
PANEL_BYTES = 1 << 19  # of B's sketches: half of a usual second-level cache
_ABSENT = 2**40  # slack that no pair gets over
_COMPILED = (_kernel_rows.sketch, _kernel_rows.distance, _kernel_rows.score, _kernel_scan.scan)


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two holders' encodings with a measure and a floor; ``words`` is the length of the sketch."""

    a: Encodings
    b: Encodings
    measure: Measure
    floor: float
    words: int
    weight_a: NDArray[np.int64]
    weight_b: NDArray[np.int64]
    limit: NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Found:
    """Pairs as columns, in no particular order: int32, int32 and float32, all ``(pairs,)``."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    similarity: NDArray[np.float32]
    verified: int = 0


def prepare(a: Encodings, b: Encodings, *, measure: Measure, floor: float, words: int | None = None) -> Comparison:
    """Weigh all rows. Raises MatcherError when the lengths differ or the floor is not in (0, 1]."""
    if a.words != b.words:
        raise MatcherError(
            f"Encodings of {a.length} bits cannot be compared with encodings of {b.length} bits.",
            remedy="Encode both holders' rows under the same agreement.",
        )
    return Comparison(
        a=a,
        b=b,
        measure=measure,
        floor=floor,
        words=words or a.words,
        weight_a=measures.weights(measure, a.bits, first=True),
        weight_b=measures.weights(measure, b.bits, first=False),
        limit=measures.allowed(a.length, floor),
    )


def compare(
    comparison: Comparison,
    rows: range,
    *,
    taken: Callable[[int], None] = lambda _pairs: None,
    buffer: int = 1 << 16,
    rows_at_once: int = ROWS_AT_ONCE,
    panel_bytes: int = PANEL_BYTES,
) -> Found:
    """Compare A's ``rows`` with all of B. ``taken`` hears the size of every bufferful, also of an empty one at the end
    of a panel, and may raise to stop.

    ``buffer`` is the number of pairs that the compiled part may write before it hands them over,
    ``rows_at_once`` how many rows of A and ``panel_bytes`` how much of B's sketches are laid out at a time.
    """
    capacity = max(buffer, _kernel_scan.TILE)
    left, right = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    similarity = np.empty(capacity, np.float32)
    kept = [Found(left[:0], right[:0], similarity[:0])]
    verified = 0
    c = comparison
    panel_rows = max(1, panel_bytes // (8 * c.words * _kernel_scan.LANES)) * _kernel_scan.LANES
    for first_a in range(rows.start, rows.stop, rows_at_once):
        some_a = slice(first_a, min(first_a + rows_at_once, rows.stop))
        side_a = _side(c, some_a, first=True)
        for first_b in range(0, c.b.rows, panel_rows):
            some_b = slice(first_b, min(first_b + panel_rows, c.b.rows))
            side_b = _side(c, some_b, first=False)
            tile, tiles = 0, len(side_a[0]) * len(side_b[0])
            while tile < tiles:
                pairs, tile, checked = _kernel_scan.scan(*side_a, *side_b, c.limit, tile, left, right, similarity)
                verified += checked
                taken(pairs)
                if pairs:
                    kept.append(Found(left[:pairs] + first_a, right[:pairs] + first_b, similarity[:pairs].copy()))
    return Found(
        np.concatenate([part.left for part in kept]),
        np.concatenate([part.right for part in kept]),
        np.concatenate([part.similarity for part in kept]),
        verified,
    )


_Side = tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.uint64], NDArray[np.int64]]


def _side(c: Comparison, rows: slice, *, first: bool) -> _Side:
    """Lay out some rows of one holder for the scan: sketches, slack, bits, weights."""
    holder, weight = (c.a, c.weight_a) if first else (c.b, c.weight_b)
    width = _kernel_scan.ROWS if first else _kernel_scan.LANES
    bits, weight, present = _constant(holder.bits[rows]), weight[rows], holder.present[rows]
    tiles = -(-len(bits) // width)
    sketches = np.empty((tiles, c.words, width), np.uint64)
    _kernel_rows.sketch(bits, c.words, width, sketches)
    slack = np.full(tiles * width, _ABSENT, np.int64)
    spare = measures.slack(c.measure, weight, holder.length, c.floor, first=first) + int(first)
    slack[: len(bits)] = np.where(present, -((spare + 1) // 2), _ABSENT)
    return sketches, slack, bits, weight


def similarities(
    a: Encodings, b: Encodings, left: NDArray[np.integer], right: NDArray[np.integer], measure: Measure
) -> NDArray[np.float32]:
    """Score the pairs ``(left[i], right[i])``: float32 ``(pairs,)``, NaN where either row is absent.

    Raises MatcherError when the lengths of the encodings differ, IndexError when a row is not there.
    """
    comparison = prepare(a, b, measure=measure, floor=1.0)
    out = np.full(len(left), np.nan, np.float32)
    there = np.flatnonzero(a.present[left] & b.present[right])
    _kernel_rows.score(
        _constant(a.bits),
        _constant(b.bits),
        comparison.weight_a,
        comparison.weight_b,
        left.astype(np.int64),
        right.astype(np.int64),
        there,
        out,
    )
    return out


def _constant(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """View ``bits`` as read-only, as some holders' are, so that there is one case to compile and not several."""
    view = bits.view()
    view.flags.writeable = False
    return view


def warm() -> int:
    """Compile all that comparing and scoring by either measure need, or load it: how many functions were compiled.

    That takes seconds the first time on a machine and a fraction of one later, if ``code_folder`` is a place.
    Whoever does not call it waits as long at the first comparison of each process.
    """
    row = Encodings(np.ones((1, 1), np.uint64), np.ones(1, np.bool_))
    before = sum(compilations(function) for function in _COMPILED)
    compare(prepare(row, row, measure="dice", floor=1.0), range(1))
    similarities(row, row, np.zeros(1, np.int64), np.zeros(1, np.int64), "dice")
    return sum(compilations(function) for function in _COMPILED) - before


def code_folder() -> str | None:
    """Where compiled code is kept for the next process; None where no place can be written, so that each compiles."""
    return kept_in(_kernel_scan.scan)
