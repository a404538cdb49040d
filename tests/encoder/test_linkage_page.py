"""The page on a linkage without truth and the figures beside it: every number is in both, and nothing else is."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from encoder.charts import LABELS, VALUES, WIDTH, bars
from encoder.curves import curves
from encoder.errors import InputError
from encoder.linkage_page import About, Report, in_words, linkage_json, linkage_page, write_linkage
from encoder.match_rates import own_rates, rates_of
from encoder.page import percent
from encoder.traits import Trait
from keys.suppression import suppress
from keys.template import default_terms
from matcher.expectation import Expectation
from services.broker.outcome.quality import Held
from tests.doors import HOLDERS
from tests.encoder.test_linkage_quality import told
from tests.encoder.test_report import Outline

TERMS = default_terms(HOLDERS)
RULE = TERMS.suppression
ABOUT = About.of(TERMS, run="7f" * 16, made="2026-06-01", tool="counterfoil 1")
ROWS = np.arange(1000)
TRAITS = (
    Trait("Age in years", ("0-4", "5-10", "not known"), np.minimum(ROWS // 450, 2)),
    Trait("Sex", ("female", "male", "not known"), ROWS % 2),
    Trait("Names", ("hyphenated or double-barrelled", "neither"), np.minimum(ROWS // 40, 1)),
    Trait("Postcode, given or missing", ("given", "missing"), (ROWS < 5).astype(np.int64)),
)
HELD = (Held(1000, 200, 43), Held(5000, 0, 0))
EXPECTED = told(Expectation((100, 60, 40, 30, 3, 167), 21.0, 63.0), possible=12, held=HELD)
RATES = tuple(rates_of(name, ROWS % 5 < 2, TRAITS, RULE) for name in HOLDERS)
WHOLE = Report(ABOUT, EXPECTED, own_rates(EXPECTED, RULE), RATES)
SURE = told(Expectation((0, 0, 0, 0, 0, 400), 0.2, 0.3), held=HELD)
TIGHT = told(Expectation((0, 0, 0, 0, 0, 400), 0.2, 90.0), held=(Held(500, 0, 0), HELD[1]))
REPORTS = {
    "whole": WHOLE,
    "holder": replace(WHOLE, rates=()),
    "sure": replace(WHOLE, expected=SURE, own=()),
    "recall not told": Report(ABOUT, TIGHT, (), ()),
    "no bands": Report(ABOUT, told(Expectation((2, 2, 2, 2, 2, 10), 0.2, 0.3)), (), ()),
    "rates alone": replace(WHOLE, expected=None, own=()),
    "nothing": Report(ABOUT, None, (), ()),
    "no traits": replace(WHOLE, rates=(rates_of("council", ROWS % 5 < 2, (), RULE),)),
}


def seen(report: Report) -> str:
    """The text of the page, without charts and style."""
    body = re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", linkage_page(report), flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


@pytest.mark.parametrize("name", REPORTS)
def test_a_page_is_whole_and_needs_nothing_else(name: str) -> None:
    page = linkage_page(REPORTS[name])
    outline = Outline(page)
    assert "http" not in re.sub(r"http-equiv", "", page)
    assert "<script" not in page
    ids = [attrs["id"] for _, attrs in outline.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    targets = [attrs["href"] or "" for tag, attrs in outline.tags if tag == "a"]
    assert {one.removeprefix("#") for one in targets} <= set(ids)
    for tag, attrs in outline.tags:
        assert "style" not in attrs
        assert tag != "th" or attrs.get("scope") in ("row", "col")
    assert "None" not in page


def counts(found: Any, name: str = "") -> list[tuple[str, Any]]:
    """Every number of the JSON that is a count as the broker or the file gave it."""
    if isinstance(found, dict):
        return [one for key, value in found.items() for one in counts(value, key)]
    if isinstance(found, list):
        return [one for value in found for one in counts(value, name)]
    shown = ("links", "possible_links", "false", "missed", "shown", "rows", "lacking", "lacking_linked", "linked")
    return [(name, found)] if name in shown and isinstance(found, int) and not isinstance(found, bool) else []


@pytest.mark.parametrize("name", REPORTS)
def test_i9_every_count_obeys_the_rule(name: str) -> None:
    found = counts(json.loads(linkage_json(REPORTS[name])))
    assert all(suppress(number, RULE) == number for _, number in found)
    assert bool(found) == (name != "nothing")


def test_every_figure_of_the_page_is_in_the_json_and_the_reverse() -> None:
    text, found = seen(WHOLE), json.loads(linkage_json(WHOLE))
    expected = found["expected"]
    for shown in (expected["links"], expected["false"], expected["missed"], *(b["shown"] for b in expected["bands"])):
        assert shown is None or f" {shown:,} " in text
    for point in expected["curve"]:
        assert f" {point['threshold']:g} " in text
        for name in ("links", "false", "missed"):
            assert f"{point[name]['low']:,.0f} to {point[name]['high']:,.0f}" in text
        for name in ("precision", "recall"):
            assert f"{percent(point[name]['low'])} to {percent(point[name]['high'])}" in text
    groups = [group for one in found["rates"] for by in one["breakdowns"] for group in by["groups"]]
    for rate in [*found["own"], *groups]:
        assert rate["label"] in text
        if rate["rate"]:
            assert f"{percent(rate['rate']['value'])} {percent(rate['rate']['low'])} to" in text
    assert (found["format"], found["run"], found["match"]) == ("counterfoil-linkage-quality-1", "7f" * 16, 0.5)


def test_it_says_whose_numbers_these_are_and_speaks_the_words_of_the_field() -> None:
    text = seen(WHOLE)
    assert "These are the matching model's own expectations." in text
    for word in ("linkage error", "missed links (false negatives)", "false links (false positives)", "match rate"):
        assert word in text.lower()


def test_what_is_not_told_is_said_to_be_not_told() -> None:
    assert "fewer than 8" in seen(REPORTS["sure"])
    assert "Missed links, and so recall, are not told" in seen(REPORTS["recall not told"])
    assert "Not told: there are so few links" in seen(REPORTS["no bands"])
    assert "Nothing is told of missed and false links." in seen(REPORTS["nothing"])
    assert "the file has no traits" in seen(REPORTS["no traits"])
    assert "Linkage error" in seen(REPORTS["rates alone"])


def test_names_are_escaped() -> None:
    about = replace(ABOUT, holders=("<b>council</b>", "icb"))
    assert "<b>" not in linkage_page(replace(WHOLE, about=about))


def test_main_figures_for_a_terminal() -> None:
    assert in_words(WHOLE)[0] == "links: 400 (to the nearest 5)"
    assert in_words(WHOLE)[1].startswith("expected false links: 20; precision 9")
    assert in_words(WHOLE)[2].startswith("expected missed links: 65; recall 8")
    assert in_words(REPORTS["recall not told"])[2] == "expected missed links: not told; recall -"
    assert in_words(REPORTS["nothing"]) == ["expected missed and false links: not told"]


def test_both_files_are_written_or_neither(tmp_path: Path) -> None:
    page, figures = write_linkage(WHOLE, tmp_path / "quality.html")
    assert page.read_text(encoding="utf-8") == linkage_page(WHOLE)
    assert figures.read_text("ascii") == linkage_json(WHOLE)
    with pytest.raises(InputError):
        write_linkage(WHOLE, tmp_path / "quality.txt")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_whisker_reaches_from_end_to_end_of_the_interval() -> None:
    drawn = bars(
        "a",
        "b",
        "c",
        [("x", [("usable", 50)], "50"), ("y", [("usable", 10)], "10")],
        whole=100,
        whiskers=[(40, 60), None],
    )
    room = WIDTH - LABELS - VALUES
    whisker = drawn.rows[0].whisker
    assert whisker is not None
    assert (whisker.start, whisker.end) == (LABELS + 0.4 * room, LABELS + 0.6 * room)
    assert drawn.rows[1].whisker is None
    assert bars("a", "b", "c", [("x", [("usable", 50)], "50")], whole=100).rows[0].whisker is None


def test_a_curve_begins_where_nothing_lies_below_and_marks_what_is_given() -> None:
    drawn = curves(
        "a",
        "b",
        "c",
        [("0.5", True), ("0.9", False)],
        [
            ("first", "precision", [(0.97, 0.96, 0.98), (None, 0.955, 1.0)]),
            ("second", "recall", [(0.99, 0.985, 0.995), None]),
        ],
        axis="threshold",
    )
    assert [tick.label for tick in drawn.ticks] == ["95%", "96.25%", "97.5%", "98.75%", "100%"]
    first, second = drawn.curves
    assert (len(first.marks), len(second.marks)) == (2, 1)
    assert first.marks[1].y is None
    assert first.marks[1].high == drawn.ticks[4].y
    assert first.marks[0].low > (first.marks[0].y or 0) > first.marks[0].high
    assert drawn.steps[0].chosen
