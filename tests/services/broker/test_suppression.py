"""The one rule for counts."""

from hypothesis import assume, given
from hypothesis import strategies as st

from keys.template import default_terms
from keys.terms import Suppression
from services.broker.suppression import suppress

AGREED = default_terms({"a": ["nhs_number"], "b": ["nhs_number"]}).suppression
counts = st.integers(0, 10**9)
rules = st.builds(Suppression, below=st.integers(2, 50), round_to=st.integers(1, 50))


@given(counts)
def test_the_default_rule_never_shows_one_to_seven(count: int) -> None:
    shown = suppress(count, AGREED)
    assert shown not in range(1, 8)
    assert (shown is None) == (1 <= count <= 7)


@given(counts, rules)
def test_a_count_is_shown_rounded_or_not_at_all(count: int, rule: Suppression) -> None:
    shown = suppress(count, rule)
    if shown is None:
        assert 0 < count < rule.below
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
    assert [suppress(count, rule) for count in (0, 7, 8, 14, 15, 25)] == [0, None, 10, 10, 20, 30]
