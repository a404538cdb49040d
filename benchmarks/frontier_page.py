"""The frontier as a table and as a chart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from statistics import fmean
from typing import Any

from benchmarks.printing import markdown

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, FOOT = 64, 16, 72, 56
LEAST_RATE = 0.0003
"""Rates below are drawn here: an axis of powers of ten has no nought."""
HEAD = (
    "# Linkage quality against re-identification",
    "",
    "Made by `python -m benchmarks.frontier --data DIR --out docs/explanation` ([what for](attacks.md#the-frontier)).",
    "`base` is the bits of the base filter, A5 to A7 the share of rows that each attack names; guessing names 0.1 %.",
    "",
)
SHAPES = ("circle", "square", "diamond", "triangle", "cross", "ring", "plus", "point down", "bar")
IN_A_LINE = 3
"""Sets of match-keys, in the key above the chart."""

Point = Mapping[str, Any]


def table(document: Mapping[str, Any], best: Point | None) -> list[str]:
    """A page of Markdown, line by line: every configuration with its F1, what attacks name, and whether it passes."""
    points = document["points"]
    sets = list(points[0]["f1"]) if points else []
    heads = ("match-keys", "t", "bits", "base", *(f"F1 {name}" for name in sets), "A5", "A6", "A7", "passes")
    return [*HEAD, *markdown(heads, [_cells(one, sets, best) for one in points])]


def _cells(point: Point, sets: Sequence[str], best: Point | None) -> list[str]:
    rates = [f"{100 * each['share']:.1f} %" for each in point["attacks"].values()]
    f1 = [f"{point['f1'][name]:.3f}" for name in sets]
    verdict = "**yes, chosen**" if point is best else "yes" if point["passes"] else "no"
    t = str(point["t"]) if point["t"] > 1 else "not hardened"
    return [point["keys"], t, f"{point['length']:,}", f"{point['base_length']:,}", *f1, *rates, verdict]


def mean_f1(point: Point) -> float:
    return fmean(point["f1"].values())


def worst_rate(point: Point) -> float:
    return max(float(each["share"]) for each in point["attacks"].values())


def chart(document: Mapping[str, Any], best: Point | None) -> str:
    """SVG: across, the rate of the attack that names most, in powers of ten; up, the mean F1; a shape for each set of
    match-keys, and a line at the gate."""
    points = document["points"]
    f1 = [mean_f1(one) for one in points]
    low = math.floor(20 * min(f1, default=0.9)) / 20
    sets = list(document["sets"])

    def x(rate: float) -> float:
        span = -math.log10(LEAST_RATE)
        return LEFT + (1 + math.log10(max(rate, LEAST_RATE)) / span) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - value) / (1 - low) * (HEIGHT - TOP - FOOT)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" style="font: 12px sans-serif">',
        "<title>Linkage quality against re-identification</title>",
        "<desc>The table beside this chart says the same. Up is better linkage, left is less re-identification.</desc>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
    ]
    for rate in (0.001, 0.01, 0.1, 1.0):
        lines.append(f'<path d="M{x(rate):.1f} {TOP}V{HEIGHT - FOOT}" stroke="#ddd"/>')
        lines.append(f'<text x="{x(rate):.1f}" y="{HEIGHT - FOOT + 16}" text-anchor="middle">{100 * rate:g} %</text>')
    for step in range(5):
        value = low + (1 - low) * step / 4
        lines.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        lines.append(f'<text x="{LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3f}</text>')
    gate = x(document["gate"])
    lines.append(f'<path d="M{gate:.1f} {TOP}V{HEIGHT - FOOT}" stroke="#b00" stroke-dasharray="5 3"/>')
    lines.append(f'<text x="{gate + 4:.1f}" y="{TOP + 12}" fill="#b00">gate</text>')
    for one in points:
        title = f"{one['keys']}, t = {one['t']}, {one['length']} bits from {one['base_length']}"
        at = (x(worst_rate(one)), y(mean_f1(one)))
        lines.append(f"<g><title>{escape(title)}</title>{_mark(sets.index(one['keys']), *at, chosen=one is best)}</g>")
        if one["length"] == 2048 and one["base_length"] == 1024 and one["keys"] == sets[0]:
            lines.append(f'<text x="{at[0] + 7:.1f}" y="{at[1] - 5:.1f}" font-size="10">t={one["t"]}</text>')
    for place, name in enumerate(sets):
        line, column = divmod(place, IN_A_LINE)
        start, down = LEFT + column * (WIDTH - LEFT) / IN_A_LINE, 14 + 18 * line
        lines.append(_mark(place, start + 6, down, chosen=False))
        lines.append(f'<text x="{start + 16:.1f}" y="{down + 4}" font-size="11">{escape(name)}</text>')
    middle = (WIDTH + LEFT) / 2
    across, up = "rows named rightly by the attack that names most", "mean F1"
    lines.append(f'<text x="{middle}" y="{HEIGHT - 12}" text-anchor="middle">{across}</text>')
    lines.append(
        f'<text transform="rotate(-90 14 {HEIGHT / 2})" x="14" y="{HEIGHT / 2}" text-anchor="middle">{up}</text>'
    )
    return "\n".join([*lines, "</svg>", ""])


def _mark(shape: int, x: float, y: float, *, chosen: bool) -> str:
    """A set of match-keys by its shape; the chosen configuration is filled in red."""
    fill = "#b00" if chosen else "#1d5fa8"
    at = f"{x:.1f} {y:.1f}"
    kind = SHAPES[shape % len(SHAPES)]
    if kind in {"circle", "ring"}:
        inside = fill if kind == "circle" else "none"
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{inside}" stroke="{fill}" stroke-width="1.5"/>'
    path = {
        "square": f"M{at}m-4 -4h8v8h-8z",
        "diamond": f"M{at}m0 -5l5 5l-5 5l-5 -5z",
        "triangle": f"M{at}m0 -5l5 9h-10z",
        "cross": f"M{at}m-4 -4l8 8m0 -8l-8 8",
        "plus": f"M{at}m-5 0h10m-5 -5v10",
        "point down": f"M{at}m-5 -4h10l-5 9z",
        "bar": f"M{at}m-5 -2h10v4h-10z",
    }[kind]
    return f'<path d="{path}" fill="{fill}" stroke="{fill}" stroke-width="1.5"/>'
