"""The report on a linkage where the truth is not known: one HTML page that needs no network, and the same as JSON.

Figures are shares with four decimals in JSON, and the same in percent on the page. Every count is as the suppression
rule lets it be shown.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from encoder.charts import FINE, Bars, bars, share_bars
from encoder.curves import Curves, Interval, curves
from encoder.linkage_quality import Band, Expected, Share
from encoder.match_rates import HolderRates, Rate
from encoder.page import interval, page_templates, percent, rounded
from encoder.report import write_page
from encoder.traits import short
from keys.terms import Terms

FORMAT = "counterfoil-linkage-quality-1"


@dataclass(frozen=True)
class About:
    """What a report is about and what made it. ``made``: a date as in ISO 8601; ``below`` and ``round_to``: the
    agreement's suppression rule; ``match``: its threshold."""

    run: str
    holders: tuple[str, ...]
    match: float
    below: int
    round_to: int
    made: str
    tool: str

    @classmethod
    def of(cls, terms: Terms, *, run: str, made: str, tool: str) -> About:
        names, rule = tuple(holder.name for holder in terms.holders), terms.suppression
        return cls(run, names, terms.decision.match, rule.below, rule.round_to, made, tool)


@dataclass(frozen=True)
class Report:
    """``expected``: ``None`` where nothing may be said, or nothing is estimated. ``own``: the rates of the holder whose
    report it is, all its rows first. ``rates``: of the holders whose attribute files were given."""

    about: About
    expected: Expected | None
    own: tuple[Rate, ...]
    rates: tuple[HolderRates, ...]


def write_linkage(report: Report, page: Path) -> tuple[Path, Path]:
    """Write the page and its figures, as ``encoder.report.write_page`` does."""
    return write_page(page, linkage_page(report), linkage_json(report))


def linkage_json(report: Report) -> str:
    """The figures as JSON in plain ASCII, with a line end."""
    found = asdict(report)
    return (
        json.dumps({"format": FORMAT, **found.pop("about"), **rounded_but_edges(found)}, ensure_ascii=True, indent=1)
        + "\n"
    )


def rounded_but_edges(found: dict[str, Any]) -> dict[str, Any]:
    """Shares with four decimals; where bands begin and end, and thresholds, as they are."""
    made: dict[str, Any] = rounded(found)
    if found["expected"]:
        for name in ("bands", "curve"):
            for one, exact in zip(made["expected"][name], found["expected"][name], strict=True):
                one |= {edge: exact[edge] for edge in ("low", "high", "threshold") if edge in exact}
    return made


def linkage_page(report: Report) -> str:
    """The page, which declares that it is in UTF-8."""
    expected = report.expected
    return (
        _templates()
        .get_template("linkage.html")
        .render(
            about=report.about,
            names=" and ".join(report.about.holders),
            expected=expected,
            own=report.own,
            holders=[(one, _rates(one, place)) for place, one in enumerate(report.rates, start=1)],
            quality=_quality(expected) if expected else None,
            weights=_weights(expected) if expected and expected.bands else None,
            thresholds=_thresholds(expected) if expected and len(expected.curve) > 1 else None,
        )
    )


def band_label(band: Band) -> str:
    return f"{band.low:g} and more" if band.high == 1 else f"{band.low:g} to {band.high:g}"


def in_words(report: Report) -> list[str]:
    """The main figures for a terminal, one line each."""
    expected, few = report.expected, f"fewer than {report.about.below}"
    if expected is None:
        return ["expected missed and false links: not told"]
    point = expected.agreed
    missed = _count(expected.missed, few) if expected.missed_told else "not told"
    return [
        f"links: {expected.links:,} (to the nearest {expected.round_to})",
        f"expected false links: {_count(expected.false, few)}; precision {interval(point.precision)}",
        f"expected missed links: {missed}; recall {interval(point.recall)}",
    ]


def _count(shown: int | None, hidden: str) -> str:
    return hidden if shown is None else f"{shown:,}"


@cache
def _templates() -> Environment:
    environment = page_templates("encoder")
    environment.filters |= {"band": band_label, "between": _between, "reach": "{:g}".format}
    return environment


def _between(one: Any) -> str:
    """A range in whole numbers."""
    return f"{one.low:,.0f} to {one.high:,.0f}"


def _quality(expected: Expected) -> Bars:
    told = [
        (label, one)
        for label, one in (("Precision", expected.agreed.precision), ("Recall", expected.agreed.recall))
        if one
    ]
    return bars(
        "chart-quality",
        "Expected precision and recall",
        "; ".join(f"{label}: {interval(one)}" for label, one in told) + ".",
        [(label, [("usable", _end(one))], _value(one)) for label, one in told],
        whole=FINE,
        whiskers=[(FINE * one.low, FINE * one.high) for _, one in told],
    )


def _end(share: Share) -> int:
    return round(FINE * (share.low if share.value is None else share.value))


def _value(share: Share) -> str:
    return f"\N{GREATER-THAN OR EQUAL TO} {percent(share.low)}" if share.value is None else percent(share.value)


def _weights(expected: Expected) -> Bars:
    """The bands as a histogram lying on its side. What a suppressed number leaves open is drawn too."""
    rows: list[tuple[str, list[tuple[str, int]], str]] = []
    for one in expected.bands:
        low, high = round(one.links.low), round(one.links.high)
        value = "the rest" if one.rest else _count(one.shown, f"under {expected.below}")
        rows.append((band_label(one), [("usable", low), ("partial", high - low)], value))
    return bars(
        "chart-weights",
        "Links by match probability",
        "; ".join(f"{label}: {value}" for label, _, value in rows) + ".",
        rows,
        whole=max(round(one.links.high) for one in expected.bands),
        legend={"usable": "at least so many links", "partial": "what rounding leaves open"},
    )


def _thresholds(expected: Expected) -> Curves:
    points = expected.curve
    shares = [
        ("first", "precision", [_of(one.precision) for one in points]),
        ("second", "recall", [_of(one.recall) for one in points]),
    ]
    return curves(
        "chart-thresholds",
        "Precision and recall by threshold",
        "; ".join(
            f"{one.threshold:g}: precision {interval(one.precision)}, recall {interval(one.recall)}" for one in points
        )
        + ".",
        [(f"{one.threshold:g}", one is expected.agreed) for one in points],
        [one for one in shares if any(one[2])],
        axis="match probability from which pairs are linked; the agreement's is in bold",
    )


def _of(share: Share | None) -> Interval | None:
    return None if share is None else (share.value, share.low, share.high)


def _rates(holder: HolderRates, place: int) -> Bars | None:
    """Match rate by group, of every breakdown that is told."""
    told = [
        (short(one.name, group.label), group.rate) for one in holder.breakdowns for group in one.groups if group.rate
    ]
    title = f"Match rate by group of the rows of {holder.whole.label}"
    return share_bars(f"chart-rates-{place}", title, told)
