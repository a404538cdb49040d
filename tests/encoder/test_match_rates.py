"""Match rates of groups: true ones lie within what is told, and nothing is told of few rows or of nearly all."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.match_rates import Rate, own_rates, rates_of, shown_rate
from encoder.traits import Trait
from keys.suppression import suppress
from keys.template import default_terms
from matcher.expectation import Expectation
from services.broker.outcome.quality import Held
from tests.doors import HOLDERS
from tests.encoder.test_linkage_quality import told

RULE = default_terms(HOLDERS).suppression
LABELS = ("red", "green", "blue", "grey")
groups = st.lists(
    st.tuples(st.integers(0, 12) | st.integers(0, 200), st.integers(0, 12) | st.integers(0, 200)),
    min_size=1,
    max_size=len(LABELS),
)
"""Linked and unlinked rows of each group."""


def holder(some: list[tuple[int, int]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], Trait]:
    codes = np.repeat(np.arange(len(some)), [sum(one) for one in some])
    linked = np.concatenate([np.repeat([True, False], one) for one in some])
    return linked, Trait("colour", LABELS, codes)


@settings(max_examples=400)
@given(groups)
def test_i9_what_is_told_obeys_the_rule_and_holds_the_truth(some: list[tuple[int, int]]) -> None:
    linked, trait = holder(some)
    found = rates_of("council", linked, [trait], RULE)
    (by,) = found.breakdowns
    true = {label: one for label, one in zip(LABELS, some, strict=False) if sum(one)}
    if by.groups:
        assert [one.label for one in by.groups] == list(true)
        assert sum(one.rest for one in by.groups) == 1
    whole = (sum(one[0] for one in some), sum(one[1] for one in some))
    told = zip(by.groups, true.values(), strict=True) if by.groups else ()
    for one, (met, alone) in [(found.whole, whole), *told]:
        assert one.rows == suppress(met + alone, RULE)
        assert one.linked is None or one.linked == suppress(met, RULE)
        if one.rate is not None:
            assert met >= RULE.below
            assert alone >= RULE.below
            assert one.rate.low <= met / (met + alone) <= one.rate.high


@settings(max_examples=300)
@given(groups, st.data())
def test_i9_groups_of_which_nothing_is_shown_do_not_follow_from_the_others(
    some: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Who knows how many rows each group has, and sees what is told, cannot tell this file from one in which a group
    that is not shown is linked otherwise: rows that are linked in the one are not in the other, and the reverse."""
    linked, trait = holder(some)
    found = rates_of("council", linked, [trait], RULE)
    (by,) = found.breakdowns
    hidden = [place for place, one in enumerate(some) if 0 < one[0] < RULE.below and sum(one) >= 2 * RULE.below]
    rest = max(range(len(some)), key=lambda place: sum(some[place]))
    if not by.groups or not hidden or hidden[0] == rest or some[rest][1] < 2 * RULE.below:
        return
    moved = data.draw(st.integers(1, some[hidden[0]][0]))
    other = list(some)
    other[hidden[0]] = (some[hidden[0]][0] - moved, some[hidden[0]][1] + moved)
    other[rest] = (some[rest][0] + moved, some[rest][1] - moved)
    assert rates_of("council", *_one(other), RULE) == found


def _one(some: list[tuple[int, int]]) -> tuple[np.ndarray[tuple[int], np.dtype[np.bool_]], list[Trait]]:
    linked, trait = holder(some)
    return linked, [trait]


def test_rates_by_hand() -> None:
    linked, trait = holder([(100, 100), (30, 70), (3, 97), (95, 5)])
    (by,) = rates_of("council", linked, [trait], RULE).breakdowns
    assert [(one.rows, one.linked, one.rest) for one in by.groups] == [
        (200, None, True),
        (100, 30, False),
        (100, None, False),  # three of a hundred
        (100, None, False),  # all but five
    ]
    assert [one.rate is None for one in by.groups] == [True, False, True, True]
    assert by.groups[1].rate is not None
    assert by.groups[1].rate.value == 0.3
    linked, trait = holder([(100, 100), (30, 70), (3, 4)])
    (by,) = rates_of("council", linked, [trait], RULE).breakdowns
    assert [one.rate is None for one in by.groups] == [False, False, True]


def test_a_holder_has_its_own_rates_and_nobody_else_has_them() -> None:
    held = (Held(1000, 200, 43), Held(5000, 0, 0))
    found = told(Expectation((0, 0, 0, 0, 0, 400), 0.0, 0.0), held=held)
    assert own_rates(found, RULE) == (
        shown_rate("all", 1000, 400, RULE),
        shown_rate("lacking a match-key", 200, 45, RULE),
    )
    assert own_rates(found, RULE)[0].rate is not None
    assert shown_rate("few", None, None, RULE) == Rate("few", None, None, rest=False, rate=None)
