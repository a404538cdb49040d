"""What marks of control rows say: links found and missed by error, twins and strangers linked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.control_rows import Fault, planned
from encoder.recovery import Recovery, Share, recovery
from keys.template import default_terms
from keys.terms import Terms

IDENTIFIERS = ("forename", "surname", "date_of_birth", "postcode", "nhs_number")
ROWS = 96


def terms_of(*holders: str, identifiers: tuple[str, ...] = IDENTIFIERS) -> Terms:
    return default_terms(dict.fromkeys(holders or ("north", "south"), identifiers), control={"rows": ROWS})


def marks_of(terms: Terms, mark: Callable[[int, int], str]) -> dict[str, list[bytes]]:
    """``mark`` of a holder's place and a control number."""
    return {
        holder.name: [mark(place, number).encode() for number in range(ROWS)]
        for place, holder in enumerate(terms.holders)
    }


def honest(terms: Terms) -> Callable[[int, int], str]:
    plans = planned(terms)

    def mark(place: int, number: int) -> str:
        twin = plans[number].fault is Fault.TWIN and plans[number].holder == place
        return f"twin {number}" if twin else f"child {number}"

    return mark


@pytest.mark.parametrize("holders", [("north", "south"), ("north", "south", "west")])
def test_all_is_found_where_all_is_linked_as_it_should_be(holders: tuple[str, ...]) -> None:
    terms = terms_of(*holders)
    found = recovery(marks_of(terms, honest(terms)), terms)
    pairs, twins = ROWS * len(holders) * (len(holders) - 1) // 2, ROWS // 8 * (len(holders) - 1)
    assert found.recall == Share(pairs - twins, pairs - twins)
    assert found.twins == Share(0, twins)
    assert (found.strangers, found.unexplained) == (0, {})
    assert set(found.found) == set(Fault) - {Fault.TWIN}


def test_a_broker_that_links_nothing_is_found_out() -> None:
    terms = terms_of()
    found = recovery(marks_of(terms, lambda place, number: f"{place} {number}"), terms)
    assert found.recall.part == 0
    assert found.unexplained == {("north", "south"): ROWS // 8}


def test_a_broker_that_links_everybody_is_found_out() -> None:
    terms = terms_of()
    found = recovery(marks_of(terms, lambda place, number: "one"), terms)
    assert found.recall.part == found.recall.whole
    assert found.twins == Share(ROWS // 8, ROWS // 8)
    assert found.strangers == 2 * ROWS * (2 * ROWS - 1) // 2 - ROWS


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.TWIN])
def test_what_is_missed_is_counted_under_its_error(fault: Fault) -> None:
    terms = terms_of()
    plans, mark = planned(terms), honest(terms)
    missed = recovery(
        marks_of(terms, lambda place, number: mark(place, number) + f" {place}" * (plans[number].fault is fault)), terms
    )
    assert {one: share.part == 0 for one, share in missed.found.items()} == {one: one is fault for one in missed.found}
    assert bool(missed.unexplained) == (fault is Fault.NONE)


def test_rows_alike_in_too_few_fields_need_not_be_linked() -> None:
    terms = terms_of(identifiers=("forename", "surname"))
    missed = recovery(marks_of(terms, lambda place, number: f"{place} {number}"), terms)
    assert missed.found[Fault.NONE].part == 0
    assert missed.unexplained == {}


def test_shares_have_wilson_intervals() -> None:
    """Against the figures that statistical tables have for 81 of 263 and 0 of 20."""
    low, high = Share(81, 263).interval or (0, 0)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert [round(end, 4) for end in Share(0, 20).interval or ()] == [0.0, 0.1611]
    assert Share(0, 0).interval is None
    assert Share(0, 0).to_json() == {"part": 0, "whole": 0}


@given(st.integers(1, 500).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_an_interval_holds_its_share(counts: tuple[int, int]) -> None:
    low, high = Share(*counts).interval or (1, 0)
    assert 0 <= low <= counts[0] / counts[1] + 1e-12
    assert counts[0] / counts[1] - 1e-12 <= high <= 1


def test_recall_is_of_all_errors_together() -> None:
    assert Recovery({Fault.NONE: Share(3, 4), Fault.SLIP: Share(1, 6)}, Share(0, 0), 0, {}).recall == Share(4, 10)
