"""The report on how good a linkage is: one HTML page that needs no network, and the same figures as JSON.

Figures are shares with four decimals in JSON, and the same in percent on the page.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment

from encoder.charts import Bars, bars, share_bars
from encoder.page import page_templates, rounded
from encoder.report import write_page
from encoder.traits import short
from services.assurance.quality import LinkageQuality, Side

FORMAT = "counterfoil-quality-1"
LEGEND = {"usable": "right link", "missing": "missed link", "invalid": "false link"}


@dataclass(frozen=True)
class About:
    """What made a report. ``made``: a date as in ISO 8601."""

    made: str
    tool: str


def write_quality(quality: LinkageQuality, about: About, page: Path) -> tuple[Path, Path]:
    """Write the page and its figures, as ``encoder.report.write_page`` does."""
    return write_page(page, quality_page(quality, about), quality_json(quality, about))


def quality_json(quality: LinkageQuality, about: About) -> str:
    """The figures as JSON in plain ASCII, with a line end."""
    found = {"format": FORMAT, **asdict(about), **rounded(asdict(quality))}
    return json.dumps(found, ensure_ascii=True, indent=1) + "\n"


def quality_page(quality: LinkageQuality, about: About) -> str:
    """The page, which declares that it is in UTF-8."""
    return (
        _templates()
        .get_template("quality.html")
        .render(
            about=about,
            quality=quality,
            names=" and ".join(side.name for side in quality.holders),
            drawn=_links(quality),
            sides=[(side, _recall(side, place)) for place, side in enumerate(quality.holders, start=1)],
        )
    )


@cache
def _templates() -> Environment:
    return page_templates("services.assurance", "encoder")


def _links(quality: LinkageQuality) -> Bars | None:
    """What was found beside what is true; ``None`` where there is neither."""
    rows: list[tuple[str, list[tuple[str, int]], str]] = [
        ("Links", [("usable", quality.right), ("invalid", quality.false)], f"{quality.links:,}"),
        ("True links", [("usable", quality.right), ("missing", quality.missed)], f"{quality.true_links:,}"),
    ]
    whole = max(quality.links, quality.true_links)
    return (
        bars(
            "chart-links",
            "Links found and true links",
            f"{quality.right:,} right links, {quality.missed:,} missed links, {quality.false:,} false links.",
            rows,
            whole=whole,
            legend=LEGEND,
        )
        if whole
        else None
    )


def _recall(side: Side, place: int) -> Bars | None:
    """Recall by group, of every breakdown that is told."""
    told: list[tuple[str, Any]] = [
        (short(one.name, group.label), group.recall)
        for one in side.breakdowns
        for group in one.groups
        if group.recall is not None
    ]
    return share_bars(f"chart-recall-{place}", f"Recall by group of the rows of {side.name}", told)
