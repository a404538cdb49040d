"""The report on a file before it is linked: one HTML page that needs no network, and the same figures as JSON.

The templates escape everything that is put into them. The page says to whom it may be shown: its counts are exact.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment

from encoder.ages import Ages
from encoder.charts import Bars, Histogram, bars, histogram
from encoder.errors import InputError
from encoder.field_quality import COMMON, FEWEST
from encoder.identifiers import SHOWN, in_sentence
from encoder.page import page_templates, rounded
from encoder.quality import Agreed, Quality
from encoder.verdicts import Verdict, verdicts
from encoder.wording import share
from keys.files import refuse_existing, whole_files

FORMAT = "counterfoil-profile-1"

LOOKS = {
    "usable": "usable",
    "partial": "only a part of the date",
    "missing": "empty",
    "placeholder": "stands for not known",
    "invalid": "cannot be right",
}
FIT = {
    "usable": "has a number, or full name and date of birth",
    "partial": "has less than that",
    "invalid": "has nothing to link by",
}


@dataclass(frozen=True)
class About:
    """What a report is about and what made it. ``file``: a name without folders; ``made``: a date as in ISO 8601."""

    file: str
    made: str
    tool: str


@dataclass(frozen=True)
class Charts:
    """The charts of the page; ``None`` where there is nothing to draw."""

    fit: Bars
    complete: Bars
    match_keys: Bars | None
    ages: Histogram | None


def report_paths(page: Path) -> tuple[Path, Path]:
    """Where the page goes, and the figures beside it. Raises ``InputError`` if the page's name does not end with
    ``.html``, and ``OutputRefused`` if one of the two is there already."""
    if page.suffix.lower() != ".html":
        raise InputError(
            "The report is a page whose name ends with .html.", where=str(page), remedy="Name it like report.html."
        )
    figures = page.with_suffix(".json")
    for path in (page, figures):
        refuse_existing(path, replace=False)
    return page, figures


def write_report(quality: Quality, about: About, page: Path) -> tuple[Path, Path]:
    """Write the page and its figures, as ``write_page`` does."""
    return write_page(page, report_page(quality, about), report_json(quality, about))


def write_page(page: Path, content: str, found: str) -> tuple[Path, Path]:
    """Write a page, and the figures beside it with the ending ``.json``: both or neither; where they are. ``found`` is
    in ASCII. Raises as ``report_paths`` and ``keys.files.whole_files`` do."""
    page, figures = report_paths(page)
    with whole_files() as files:
        files.open(figures).write(found.encode("ascii"))
        files.open(page).write(content.encode())
    return page, figures


def report_json(quality: Quality, about: About) -> str:
    """The figures as JSON in plain ASCII, with a line end."""
    found = {
        "format": FORMAT,
        **asdict(about),
        "verdicts": [asdict(one) for one in verdicts(quality)],
        **rounded(asdict(quality)),
    }
    return json.dumps(found, ensure_ascii=True, indent=1) + "\n"


def report_page(quality: Quality, about: About) -> str:
    """The page, which declares that it is in UTF-8."""
    found = verdicts(quality)
    return (
        _templates()
        .get_template("profile.html")
        .render(
            about=about,
            quality=quality,
            verdicts=found,
            held=[one.field for one in quality.fields],
            drawn=_charts(quality),
            lost=[(field, one) for field in quality.fields for one in field.reasons],
            fewest=FEWEST,
            common=COMMON,
            looks={look: LOOKS[look] for look in LOOKS if any(getattr(one, look) for one in quality.fields)},
            fit=FIT,
        )
    )


def in_words(found: Sequence[Verdict]) -> str:
    """The verdicts for a terminal, each in a few lines."""
    if not found:
        return "Nothing stands out that would have to be done before linking.\n"
    lines = []
    for place, one in enumerate(found, start=1):
        size = "1 row" if one.rows == 1 else f"{one.rows:,} rows"
        lines += [f"{place}. {'Stops the file. ' if one.blocks else ''}{one.what} [{size}]", f"   {one.do}"]
    return "\n".join(lines) + "\n"


@cache
def _templates() -> Environment:
    environment = page_templates("encoder")
    environment.filters |= {"shown": SHOWN.__getitem__, "together": _together, "in_sentence": in_sentence}
    return environment


def _together(fields: Sequence[str]) -> str:
    """Fields in a sentence."""
    return ", ".join(map(in_sentence, fields))


def _charts(quality: Quality) -> Charts:
    agreed, ages = quality.agreed, quality.ages
    return Charts(
        _fit(quality),
        _complete(quality),
        _keys(agreed, quality.rows) if agreed is not None and agreed.keys else None,
        _ages(ages) if ages is not None and ages.bars else None,
    )


def _fit(quality: Quality) -> Bars:
    fit = quality.fit
    amounts = [("usable", fit.strong), ("partial", fit.weak), ("invalid", fit.cannot)]
    legend = {look: FIT[look] for look, rows in amounts if rows}
    return bars(
        "chart-fit",
        "Rows by what they have to link by",
        f"Of {quality.rows:,} rows, " + "; ".join(f"{rows:,}: {FIT[look]}" for look, rows in amounts) + ".",
        [("All rows", amounts, f"{quality.rows:,}")],
        whole=quality.rows,
        legend=legend,
    )


def _complete(quality: Quality) -> Bars:
    rows = [
        (SHOWN[one.field], [(look, getattr(one, look)) for look in LOOKS], share(one.usable, quality.rows))
        for one in quality.fields
    ]
    there = {look for _, amounts, _ in rows for look, amount in amounts if amount}
    return bars(
        "chart-complete",
        "How many rows have each identifier",
        "One bar for each identifier, filled by its usable rows. "
        + "; ".join(f"{label} {value} usable" for label, _, value in rows)
        + ".",
        rows,
        whole=quality.rows,
        legend={look: meaning for look, meaning in LOOKS.items() if look in there},
    )


def _keys(agreed: Agreed, rows: int) -> Bars:
    values = [(one.name, [("usable", one.rows)], share(one.rows, rows)) for one in agreed.keys]
    return bars(
        "chart-keys",
        "Rows with an encoding, by match-key",
        "; ".join(f"{label}: {value} of rows" for label, _, value in values) + ".",
        values,
        whole=rows,
    )


def _ages(ages: Ages) -> Histogram:
    values = [(label, one.rows) for label, one in zip(age_labels(ages), ages.bars, strict=True)]
    return histogram(
        "chart-ages",
        "Rows by age",
        f"{len(values)} bars from {values[0][0]} to {values[-1][0]} years; the tallest has "
        f"{max(rows for _, rows in values):,} rows.",
        values,
        axis="age in whole years",
    )


def age_labels(ages: Ages) -> list[str]:
    """What each bar is called: ``4``, ``5-7``, ``25+``."""
    return [
        f"{one.first}+" if one.last is None else f"{one.first}" if one.first == one.last else f"{one.first}-{one.last}"
        for one in ages.bars
    ]
