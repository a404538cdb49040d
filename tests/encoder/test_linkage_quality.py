"""What follows from the broker's numbers: it holds the truth where the model is right, and never more than was said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.errors import BrokerRefused
from encoder.linkage_quality import Expected, Point, expected_of
from keys.suppression import suppress
from keys.template import default_terms
from keys.terms import Terms
from matcher.expectation import Expectation, expect
from services.broker.match.weighing import weight_of
from services.broker.outcome.quality import EDGES, Held, assess, edges_of, shown_to
from tests.doors import HOLDERS

TERMS = default_terms(HOLDERS)
RULE = TERMS.suppression
OPEN = (Held(10**7, 0, 0), Held(10**7, 0, 0))
"""Two holders with so many rows that none of their number holds anything back."""


def answer(expected: Expectation, *, possible: int = 0, held: tuple[Held, Held] = OPEN, terms: Terms = TERMS) -> Any:
    links = suppress(sum(expected.links), terms.suppression)
    outcome = {"links": links, "possible_links": suppress(possible, terms.suppression)}
    found = assess(terms, outcome, expected=expected, holdings=held)
    return shown_to({"quality": found}, "council")


def told(expected: Expectation, *, terms: Terms = TERMS, **more: Any) -> Expected:
    return expected_of(answer(expected, terms=terms, **more), terms)


def holds(point: Point, links: int, false: float, missed: float) -> bool:
    assert point.missed is not None
    assert point.recall is not None
    return (
        point.links.low <= links <= point.links.high
        and point.false.low <= false <= point.false.high
        and point.missed.low <= missed <= point.missed.high
        and point.precision.low <= 1 - false / links <= point.precision.high
        and point.recall.low <= (links - false) / (links - false + missed) <= point.recall.high
    )


@pytest.mark.parametrize(("size", "middle"), [(900, 12.0), (3000, 4.0), (60_000, 3.0)])
def test_the_truth_lies_within_where_probabilities_are_right(size: int, middle: float) -> None:
    """At the agreement's threshold and at every other: for small linkages, whose numbers are mostly not shown, too."""
    edges = [weight_of(one) for one in edges_of(TERMS)]
    rng = np.random.default_rng(11)
    weight = np.abs(rng.normal(middle, 5, size))
    weight[: size // 20] *= -0.7
    probability = 1 / (1 + np.exp2(-weight))
    linked, possible = weight >= 0, (weight < 0) & (weight >= weight_of(TERMS.decision.possible))
    expected = expect(weight[linked], probability[linked], edges=edges, matches=float(probability.sum()))
    found = told(expected, possible=int(possible.sum()))
    assert [one.threshold for one in found.curve][-6:] == [0.5, *EDGES]
    inside = np.zeros(len(found.curve))
    seeds = 300
    for _ in range(seeds):
        same = rng.random(size) < probability
        for place, point in enumerate(found.curve):
            kept = weight >= weight_of(point.threshold)
            inside[place] += holds(point, int(kept.sum()), float((~same[kept]).sum()), float(same[~kept].sum()))
    assert (inside / seeds >= 0.9).all()  # four intervals at once, of which each may miss one case in twenty


counts = st.lists(st.integers(0, 12) | st.integers(0, 500), min_size=len(EDGES) + 1, max_size=len(EDGES) + 1)


@settings(max_examples=300)
@given(counts, st.floats(0, 1), st.floats(0, 300), st.integers(0, 90))
def test_a_higher_threshold_never_gives_more_links_or_false_ones_nor_fewer_missed_ones(
    links: list[int], part: float, missed: float, possible: int
) -> None:
    lows = np.array([0.5, *EDGES])
    false = float(part * (np.array(links) * (1 - lows)).sum())
    said = answer(Expectation(tuple(links), false, missed), possible=possible)
    if said is None:
        return
    found = expected_of(said, TERMS)
    assert found.agreed in found.curve
    for lower, higher in zip(found.curve, found.curve[1:], strict=False):
        assert lower.threshold < higher.threshold
        for name, sign in (("links", 1), ("false", 1), ("missed", -1)):
            one, other = getattr(lower, name), getattr(higher, name)
            assert sign * (one.low - other.low) >= 0
            assert sign * (one.high - other.high) >= 0
    for point in found.curve:
        for share in (point.precision, point.recall):
            assert share is not None
            assert 0 <= share.low <= share.high <= 1
            assert share.value is None or share.low <= share.value <= share.high


@settings(max_examples=200)
@given(counts)
def test_every_band_holds_its_number(links: list[int]) -> None:
    said = answer(Expectation(tuple(links), 0.0, 0.0))
    if said is None:
        return
    found = expected_of(said, TERMS)
    for count, band in zip(links, found.bands, strict=bool(found.bands)):
        assert band.links.low <= count <= band.links.high
        assert band.rest or band.shown == suppress(count, RULE)


def test_figures_by_hand() -> None:
    """400 links, 20 of them expected to be false, 60 missed: precision 0.95, recall 380 of 440."""
    found = told(Expectation((100, 60, 40, 30, 20, 150), 20.0, 60.0))
    assert (found.links, found.false, found.missed) == (400, 20, 60)
    assert found.agreed.precision.value == pytest.approx(0.95)
    assert found.agreed.recall is not None
    assert found.agreed.recall.value == pytest.approx(380 / 440)
    assert (found.agreed.false.low, found.agreed.false.high) == (10, 32)  # of a mean of 17.5 to 22.5


def test_numbers_that_are_not_shown_leave_an_interval_and_no_value() -> None:
    found = told(Expectation((0, 0, 0, 0, 0, 400), 0.2, 0.3))
    assert (found.false, found.missed, found.missed_told) == (None, None, True)
    assert found.agreed.precision.value is None
    assert found.agreed.precision.high == 1
    assert 0.95 < found.agreed.precision.low < 1


def test_recall_is_not_told_where_missed_links_are_not() -> None:
    tight = (Held(600, 0, 0), Held(500, 0, 0))
    found = told(Expectation((0, 0, 0, 0, 0, 400), 0.2, 90.0), held=tight)
    assert not found.missed_told
    assert found.agreed.missed is None
    assert all(one.recall is None for one in found.curve)


def test_a_rule_that_rounds_small_counts_to_zero_still_says_what_they_can_be() -> None:
    coarse = default_terms(HOLDERS, suppression={"below": 8, "round_to": 40})
    found = told(Expectation((12, 0, 0, 0, 0, 400), 12.0, 9.0), terms=coarse)
    assert (found.bands[0].shown, found.false, found.missed) == (0, 0, 0)
    assert (found.bands[0].links.low, found.bands[0].links.high) == (8, 19)
    assert found.agreed.false.high > 12


GOOD = answer(Expectation((100, 60, 40, 30, 20, 150), 20.0, 60.0))
BANDS = GOOD["bands"]


@pytest.mark.parametrize(
    "changed",
    [
        {"links": "400"},
        {"links": -5},
        {"links": 10**12},
        {"links": True},
        {"missed_told": 1},
        {"more": 1},
        {"bands": None},
        {"bands": [{**BANDS[0], "from": 1.5}]},
        {"bands": [{**one, "rest": False} for one in BANDS]},
        {"own": {"rows": 5}},
    ],
    ids=str,
)
def test_what_is_no_answer_of_a_broker_is_refused(changed: dict[str, Any]) -> None:
    assert expected_of(GOOD, TERMS).links == 400
    with pytest.raises(BrokerRefused, match="cannot be understood"):
        expected_of({**GOOD, **changed}, TERMS)


@pytest.mark.parametrize("other", [[], "quality", 5, {}])
def test_anything_else_is_refused_too(other: Any) -> None:
    with pytest.raises(BrokerRefused, match="cannot be understood"):
        expected_of(other, TERMS)
