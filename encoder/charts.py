"""Charts as places and sizes, to be drawn as SVG by ``templates/charts.html``. They say nothing that a table beside
them does not.

Units are those of the SVG's view box, in which a letter is about 7 wide and a line 20 high.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from encoder.intervals import Estimate
from encoder.page import percent

WIDTH = 640
LABELS = 150
VALUES = 90
LINE = 30
THICKNESS = 18
LONGEST = 19
"""Letters of a label that there is room for; a longer one is shown without its middle."""
HEIGHT = 380
FOOT = 46
TICKS = 4
FINE = 10_000
"""So many parts a share is drawn in."""


@dataclass(frozen=True)
class Part:
    """A piece of a bar. ``look``: the name of its pattern and colour."""

    look: str
    start: float
    length: float


@dataclass(frozen=True)
class Whisker:
    """Between which places the end of a bar may lie."""

    start: float
    end: float


@dataclass(frozen=True)
class Row:
    """A horizontal bar at height ``y``, its label on the left, its value on the right."""

    label: str
    y: float
    parts: tuple[Part, ...]
    value: str
    whisker: Whisker | None = None


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, each of one or several parts. ``legend``: look -> meaning; empty where there is one look."""

    name: str
    title: str
    description: str
    legend: dict[str, str]
    rows: tuple[Row, ...]
    width: float
    height: float


@dataclass(frozen=True)
class Stand:
    """A standing bar from ``y`` down to the ground line."""

    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Tick:
    """A line across a histogram at height ``y``."""

    label: str
    y: float


@dataclass(frozen=True)
class Histogram:
    """Standing bars on a ground line at height ``ground``."""

    name: str
    title: str
    description: str
    stands: tuple[Stand, ...]
    ticks: tuple[Tick, ...]
    axis: str
    width: float
    height: float
    ground: float
    left: float


def bars(
    name: str,
    title: str,
    description: str,
    rows: Sequence[tuple[str, Sequence[tuple[str, int]], str]],
    *,
    whole: int,
    legend: dict[str, str] | None = None,
    whiskers: Sequence[tuple[float, float] | None] = (),
) -> Bars:
    """Horizontal bars. ``rows``: label, (look, amount) of each part, and the value to write. ``whole``: the amount that
    fills a bar. ``whiskers``: of each row the amounts between which its end may lie, if it has any. Parts that are too
    thin to be seen are drawn one unit wide."""
    drawn = []
    room = (WIDTH - LABELS - VALUES) / whole
    ends = [one and Whisker(*(round(LABELS + room * amount, 1) for amount in one)) for one in whiskers]
    for place, (label, amounts, value) in enumerate(rows):
        lengths = _lengths([amount for _, amount in amounts], whole)
        starts = [LABELS + sum(lengths[:before]) for before in range(len(lengths))]
        parts = [
            Part(look, round(start, 1), round(length, 1))
            for (look, _), start, length in zip(amounts, starts, lengths, strict=True)
            if length
        ]
        whisker = ends[place] if ends else None
        drawn.append(Row(_shortened(label), place * LINE + (LINE - THICKNESS) / 2, tuple(parts), value, whisker))
    return Bars(name, title, description, legend or {}, tuple(drawn), WIDTH, len(rows) * LINE)


def _shortened(label: str) -> str:
    return label if len(label) <= LONGEST else f"{label[:10]}\N{HORIZONTAL ELLIPSIS}{label[10 + 1 - LONGEST :]}"


def _lengths(amounts: Sequence[int], whole: int) -> list[float]:
    """A part that is there is drawn, about one unit long at least; what that takes too much, the longest gives."""
    room = WIDTH - LABELS - VALUES
    exact = [room * amount / whole for amount in amounts]
    lengths = [max(1.0, length) if length else 0.0 for length in exact]
    lengths[lengths.index(max(lengths))] -= sum(lengths) - max(sum(exact), sum(map(bool, exact)))
    return lengths


def histogram(name: str, title: str, description: str, values: Sequence[tuple[str, int]], *, axis: str) -> Histogram:
    """Standing bars, one for each label and amount. ``axis``: what the labels are."""
    most = _round_up(max(amount for _, amount in values))
    left = 16.0 + 8 * len(f"{most:,}")
    step = (WIDTH - left) / len(values)
    ground = HEIGHT - FOOT
    room = ground - 14
    stands = []
    for place, (label, amount) in enumerate(values):
        height = round(room * amount / most, 1)
        stands.append(Stand(label, round(left + place * step + step * 0.1, 1), ground - height, step * 0.8, height))
    ticks = [Tick(f"{most * one // TICKS:,}", round(ground - room * one / TICKS, 1)) for one in range(TICKS + 1)]
    return Histogram(name, title, description, tuple(stands), tuple(ticks), axis, WIDTH, HEIGHT, ground, left)


def _round_up(amount: int) -> int:
    """The next round number that four divides."""
    size = 1
    while True:
        for one in (4, 8, 12, 20):
            if amount <= one * size:
                return one * size
        size *= 10


def share_bars(name: str, title: str, told: Sequence[tuple[str, Estimate]]) -> Bars | None:
    """A bar for each share, of a label each, with its interval at the end; none for no shares."""
    if not told:
        return None
    return bars(
        name,
        title,
        "; ".join(f"{label}: {percent(share.value)}" for label, share in told) + ".",
        [(label, [("usable", round(FINE * share.value))], percent(share.value)) for label, share in told],
        whole=FINE,
        whiskers=[(FINE * share.low, FINE * share.high) for _, share in told],
    )
