"""Properties of the rules for single values, whatever the text."""

import unicodedata
from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from encoder.births import birth
from encoder.dates import Written
from encoder.findings import Kind
from encoder.names import forename, surname
from encoder.normalise import RULES
from encoder.numbers import nhs_number, upn
from encoder.postcodes import postcode

TODAY = date(2026, 6, 1)
words = st.sampled_from(["Mr", "master", "Jr", "baby", "Unknown", "O'Neill", "Smith-Senior", "Zoë", "III", "st.", "-"])
text = st.text(max_size=20) | st.lists(words, max_size=4).map(" ".join)


@pytest.mark.parametrize("field", RULES)
@given(written=text)
def test_a_normalised_value_stays_as_it_is(field: str, written: str) -> None:
    once = RULES[field](written).value
    assert RULES[field](once).value == once


@pytest.mark.parametrize("field", RULES)
@given(written=text)
def test_a_missing_value_has_a_reason_and_a_kept_one_at_most_a_note(field: str, written: str) -> None:
    reading = RULES[field](written)
    if reading.value:
        assert reading.kind in (None, Kind.NOTED)
    else:
        assert reading.kind in (Kind.MISSING, Kind.PLACEHOLDER, Kind.INVALID)
        assert reading.reason


@pytest.mark.parametrize("field", ["forename", "surname"])
@given(written=text)
def test_names_do_not_depend_on_case_or_on_how_accents_are_written(field: str, written: str) -> None:
    rule = RULES[field]
    assume(written.upper() not in ("NULL", "N/A", "#N/A", "\\N"))
    assert rule(unicodedata.normalize("NFC", written)).value == rule(unicodedata.normalize("NFD", written)).value
    assert rule(written.casefold()).value == rule(written).value


@given(written=text)
def test_names_hold_letters_and_single_spaces(written: str) -> None:
    name = surname(written).value
    assert "  " not in name
    assert name == name.strip()
    assert all(c == " " or unicodedata.category(c)[0] in "LM" for c in name)


def bigrams(name: str) -> set[str]:
    padded = f" {name} "
    return {padded[i : i + 2] for i in range(len(padded) - 1)}


latin = st.text("abcdefghijklmnopqrstuvwxyzéü", min_size=1, max_size=10)


@given(first=latin, second=latin, joint=st.sampled_from("- \u2010\u00a0"))
def test_a_double_barrelled_name_holds_all_bigrams_of_each_part(first: str, second: str, joint: str) -> None:
    whole = surname(f"Xx{first}{joint}Yy{second}").value
    assert bigrams(surname(f"Xx{first}").value) | bigrams(surname(f"Yy{second}").value) == bigrams(whole)


@given(st.integers(900_000_000, 999_999_999), st.integers(0, 9), st.integers(0, 9))
def test_one_wrong_digit_spoils_an_nhs_number(base: int, place: int, other: int) -> None:
    good = [n for n in (f"{base:09}{check}" for check in range(10)) if nhs_number(n).value]
    assert len(good) <= 1
    for number in good:
        wrong = number[:place] + str(other) + number[place + 1 :]
        assert (nhs_number(wrong).value != "") == (wrong == number)


@given(st.integers(0, 999_999_999_999))
def test_one_check_letter_fits_a_upn(number: int) -> None:
    fitting = [letter for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if upn(f"{letter}{number:012}").value]
    assert len(fitting) == 1
    assert fitting[0] not in "IOS"


@given(text)
def test_postcodes_are_plain(written: str) -> None:
    code = postcode(written).value
    assert code == "" or (code.isascii() and code.isalnum() and code == code.upper() and len(code) >= 3)
    assert not code.startswith("ZZ99")


part = st.none() | st.integers(0, 99)


@given(st.none() | st.integers(0, 9999), part, part)
def test_a_birth_keeps_only_parts_that_were_written_and_can_be(
    year: int | None, month: int | None, day: int | None
) -> None:
    born = birth(Written(year, month, day), today=TODAY)
    assert born.year in ("", f"{year or 0:04}")
    assert born.month in ("", f"{month or 0:02}")
    assert born.day in ("", f"{day or 0:02}")
    if born.date_of_birth:
        assert born.date_of_birth == f"{born.year}-{born.month}-{born.day}"
        assert date.fromisoformat(born.date_of_birth) <= TODAY
    elif born.year and born.month and born.day:
        pytest.fail("A whole date was not given as one.")


def test_a_forename_of_nobody_may_be_a_surname() -> None:
    assert forename("Baby").value == ""
    assert surname("Baby").value == "baby"
