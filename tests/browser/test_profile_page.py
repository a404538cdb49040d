"""The report on a file, as a person sees it: in a real browser, light and dark, wide, narrow and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from encoder.report import About, write_report
from tests.browser.chromium import check_that_everybody_can_read, visit
from tests.doors import children
from tests.encoder.test_quality import changed, measured, promise

ABOUT = About("people.csv", "2026-06-01", "counterfoil 1")
DIRTY = changed(
    children(80),
    {place: {"nhs_number": "943476591", "surname": "Quill"} for place in range(12)}
    | {place: {"postcode": "", "upn": "UN1"} for place in range(20, 40)}
    | {50: {"surname": "#NAME?", "date_of_birth": "2012"}, 51: {"forename": "Baby", "sex": "9"}},
)
WAYS: dict[str, dict[str, Any]] = {
    "wide": {},
    "dark": {"dark": True},
    "narrow": {"width": 360},
    "on paper": {"width": 700, "media": "print"},
}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(measured(DIRTY, promise=promise()), ABOUT, path)[0]


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("refused") / "report.html"
    return write_report(measured(changed(DIRTY, {3: {"date_of_birth": "spring"}})), ABOUT, path)[0]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_quiet_asks_for_nothing_and_everybody_can_read_it(browser: Browser, page: Path, way: str) -> None:
    with visit(browser, page, **WAYS[way]) as seen:
        check_that_everybody_can_read(seen, page)
        assert seen.page.screenshot(full_page=True).startswith(b"\x89PNG")


def test_its_headings_and_charts_are_to_be_seen(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        assert seen.page.title() == "people.csv: is it fit to link?"
        for heading in (
            "Is people.csv fit to link?",
            "What to do first",
            "Can the rows link?",
            "Ages and days of birth",
        ):
            assert seen.page.get_by_role("heading", name=heading, exact=True).is_visible()
        charts = seen.page.get_by_role("img")
        assert charts.count() == 4
        for place in range(4):
            box = charts.nth(place).bounding_box()
            assert box is not None
            assert box["width"] > 200
            assert box["height"] > 20
        assert seen.page.get_by_role("img", name="Rows by age").is_visible()


def test_a_bar_is_as_long_as_its_share(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        rows = seen.page.locator("svg[aria-labelledby^=chart-complete] rect.usable")
        boxes = [rows.nth(place).bounding_box() for place in range(rows.count())]
        lengths = [box["width"] for box in boxes if box]
        assert len(lengths) == 7
        by_field = dict(zip(("forename", "surname", "sex", "dob", "postcode", "nhs", "upn"), lengths, strict=True))
        assert by_field["postcode"] / by_field["surname"] == pytest.approx(60 / 79, abs=0.02)


def test_all_of_a_printed_page_is_black_on_white(browser: Browser, page: Path) -> None:
    with visit(browser, page, dark=True, media="print") as seen:
        colours = seen.page.evaluate(
            "(({color, backgroundColor}) => [color, backgroundColor])(getComputedStyle(document.body))"
        )
        assert colours == ["rgb(20, 25, 31)", "rgb(255, 255, 255)"]
        assert not seen.page.get_by_role("navigation").is_visible()
        assert seen.page.pdf().startswith(b"%PDF")


def test_a_file_that_is_stopped_says_so_and_is_as_readable(browser: Browser, refused: Path) -> None:
    with visit(browser, refused) as seen:
        first = seen.page.locator(".verdicts li").first
        assert first.is_visible()
        assert "Stops the file." in first.inner_text()
        assert seen.complaints == []
        assert seen.violations() == []


def test_what_would_be_wrong_would_be_found(browser: Browser, page: Path, tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.html"
    text = page.read_text(encoding="utf-8")
    image = '<img src="https://example.org/a.png"><p style="color:#eee">pale</p><script>console.log(1)</script>'
    spoilt.write_text(text.replace("</main>", f"{image}</main>"), encoding="utf-8")
    with visit(browser, spoilt) as seen:
        assert {one.split(":")[0] for one in seen.violations()} == {"color-contrast", "image-alt"}
        assert len([one for one in seen.complaints if "Content Security Policy" in one]) == 2
