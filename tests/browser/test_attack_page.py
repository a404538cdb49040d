"""The report of the attack suite, as a person sees it: in a real browser, light and dark, wide, narrow and on paper."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from encoder.intervals import Estimate
from keys.agreement import read_terms
from keys.template import template_text
from services.assurance.attack_page import About, attack_page
from services.assurance.attacks import gates
from services.assurance.attacks.figures import Measured, exactly, share
from services.assurance.attacks.finding import Finding
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.suite import Result, Skipped
from tests.browser.chromium import check_that_everybody_can_read, visit
from tests.browser.test_profile_page import WAYS

BROKEN = Finding(
    *("A8", "Two runs linked to each other", "two runs", "the encodings of both", "rows that are found"),
    *(share(12, 1_000), "1,000 rows of each run", 0.001, share(1_000, 1_000), "one secret for both runs"),
    gate=gates.TWO_RUNS,
    told=(Measured("of its 10 surest answers, 100% of the list", share(7, 10)),),
    controls=(Measured("20% of the list, no hardening", share(90, 400)),),
)
PASSED = Finding(
    *("A2", "Popcount against lengths", "popcount", "the encodings", "rank correlation of set bits"),
    *(Estimate(0.025, 0.001, 0.049), "10,000 rows", 0.0, Estimate(0.97, 0.96, 0.98), "plain filters"),
    gate=gates.POPCOUNT,
    unit="number",
    parts=(Measured("forename: q-grams of all fields", Estimate(0.025, 0.001, 0.049)),),
)
WEAK = Finding(
    *("A11", "Detectors of broken hardening", "detectors", "the secret", "detectors that fire"),
    *(exactly(0.0), "8 detectors", 0.0, exactly(0.0), "six encoders with one fault each"),
    gate=gates.FAULTS,
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    skipped = Skipped("A9", "tokens of linked rows", "A count release has no tokens.")
    result = Result(Plan(1_000, 2_000), (PASSED, BROKEN, WEAK), (skipped,))
    path = tmp_path_factory.mktemp("a") / "attack.html"
    terms = read_terms(template_text().encode(), where="template")
    path.write_text(attack_page(result, terms, About("2026-06-01", "counterfoil 1")), encoding="utf-8")
    return path


@pytest.mark.parametrize("way", WAYS)
def test_it_is_quiet_asks_for_nothing_and_everybody_can_read_it(browser: Browser, page: Path, way: str) -> None:
    with visit(browser, page, **WAYS[way]) as seen:
        check_that_everybody_can_read(seen, page)


def test_what_is_not_passed_and_what_shows_nothing_are_told_first(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        notices = seen.page.locator(".notice").all_inner_texts()
        assert "Not passed: A8, Two runs linked to each other." in notices[0]
        assert "This run shows nothing about: A11, Detectors of broken hardening." in notices[1]
        facts = seen.page.locator(".facts").inner_text()
        assert "Gates passed\n2 of 3" in facts
        assert "Controls that break\n2 of 3" in facts
        assert seen.page.get_by_text("A9, tokens of linked rows, was not run.").count() == 1


def test_what_no_gate_is_about_and_harder_controls_are_told(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        told = seen.page.get_by_role("group", name="Beside the gate: A8, Two runs linked to each other")
        assert "of its 10 surest answers, 100% of the list" in told.inner_text()
        assert "70.00%" in told.inner_text()
        harder = seen.page.get_by_role("row", name="Control, harder").all_inner_texts()
        assert len(harder) == 1
        assert "20% of the list, no hardening: 22.50%" in harder[0]
        assert seen.page.get_by_role("group", name="Beside the gate").count() == 1


def test_a_bar_is_as_long_as_what_of_its_gate_is_used_and_its_label_is_whole(browser: Browser, page: Path) -> None:
    with visit(browser, page) as seen:
        assert seen.page.locator("svg .label").all_text_contents() == ["A2 popcount", "A8 two runs"]
        boxes = [seen.page.locator(f"figure svg rect.{look}").first.bounding_box() for look in ("usable", "invalid")]
        lengths = [box["width"] for box in boxes if box]
        assert lengths[1] / lengths[0] == pytest.approx(1.2 / 0.5, abs=0.05)
        left = seen.page.locator("svg .label").first.bounding_box()
        frame = seen.page.locator("svg[aria-labelledby^=chart-gates]").bounding_box()
        assert left
        assert frame
        assert left["x"] >= frame["x"]
