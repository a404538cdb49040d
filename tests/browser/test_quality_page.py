"""The report on a linkage, as a person sees it: in a real browser, light and dark, wide, narrow and on paper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser

from encoder.intervals import wilson
from encoder.traits import Trait
from services.assurance.quality import Holding, measure
from services.assurance.quality_page import About, write_quality
from tests.browser.chromium import check_that_everybody_can_read, visit
from tests.browser.test_linkage_page import extent
from tests.browser.test_profile_page import WAYS

ROWS = np.arange(90)
TRAITS = (
    Trait("Age in years", ("0-4", "5-10", "not known"), ROWS // 31),
    Trait("Names", ("hyphenated or double-barrelled", "neither"), np.minimum(ROWS // 20, 1)),
    Trait("Twins", ("same surname, date of birth and postcode", "others"), np.minimum(ROWS // 3, 1)),
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    same = np.stack([ROWS, ROWS], axis=1)
    links = np.concatenate([same[:70], [[80, 81]]])
    quality = measure([Holding("council", 90, TRAITS), Holding("icb", 90, TRAITS)], links, same, below=8)
    return write_quality(quality, About("2026-06-01", "counterfoil 1"), tmp_path_factory.mktemp("q") / "quality.html")[
        0
    ]


@pytest.mark.parametrize("way", WAYS)
def test_it_is_quiet_asks_for_nothing_and_everybody_can_read_it(browser: Browser, page: Path, way: str) -> None:
    with visit(browser, page, **WAYS[way]) as seen:
        check_that_everybody_can_read(seen, page)


def test_its_charts_are_to_be_seen_and_a_bar_is_as_long_as_recall(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        assert seen.page.title() == "How good is the linkage of council and icb?"
        assert seen.page.get_by_role("img").count() == 3
        bars = seen.page.locator("svg[aria-labelledby^=chart-recall-1] rect.usable")
        boxes = [bars.nth(place).bounding_box() for place in range(bars.count())]
        lengths = [box["width"] for box in boxes if box]
        assert len(lengths) == 5  # the two small groups of the twins are not drawn
        assert lengths[2] / lengths[0] == pytest.approx(8 / 28, abs=0.02)
        chart = seen.page.locator("svg[aria-labelledby^=chart-recall-1]")
        whiskers = chart.locator("path.whisker")
        assert whiskers.count() == len(lengths)
        whole = extent(chart.locator("rect.usable").first)["width"]  # all of the first group are found
        found = wilson(8, 28)
        assert found is not None
        assert extent(whiskers.nth(2))["width"] == pytest.approx(whole * (found.high - found.low), abs=0.3)
