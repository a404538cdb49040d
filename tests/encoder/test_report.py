"""The page and the figures beside it: what they hold, that they need nothing else, and how they are written."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.charts import bars, histogram
from encoder.errors import InputError
from encoder.report import About, in_words, report_json, report_page, write_report
from encoder.verdicts import verdicts
from encoder.wording import share
from keys.errors import CounterfoilError
from keys.files import Files
from tests.doors import children
from tests.encoder.test_quality import changed, measured, promise

ROOT = Path(__file__).parents[2]
ABOUT = About("people.csv", "2026-06-01", "counterfoil 1")
DIRTY = changed(
    children(60),
    {0: {"nhs_number": "943476591"}, 1: {"surname": "#NAME?"}, 2: {"postcode": "", "upn": "UN1"}},
)
QUALITY = measured(DIRTY, promise=promise())
REFUSED = measured(changed(DIRTY, {5: {"date_of_birth": "spring"}}))
NUMBERS_ONLY = measured([{"nhs_number": one["nhs_number"]} for one in children(3)])
PAGES = {
    name: report_page(quality, ABOUT)
    for name, quality in {"whole": QUALITY, "refused": REFUSED, "numbers": NUMBERS_ONLY}.items()
}


class Outline(HTMLParser):
    """Tags and what they say of themselves; every element that is opened is closed."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [said for name, said in self.tags if name == tag]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_needs_no_network_no_script_and_no_other_file(name: str) -> None:
    outline = Outline(PAGES[name])
    assert {tag for tag, _ in outline.tags} & {"script", "link", "img", "iframe", "object", "form", "base"} == set()
    policy = next(one["content"] for one in outline.all("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert [said for _, said in outline.tags for key in said if key.startswith("on")] == []
    assert [one["href"] for one in outline.all("a") if not str(one["href"]).startswith("#")] == []
    assert re.search(r"https?://|@import|@font-face|url\((?!#)", PAGES[name]) is None
    assert outline.all("meta")[0] == {"charset": "utf-8"}


@pytest.mark.parametrize("name", PAGES)
def test_the_page_can_be_read_by_everybody(name: str) -> None:
    outline = Outline(PAGES[name])
    assert outline.all("html") == [{"lang": "en-GB"}]
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert len(outline.all("table")) == len(outline.all("caption")) > 3
    assert all(one.get("scope") for one in outline.all("th"))
    ids = [str(said["id"]) for _, said in outline.tags if "id" in said]
    assert len(ids) == len(set(ids))
    assert {str(one["href"])[1:] for one in outline.all("a")} <= set(ids)
    for chart in [one for one in outline.all("svg") if one.get("role") == "img"]:
        assert set(str(chart["aria-labelledby"]).split()) <= set(ids)


def test_every_number_of_a_chart_stands_in_a_table() -> None:
    tables = re.sub(r"(?s)<figure.*?</figure>", "", PAGES["whole"])
    for field in QUALITY.fields:
        assert f">{field.usable:,}</td>" in tables
    assert QUALITY.ages is not None
    assert QUALITY.agreed is not None
    for bar in QUALITY.ages.bars:
        assert f">{bar.rows:,}</td>" in tables
    for key in QUALITY.agreed.keys:
        assert f">{key.rows:,}</td>" in tables
    assert PAGES["whole"].count('role="img"') == 4


def test_what_to_do_stands_at_the_top_of_the_page_and_in_the_terminal() -> None:
    found = verdicts(QUALITY)
    top = PAGES["whole"].split("Can the rows link?</h2>")[0]
    words = in_words(found)
    for one in found:
        assert one.what in top
        assert f"{one.what} [{one.rows} row" in words
        assert one.do in words
    assert "Nothing stands out" in in_words(())
    assert "Nothing stands out" in PAGES["numbers"]


def test_dates_that_stop_the_file_are_named_and_figures_without_them_said_to_be_so() -> None:
    assert "Stops the file." in PAGES["refused"]
    assert "Without dates of birth" in PAGES["refused"]
    assert "Ages and days of birth" not in PAGES["refused"]


def test_the_page_says_whose_it_is_and_that_counts_are_exact() -> None:
    assert "For the owner of the file." in PAGES["whole"]
    assert "its counts are exact" in PAGES["whole"]


def documented() -> set[str]:
    text = (ROOT / "docs" / "reference" / "profile.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([a-z_]+)`", text, re.MULTILINE))


def contrast(one: str, other: str) -> float:
    """Of two colours, by WCAG 2.2."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_every_colour_stands_out_from_what_it_is_on(scheme: int) -> None:
    sheet = re.findall(r"(?s):root \{(.*?)\}", PAGES["whole"])[scheme]
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", sheet))
    for text, behind in [
        (one, other) for one in ("ink", "soft", "accent", "stop") for other in ("paper", "wash") if one != "stop"
    ] + [("stop", "paper")]:
        assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind)
    for shape, behind in [("usable", "paper"), ("edge", "paper"), ("edge", "missing")]:
        assert contrast(colours[shape], colours[behind]) >= 3, (shape, behind)
    for kind in ("partial", "placeholder", "invalid"):
        assert contrast(colours[f"{kind}-mark"], colours[kind]) >= 3, kind


def keys_of(found: object) -> set[str]:
    if isinstance(found, dict):
        return set(found) | {key for value in found.values() for key in keys_of(value)}
    return {key for one in found for key in keys_of(one)} if isinstance(found, list) else set()


def test_every_key_of_the_figures_is_documented_and_no_other() -> None:
    found = json.loads(report_json(QUALITY, ABOUT))
    assert keys_of(found) == documented()


def test_figures_are_plain_ascii_with_the_same_bytes_every_time() -> None:
    made = report_json(QUALITY, ABOUT)
    assert made.isascii()
    assert made == report_json(measured(DIRTY, promise=promise()), ABOUT)
    found = json.loads(made)
    assert (found["format"], found["file"], found["rows"]) == ("counterfoil-profile-1", "people.csv", 60)
    assert found["agreed"]["holder"] == "council"
    assert json.loads(report_json(NUMBERS_ONLY, ABOUT))["ages"] is None


def test_page_and_figures_are_written_side_by_side(tmp_path: Path) -> None:
    page, figures = write_report(QUALITY, ABOUT, tmp_path / "r.html")
    assert page.read_text(encoding="utf-8") == PAGES["whole"]
    assert figures == tmp_path / "r.json"
    assert json.loads(figures.read_bytes())["rows"] == 60
    assert {path.name for path in tmp_path.iterdir()} == {"r.html", "r.json"}


@pytest.mark.parametrize("there", ["r.html", "r.json"])
def test_nothing_is_overwritten_and_nothing_is_left_half_done(tmp_path: Path, there: str) -> None:
    (tmp_path / there).write_text("older")
    with pytest.raises(CounterfoilError, match="exists already"):
        write_report(QUALITY, ABOUT, tmp_path / "r.html")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [(there, "older")]


def test_figures_do_not_stay_alone_if_the_page_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Files.open

    def full(files: Files, path: Path, **options: bool) -> BinaryIO:
        if path.suffix == ".html":
            raise InputError("The disk is full.", remedy="Free some space.")
        return opened(files, path, **options)

    monkeypatch.setattr(Files, "open", full)
    with pytest.raises(InputError):
        write_report(QUALITY, ABOUT, tmp_path / "r.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["r.json", "r", "r.csv", "html"])
def test_a_page_has_the_name_of_one(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"ends with \.html"):
        write_report(QUALITY, ABOUT, tmp_path / name)


@given(st.text("abc-", min_size=1, max_size=40))
def test_a_long_label_is_shown_whole_or_without_its_middle(label: str) -> None:
    """A match-key's name may have forty letters; what is left of the chart's edge would not be seen."""
    (row,) = bars("b", "Bars", "One.", [(label, [("usable", 1)], "1")], whole=1).rows
    assert len(row.label) * 7.2 <= 140
    begin, gap, end = row.label.partition("\N{HORIZONTAL ELLIPSIS}")
    assert (row.label == label) is (gap == "")
    assert label.startswith(begin)
    assert label.endswith(end)


def test_the_longest_value_stands_beside_its_bar() -> None:
    longest = max((share(1, 10**6), share(10**6 - 1, 10**6), share(10**6, 10**6)), key=len)
    drawn = bars("b", "Bars", "One.", [("All", [("usable", 1)], longest)], whole=1)
    (row,) = drawn.rows
    letters = 8 * len(longest)  # in a font wider than most
    assert row.parts[-1].start + row.parts[-1].length <= drawn.width - letters


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_shares_never_say_none_of_some_nor_all_of_fewer(rows: int, more: int) -> None:
    whole = rows + more
    assert share(whole, whole) == "100%"
    assert share(rows, whole) != "100%"
    assert share(rows, whole) != "100.0%"
    assert (share(rows, whole) in ("0%", "0.0%")) == (rows == 0)


COUNT = st.one_of(st.integers(0, 3), st.integers(0, 10**6))
AMOUNTS = st.lists(st.tuples(COUNT, COUNT, COUNT), min_size=1, max_size=8)


@given(AMOUNTS)
def test_bars_stay_within_their_chart_and_show_every_part(found: list[tuple[int, int, int]]) -> None:
    whole = max(1, *(sum(one) for one in found))
    rows = [("label", list(zip("abc", one, strict=True)), "value") for one in found]
    chart = bars("n", "t", "d", rows, whole=whole)
    for row, amounts in zip(chart.rows, found, strict=True):
        ends = [part.start + part.length for part in row.parts]
        assert all(end <= 570.05 for end in ends)
        assert all(part.start >= end - 0.11 for part, end in zip(row.parts[1:], ends, strict=False))
        assert [part.look for part in row.parts] == [look for look, n in zip("abc", amounts, strict=True) if n]
        assert all(part.length >= 0.4 for part in row.parts)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=30).filter(any))
def test_a_histogram_stands_on_its_ground_as_high_as_its_numbers(amounts: list[int]) -> None:
    chart = histogram("n", "t", "d", [(str(place), one) for place, one in enumerate(amounts)], axis="a")
    for stand in chart.stands:
        assert stand.y >= 0
        assert stand.y + stand.height == pytest.approx(chart.ground)
        assert stand.x + stand.width <= chart.width
    assert max(amounts) <= int(chart.ticks[-1].label.replace(",", "")) <= 2 * max(amounts) + 3
    tallest = max(chart.stands, key=lambda one: one.height)
    assert amounts[int(tallest.label)] >= max(amounts) * 0.99
