"""Columns that may identify children although nobody declared them: by header, by content; no value is shown."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.doubts import FEWEST_DISTINCT, LONG_TEXT, doubts
from encoder.sheet import Sheet
from tests.doors import nhs_number, upn


def sheet(cells: Sequence[str], header: str = "Need") -> Sheet:
    column = pa.chunked_array([pa.array(cells[:1], pa.string()), pa.array(cells[1:], pa.string())])
    return Sheet(Path("need.csv"), pa.table({header: column}), np.arange(2, len(cells) + 2))


def reasons(cells: Sequence[str] = ("",), header: str = "Need") -> tuple[str, ...]:
    return doubts(sheet(cells, header), [header]).get(header, ())


HEADERS = {
    "a name": "surname forename middlenames preferredsurname FAMILY_NAME GivenName FullName Initials team_name",
    "a date of birth": "dob DOB MC_DOB childdob personbirthdate PersonBirthDate Year_of_Birth",
    "a postcode": "postcode POST_CODE HOME_POST addr_address_postcode PostalCode",
    "an NHS number": "NHSNumber NHS_NO nhsno nhs NHSNumberBaby",
    "a pupil number": "UPN formerupn FormerUPN unique_pupil_number uniquelearnernumber ULN",
    "an address": "AddressLine1 street UPRN",
    "an e-mail address": "parent_email",
    "a phone number": "Telephone mobile",
    "an id of a person": "LocalPatientID pers_person_id LAchildID",
    "an id": "id record-id URN",
}


@pytest.mark.parametrize(("what", "header"), [(what, one) for what, all_ in HEADERS.items() for one in all_.split()])
def test_headers_like_those_of_identifiers(what: str, header: str) -> None:
    assert reasons(header=header) == (f"its header looks like {what}",)
    assert reasons(header=header.upper() if what != "an id of a person" else header.lower())


def test_spaces_and_signs_in_headers_do_not_matter() -> None:
    for header in ("Date of birth", "date-of-birth", "NHS no.", "Post code", "known as", "Family  name"):
        assert reasons(header=header)


ATTRIBUTES = """need primaryneed ehcplan team_type referral_date contacts diagnosis_code placement Return sex Gender
ethnicity GroupNumber adobe hospital homework months paid valid Naïve 2024 %"""


@pytest.mark.parametrize("header", ATTRIBUTES.split())
def test_headers_of_attributes(header: str) -> None:
    assert reasons(header=header) == ()


NUMBER, PUPIL = nhs_number(12345), upn(5)


@pytest.mark.parametrize(
    ("what", "cell"),
    [
        ("an NHS number", NUMBER),
        ("an NHS number", f"{NUMBER[:3]} {NUMBER[3:6]} {NUMBER[6:]}"),
        ("an NHS number", f"{NUMBER[:3]}-{NUMBER[3:6]}-{NUMBER[6:]}"),
        ("an NHS number", f"seen ({NUMBER}) on Monday"),
        ("an NHS number", f"9000000000 {NUMBER}"),
        ("an NHS number", f"{NUMBER}.0"),
        ("a UPN", PUPIL),
        ("a UPN", PUPIL.lower()),
        ("a UPN", "M80120000500A"),
        ("a UPN", f"was {PUPIL}, now other"),
        ("a postcode", "M1 1AE"),
        ("a postcode", "cr26xh"),
        ("a postcode", "moved from\nDN55 1PT."),
        ("a postcode", "GIR 0AA"),
        ("an e-mail address", "write to a.parent@mail.example, please"),
    ],
)
def test_cells_that_hold_identifiers(what: str, cell: str) -> None:
    cells = ["ASD", "", cell, "SLCN", cell]
    assert reasons(cells) == (f"it holds what looks like {what}, first in row 4",)


@pytest.mark.parametrize(
    "cell",
    [
        "9000000000",  # the check digit does not hold
        "9999999999",  # one digit ten times
        NUMBER + "1",
        "1" + NUMBER,
        PUPIL[:-1] + ("1" if PUPIL[-1] != "1" else "2"),
        PUPIL + "7",
        "x" + PUPIL,
        "ZZ99 3GZ",  # stands for no postcode
        "M1",
        "M1 1AC",  # C is no inward letter
        "F84.0",
        "2020-01-02",
        "a@b",
        "",
    ],
)
def test_cells_that_hold_none(cell: str) -> None:
    assert reasons(["ASD", cell]) == ()


@settings(deadline=None, max_examples=100)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
    st.sampled_from([NUMBER, PUPIL, "DN55 1PT"]),
)
def test_an_identifier_is_found_in_any_text(before: str, after: str, value: str) -> None:
    assert any("it holds what looks like" in one for one in reasons([f"{before} {value} {after}"]))


def test_every_row_is_looked_at_and_the_first_is_named() -> None:
    cells = [f"need {number % 50}" for number in range(30_000)]
    cells[29_998] = NUMBER
    assert reasons(cells) == ("it holds what looks like an NHS number, first in row 30000",)


def test_running_text_may_name_people() -> None:
    assert reasons(["ASD", "x " * (LONG_TEXT // 2)]) == ("it holds running text, which may name people",)
    assert reasons(["ASD", "x" * (LONG_TEXT - 1)]) == ()


def test_values_that_are_all_different_may_be_ids() -> None:
    ids = [f"case {number}" for number in range(FEWEST_DISTINCT)]
    assert reasons([*ids, "", ""]) == ("every filled cell is different, as in a column of ids",)
    assert reasons(ids[1:]) == ()
    assert reasons([*ids, ids[0]]) == ()


def test_only_the_columns_asked_for_are_judged_and_no_value_is_shown() -> None:
    table = pa.table({"surname": ["Underhay"], "note": [f"{NUMBER} M1 1AE {PUPIL}"], "need": ["ASD"]})
    found = doubts(Sheet(Path("x.csv"), table, np.arange(2, 3)), ["note", "need"])
    assert set(found) == {"note"}
    assert len(found["note"]) == 3
    assert not [value for value in (NUMBER, PUPIL, "M1") if value in " ".join(found["note"])]


def test_a_table_without_rows_raises_doubts_by_its_headers_alone() -> None:
    empty = Sheet(Path("x.csv"), pa.table({"dob": pa.array([], pa.string())}), np.arange(0))
    assert doubts(empty, ["dob"]) == {"dob": ("its header looks like a date of birth",)}
