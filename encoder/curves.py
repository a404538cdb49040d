"""A chart of shares at several steps, each with its interval: places and sizes, drawn by ``templates/charts.html``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from encoder.charts import FOOT, HEIGHT, WIDTH, Tick

LEFT = 64.0
TOP = 14.0
APART = 9.0
"""How far the marks of two curves at one step stand from its middle, so that neither hides the other."""
FLOORS = (0.99, 0.95, 0.9, 0.75, 0.5, 0.0)
"""Where the chart may begin: the highest that nothing lies below."""


@dataclass(frozen=True)
class Mark:
    """From ``low`` up to ``high``, and between them ``y``, if there is a value."""

    x: float
    low: float
    high: float
    y: float | None


@dataclass(frozen=True)
class Curve:
    """``band``: the corners, as SVG has them, of what lies between the ends of all intervals."""

    look: str
    meaning: str
    marks: tuple[Mark, ...]

    @property
    def band(self) -> str:
        corners = [(one.x, one.high) for one in self.marks] + [(one.x, one.low) for one in reversed(self.marks)]
        return " ".join(f"{x},{y}" for x, y in corners)


@dataclass(frozen=True)
class Step:
    label: str
    x: float
    chosen: bool


@dataclass(frozen=True)
class Curves:
    """Curves above steps of equal width, on a ground line at height ``ground``."""

    name: str
    title: str
    description: str
    axis: str
    steps: tuple[Step, ...]
    curves: tuple[Curve, ...]
    ticks: tuple[Tick, ...]
    width: float
    height: float
    ground: float
    left: float


Interval = tuple[float | None, float, float]
"""A share between 0 and 1, if there is one, and the ends of its interval."""


def curves(
    name: str,
    title: str,
    description: str,
    steps: Sequence[tuple[str, bool]],
    shares: Sequence[tuple[str, str, Sequence[Interval | None]]],
    *,
    axis: str,
) -> Curves:
    """``steps``: what each is called, and whether it is the chosen one. ``shares``: look, meaning, and of each step the
    share, if there is one. ``axis``: what the steps are."""
    lowest = min((one[1] for _, _, found in shares for one in found if one), default=0.0)
    floor = next(one for one in FLOORS if one <= lowest)
    ground = HEIGHT - FOOT
    step = (WIDTH - LEFT) / len(steps)

    def height(share: float) -> float:
        return round(ground - (ground - TOP) * (share - floor) / (1 - floor), 1)

    drawn = []
    for place, (look, meaning, found) in enumerate(shares):
        aside = APART * (2 * place + 1 - len(shares))
        marks = [
            Mark(
                round(LEFT + (at + 0.5) * step + aside, 1),
                height(one[1]),
                height(one[2]),
                None if one[0] is None else height(one[0]),
            )
            for at, one in enumerate(found)
            if one
        ]
        drawn.append(Curve(look, meaning, tuple(marks)))
    return Curves(
        name,
        title,
        description,
        axis,
        tuple(
            Step(label, round(LEFT + (at + 0.5) * step, 1), chosen=chosen) for at, (label, chosen) in enumerate(steps)
        ),
        tuple(drawn),
        tuple(Tick(_percent(floor + (1 - floor) * one / 4), height(floor + (1 - floor) * one / 4)) for one in range(5)),
        WIDTH,
        HEIGHT,
        ground,
        LEFT,
    )


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"
