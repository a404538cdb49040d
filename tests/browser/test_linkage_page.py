"""The report on a linkage without truth in a real browser: light and dark, wide, narrow and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator

from encoder.linkage_page import write_linkage
from tests.browser.chromium import check_that_everybody_can_read, visit
from tests.browser.test_profile_page import WAYS
from tests.encoder.test_linkage_page import EXPECTED, REPORTS, WHOLE


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_linkage(WHOLE, tmp_path_factory.mktemp("q") / "quality.html")[0]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_quiet_asks_for_nothing_and_everybody_can_read_it(browser: Browser, page: Path, way: str) -> None:
    with visit(browser, page, **WAYS[way]) as seen:
        check_that_everybody_can_read(seen, page)


@pytest.mark.parametrize("name", sorted(set(REPORTS) - {"whole"}))
def test_a_page_that_may_say_less_is_as_readable(browser: Browser, tmp_path: Path, name: str) -> None:
    written, _ = write_linkage(REPORTS[name], tmp_path / "quality.html")
    with visit(browser, written) as seen:
        assert seen.complaints == []
        assert seen.violations() == []


def test_it_is_white_with_its_charts_to_be_seen(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        assert seen.page.title() == "How good is the linkage of council and icb expected to be?"
        assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        for name in (
            "Expected precision and recall",
            "Links by match probability",
            "Precision and recall by threshold",
        ):
            chart = seen.page.get_by_role("img", name=name)
            assert chart.is_visible()
            box = chart.bounding_box()
            assert box is not None
            assert box["width"] > 200
        assert seen.page.get_by_role("img").count() == 5


def test_a_whisker_is_as_long_as_its_interval_and_a_bar_as_its_share(browser: Browser, page: Path) -> None:
    precision = EXPECTED.agreed.precision
    assert precision.value is not None
    with visit(browser, page) as seen:
        chart = seen.page.locator("svg[aria-labelledby^=chart-quality]")
        bar, whisker = extent(chart.locator("rect.usable").first), extent(chart.locator("path.whisker").first)
        whole = bar["width"] / precision.value
        assert whisker["width"] == pytest.approx(whole * (precision.high - precision.low), abs=0.3)
        assert whisker["x"] - bar["x"] == pytest.approx(whole * precision.low, abs=0.3)


def extent(found: Locator) -> dict[str, float]:
    """Where a shape lies within its chart, without the width of its line."""
    made: dict[str, float] = found.evaluate("one => (({x, width}) => ({x, width}))(one.getBBox())")
    return made
