"""The one rule for counts, and that parts of a whole which is shown too tell no more than each would alone."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from keys.suppression import at_least, at_most, leaves_enough, shown_parts, suppress
from keys.template import default_terms
from keys.terms import Suppression

AGREED = default_terms({"a": ["nhs_number"], "b": ["nhs_number"]}).suppression
counts = st.integers(0, 10**9)
rules = st.builds(Suppression, below=st.integers(2, 50), round_to=st.integers(1, 50))


@given(counts)
def test_i9_the_default_rule_never_shows_less_than_eight(count: int) -> None:
    assert (suppress(count, AGREED) is None) == (count < 8)
    assert suppress(count, AGREED) not in range(1, 8)


@given(counts, rules)
def test_i9_a_count_is_shown_rounded_or_not_at_all(count: int, rule: Suppression) -> None:
    shown = suppress(count, rule)
    if shown is None:
        assert count < rule.below
    else:
        assert shown % rule.round_to == 0
        assert 2 * abs(shown - count) <= rule.round_to


@given(counts, counts, rules)
def test_more_is_never_shown_as_less(one: int, other: int, rule: Suppression) -> None:
    less, more = suppress(min(one, other), rule), suppress(max(one, other), rule)
    assume(less is not None and more is not None)
    assert less is not None
    assert more is not None
    assert less <= more


def test_halves_go_up() -> None:
    rule = Suppression(below=8, round_to=10)
    assert [suppress(count, rule) for count in (0, 7, 8, 14, 15, 25)] == [None, None, 10, 10, 20, 30]


@given(st.integers(0, 10**6), rules)
def test_the_largest_count_that_is_shown_alike(count: int, rule: Suppression) -> None:
    shown = suppress(count, rule)
    most = at_most(shown, rule)
    assert most >= count
    assert suppress(most, rule) == shown
    assert suppress(most + 1, rule) != shown


@given(st.integers(0, 10**6), rules)
def test_the_smallest_count_that_is_shown_alike(count: int, rule: Suppression) -> None:
    shown = suppress(count, rule)
    least = at_least(shown, rule)
    assert least <= count
    assert suppress(least, rule) == shown
    assert least == 0 or suppress(least - 1, rule) != shown


parts_of_a_whole = st.lists(st.integers(0, 12) | st.integers(0, 200), min_size=1, max_size=7)


def alike(count: int, rule: Suppression) -> st.SearchStrategy[int]:
    """Every count that is shown as this one."""
    shown = suppress(count, rule)
    return st.integers(at_least(shown, rule), at_most(shown, rule))


@st.composite
def wholes(draw: st.DrawFn) -> tuple[list[int], int]:
    """Parts of a whole, and the place of the one to leave out."""
    counts = draw(parts_of_a_whole)
    return counts, draw(st.integers(0, len(counts) - 1))


@given(wholes(), rules)
def test_i9_each_part_is_shown_as_the_rule_says_but_for_one_that_is_large(
    made: tuple[list[int], int], rule: Suppression
) -> None:
    counts, rest = made
    shown = shown_parts(counts, suppress(sum(counts), rule), rule, rest=rest)
    if shown is not None:
        assert counts[rest] >= rule.below
        expected = [suppress(one, rule) for one in counts]
        expected[rest] = None
        assert list(shown) == expected


@given(wholes(), st.data())
def test_i9_parts_and_whole_together_tell_no_more_than_each_alone(
    made: tuple[list[int], int], data: st.DataObject
) -> None:
    """Take any numbers that are shown as these are, for the whole and each part that is told: there is a table of just
    these numbers, and it is shown alike. So what is shown rules none of them out."""
    counts, rest = made
    whole = sum(counts)
    shown = shown_parts(counts, suppress(whole, AGREED), AGREED, rest=rest)
    assume(shown is not None)
    table = [data.draw(alike(one, AGREED)) for one in counts]
    table[rest] = data.draw(alike(whole, AGREED)) - sum(table[:rest] + table[rest + 1 :])
    assert table[rest] >= AGREED.below
    assert shown_parts(table, suppress(sum(table), AGREED), AGREED, rest=rest) == shown


def test_parts_by_hand() -> None:
    assert shown_parts([3, 12, 200], 215, AGREED, rest=2) == (None, 10, None)
    assert shown_parts([200, 12, 200], 410, AGREED, rest=0) == (None, 10, 200)
    assert shown_parts([3, 3, 20], 25, AGREED, rest=2) == (None, None, None)
    assert shown_parts([3, 3, 3, 16], 25, AGREED, rest=3) is None
    assert shown_parts([3, 3, 20], None, AGREED, rest=2) is None
    assert leaves_enough([None, None], 22, AGREED)
    assert not leaves_enough([None, None], 21, AGREED)
