"""Overlaps of holders, and what an attentive party can work out from what is let through of them."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from keys.suppression import at_most, suppress
from keys.template import default_terms
from keys.terms import Suppression
from services.broker.outcome.suppression import Holders, suppress_overlaps

AGREED = default_terms({"a": ["nhs_number"], "b": ["nhs_number"]}).suppression


Table = dict[Holders, int]


@st.composite
def tables(draw: st.DrawFn) -> tuple[Table, list[int]]:
    """Links of every set of two to four holders, and of each holder rows that are enough for them."""
    holders = draw(st.integers(2, 4))
    sets = [of for size in range(2, holders + 1) for of in combinations(range(holders), size)]
    table = {of: draw(st.integers(0, 12) | st.integers(0, 90)) for of in sets}
    alone = st.integers(0, 20) | st.integers(0, 200)
    return table, [sum(n for of, n in table.items() if holder in of) + draw(alone) for holder in range(holders)]


def same_when_shown_alone(count: int, rule: Suppression) -> st.SearchStrategy[int]:
    """Every count that rule 1 shows as it shows this one."""
    shown = suppress(count, rule)
    least = 0 if shown is None else max(rule.below, shown - rule.round_to // 2)
    return st.integers(least, at_most(shown, rule))


@given(tables(), st.data())
def test_i9_showing_tells_no_more_than_each_rounded_count_alone(
    made: tuple[Table, list[int]], data: st.DataObject
) -> None:
    """Who sees the overlaps and knows its own rows cannot tell this table from any other whose counts round alike."""
    table, rows = made
    other = {of: data.draw(same_when_shown_alone(count, AGREED)) for of, count in table.items()}
    assert suppress_overlaps(other, rows, AGREED) == suppress_overlaps(table, rows, AGREED)


@given(tables())
def test_i9_no_holder_learns_that_nearly_all_of_its_rows_are_known_elsewhere(made: tuple[Table, list[int]]) -> None:
    table, rows = made
    shown = suppress_overlaps(table, rows, AGREED)
    for holder, own in enumerate(rows):
        theirs = [of for of in shown if holder in of]
        linked = sum(count for of, count in table.items() if holder in of)
        assert not theirs or own - linked >= AGREED.below


@given(tables())
def test_i9_overlaps_are_shown_as_the_rule_says_and_small_ones_are_not_named(made: tuple[Table, list[int]]) -> None:
    table, rows = made
    for of, one in suppress_overlaps(table, rows, AGREED).items():
        assert one == suppress(table[of], AGREED)


@given(tables())
def test_an_overlap_of_none_is_as_one_that_is_not_named(made: tuple[Table, list[int]]) -> None:
    table, rows = made
    named = {of: count for of, count in table.items() if count}
    assert suppress_overlaps(named, rows, AGREED) == suppress_overlaps(table, rows, AGREED)


def test_what_is_shown_where_there_is_enough_of_everything() -> None:
    table = {(0, 1): 43, (0, 2): 7, (0, 1, 2): 12}
    assert suppress_overlaps(table, [100, 100, 100], AGREED) == {(0, 1): 45, (0, 1, 2): 10}
    # Holder 2 has 27 rows, and up to 12 + 7 + 7 of them may be linked as far as anyone can see.
    assert suppress_overlaps(table, [100, 100, 27], AGREED) == {(0, 1): 45}
    assert suppress_overlaps({(0, 1): 40}, [50, 48], AGREED) == {}
    assert suppress_overlaps({(0, 1): 40}, [50, 50], AGREED) == {(0, 1): 40}
