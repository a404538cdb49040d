"""What is proposed for a file that somebody else made: never more than headers and values say, and never a value."""

from __future__ import annotations

import csv
import json
import tempfile
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from encoder.beside import Beside
from encoder.columns import Columns, DateParts, load_columns
from encoder.columns_text import columns_text
from encoder.errors import ColumnsError, InputError
from encoder.normalise import normalise
from encoder.profiles import plain, profile
from encoder.proposal import Certainty, Proposal
from encoder.propose import propose
from encoder.read import read_rows
from encoder.table import Layout
from keys.errors import CounterfoilError
from keys.template import default_rules
from tests.doors import children
from tests.encoder.test_profiles import CASES, headers

TODAY = date(2026, 6, 1)
PEOPLE = children(30)
SURE, LIKELY, UNSURE = Certainty.SURE, Certainty.LIKELY, Certainty.UNSURE


def write(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def table(header: Sequence[str], fields: Sequence[str]) -> list[list[str]]:
    """Made-up children under these headers; a field that no child has is a constant text."""
    return [list(header), *([person.get(field, field) for field in fields] for person in PEOPLE)]


def seen(path: Path, cells: Sequence[Sequence[str]], **options: Any) -> Proposal:
    return propose(write(path / "in.csv", cells), today=TODAY, **options)


def headers_of(proposal: Proposal) -> dict[str, Any]:
    return {one.key: one.header for one in proposal.choices}


def certainty(proposal: Proposal) -> dict[str, Certainty]:
    return {one.key: one.certainty for one in proposal.choices}


def written(proposal: Proposal, folder: Path) -> Columns:
    path = folder / "columns.toml"
    path.write_text(columns_text(proposal), encoding="utf-8")
    return load_columns(path)


@pytest.mark.parametrize(("name", "header"), CASES)
def test_an_extract_is_proposed_by_its_profile(tmp_path: Path, name: str, header: list[str]) -> None:
    field_of = {head: field for field, heads in profile(name).fields.items() for head in heads}
    fields = [field_of.get(plain(head), "x") for head in header]
    extra = {"forename": "Forename", "surname": "Surname"} if name == "csds" and "Forename" in header else {}
    expected = {field: head for field, head in zip(fields, header, strict=True) if field != "x"} | extra
    rows = table(header, [{"Forename": "forename", "Surname": "surname"}.get(h, f) if extra else f
                          for h, f in zip(header, fields, strict=True)])  # fmt: skip
    proposal = seen(tmp_path, rows)
    assert [one.name for one in proposal.profiles] == [name]
    assert headers_of(proposal) == expected
    assert proposal.sure
    assert written(proposal, tmp_path) == proposal.columns
    result = normalise(read_rows(proposal.file, proposal.columns), proposal.columns, rules=default_rules(), today=TODAY)
    assert result.rejections == ()
    assert not set(proposal.not_used) & set(expected.values())
    for person in PEOPLE:
        for cell in person.values():
            assert len(cell) < 3 or cell not in columns_text(proposal)


def test_usual_headers_without_a_profile(tmp_path: Path) -> None:
    header = ["Pupil ID", "First Name", "Last Name", "Gender", "Date of Birth", "Post Code", "NHS No", "UPN"]
    proposal = seen(tmp_path, table(header, list(PEOPLE[0])))
    assert proposal.profiles == ()
    assert list(headers_of(proposal).values()) == header
    assert proposal.sure


def test_what_is_not_the_childs_is_never_taken(tmp_path: Path) -> None:
    header = headers("id formersurname preferredforename mother_dob GP_postcode FormerUPN mother_nhs_number sex town")
    fields = headers("id surname forename date_of_birth postcode upn nhs_number sex postcode")
    proposal = seen(tmp_path, table(header, fields))
    assert headers_of(proposal) == {"id": "id", "sex": "sex", "postcode": "town"}
    assert certainty(proposal)["postcode"] is UNSURE
    assert proposal.doubts.keys() >= {"formersurname", "preferredforename", "mother_dob", "FormerUPN"}
    assert not proposal.sure


@pytest.mark.parametrize("header", ["Mum NHS", "DadNHSNumber", "sister_nhs", "BrotherNHSNo"])
def test_numbers_of_the_family_are_never_taken(tmp_path: Path, header: str) -> None:
    proposal = seen(tmp_path, table(["id", "upn", header], ["id", "upn", "nhs_number"]))
    assert headers_of(proposal) == {"id": "id", "upn": "upn"}


def test_day_numbers_of_a_spreadsheet_are_said_to_look_like_that(tmp_path: Path) -> None:
    rows = table(["id", "surname", "dob"], ["id", "surname", "date_of_birth"])
    for place, row in enumerate(rows[1:]):
        row[2] = str(42_000 + place)
    (choice,) = [one for one in seen(tmp_path, rows).choices if one.key == "date_of_birth"]
    assert choice.certainty is UNSURE
    assert 'like day numbers of a spreadsheet: if they are, write date_order = "excel"' in choice.why
    rows[1][2] = "spring"
    (choice,) = [one for one in seen(tmp_path, rows).choices if one.key == "date_of_birth"]
    assert "spreadsheet" not in choice.why


def test_known_columns_of_an_extract_are_named_and_not_used(tmp_path: Path) -> None:
    header = headers("CHILD SEX DOB ETHNIC UPN MOTHER MC_DOB")
    proposal = seen(tmp_path, table(header, ["id", "sex", "date_of_birth", "x", "upn", "x", "date_of_birth"]))
    assert headers_of(proposal) == {"id": "CHILD", "sex": "SEX", "date_of_birth": "DOB", "upn": "UPN"}
    assert proposal.not_used.keys() == {"MOTHER", "MC_DOB"}
    assert any("Episodes" in note and "--with" in note for note in proposal.notes)


@pytest.mark.parametrize(
    ("header", "field", "expected"),
    [("NHS Number", "upn", UNSURE), ("UPN", "nhs_number", UNSURE), ("Postcode", "forename", UNSURE),
     ("DOB", "postcode", UNSURE), ("Sex", "surname", UNSURE), ("Surname", "nhs_number", UNSURE),
     ("Surname", "same", UNSURE), ("Surname", "", LIKELY), ("UPN", "", LIKELY), ("Sex", "sex", SURE)],
)  # fmt: skip
def test_values_that_gainsay_a_header_make_it_unsure(
    tmp_path: Path, header: str, field: str, expected: Certainty
) -> None:
    rows = [[header, "Forename"], *([person.get(field, field), person["forename"]] for person in PEOPLE)]
    proposal = seen(tmp_path, rows)
    (choice,) = [one for one in proposal.choices if one.header == header]
    assert choice.certainty is expected


def test_four_of_five_are_enough_and_placeholders_do_not_count(tmp_path: Path) -> None:
    cells = [person["nhs_number"] for person in PEOPLE]
    for wrong, expected in ((6, SURE), (7, UNSURE)):
        rows = [[number] for number in ["1234567890"] * wrong + cells[wrong:]]
        proposal = seen(tmp_path, [["NHS"], *rows, *[["0000000000"]] * 50])
        assert certainty(proposal) == {"nhs_number": expected}
        assert f"{30 - wrong} of 30 filled cells" in proposal.choices[0].why


def test_two_columns_for_one_field_are_both_named(tmp_path: Path) -> None:
    rows = table(["Surname", "Legal Surname", "Forename"], ["surname", "surname", "forename"])
    choice = seen(tmp_path, rows).choices[1]
    assert (choice.key, choice.header, choice.certainty) == ("surname", "Surname", UNSURE)
    assert choice.alternatives == ("Legal Surname",)
    rows = table(["postcode", "Post Code", "Forename"], ["", "postcode", "forename"])
    choice = seen(tmp_path, rows).choices[1]
    assert (choice.key, choice.header, choice.certainty) == ("postcode", "Post Code", LIKELY)
    assert choice.alternatives == ("postcode",)


def test_numbers_and_postcodes_are_found_by_their_values_but_are_never_sure(tmp_path: Path) -> None:
    rows = table(["a", "b", "c", "d", "e"], ["nhs_number", "upn", "postcode", "postcode", "surname"])
    proposal = seen(tmp_path, rows)
    assert headers_of(proposal) == {"postcode": "c", "nhs_number": "a", "upn": "b"}
    assert set(certainty(proposal).values()) == {UNSURE}
    assert proposal.choices[0].alternatives == ("d",)
    assert proposal.doubts == {}  # no header is known, so the first row may be a row like others
    assert "'e'" not in columns_text(proposal)
    rows = table(["NHS number", "local number"], ["id", "nhs_number"])
    choice = seen(tmp_path, rows).choices[0]
    assert (choice.header, choice.certainty, choice.alternatives) == ("NHS number", UNSURE, ("local number",))


def test_a_few_values_say_nothing_by_themselves(tmp_path: Path) -> None:
    rows = [["surname", "x"], *([person["surname"], PEOPLE[at % 4]["upn"]] for at, person in enumerate(PEOPLE))]
    assert headers_of(seen(tmp_path, rows)) == {"surname": "surname"}


def test_a_known_column_is_not_taken_for_what_its_values_are(tmp_path: Path) -> None:
    header = headers("la_child_id mis_child_id unique_pupil_number first_name date_of_birth")
    proposal = seen(tmp_path, table(header, ["id", "nhs_number", "upn", "forename", "date_of_birth"]))
    assert "nhs_number" not in headers_of(proposal)
    assert proposal.not_used == {"mis_child_id": "an id of the case management system"}
    assert proposal.doubts == {}


@pytest.mark.parametrize(
    "header", ['a"b', "back\\slash", "tab\tbed", "del\x7fete", "two\nlines", "# é \U0001f600", "= [x]"]
)
def test_any_header_reads_back(tmp_path: Path, header: str) -> None:
    proposal = seen(tmp_path, table([header, header + " 2"], ["nhs_number", "nhs_number"]))
    assert (proposal.columns.nhs_number, proposal.choices[0].alternatives) == (header, (header + " 2",))
    assert written(proposal, tmp_path) == proposal.columns


def test_a_proposal_is_not_sure_while_the_profile_is_open(tmp_path: Path) -> None:
    proposal = seen(tmp_path, table(["Surname"], ["surname"]))
    assert proposal.sure
    assert replace(proposal, profiles=(profile("cin"),)).sure
    assert not replace(proposal, profiles=(profile("cin"), profile("csds"))).sure


def test_columns_that_may_identify_are_mentioned(tmp_path: Path) -> None:
    proposal = seen(tmp_path, table(["Surname", "Contact email", "code"], ["surname", "x", "id"]))
    assert proposal.doubts.keys() == {"Contact email", "code"}


def test_a_row_id_stands_in_every_row_and_nowhere_twice(tmp_path: Path) -> None:
    rows = [["childid", "id", "surname"], *([str(at // 2), str(at), p["surname"]] for at, p in enumerate(PEOPLE))]
    proposal = seen(tmp_path, rows)
    assert headers_of(proposal)["id"] == "id"
    assert any("'childid' is not proposed as the row id: 15 of its cells" in note for note in proposal.notes)
    rows = [["id", "surname"], ["1", "Quill"], ["", "Marsh"]]
    proposal = seen(tmp_path, rows)
    assert proposal.columns.id is None
    assert any("known by their numbers" in note for note in proposal.notes)


def test_a_date_of_birth_in_three_columns(tmp_path: Path) -> None:
    rows = [["Surname", "Birth Day", "birth month", "Birth Year"]]
    rows[0][1] = "Day of birth"
    rows += [[person["surname"], *reversed(person["date_of_birth"].split("-"))] for person in PEOPLE]
    proposal = seen(tmp_path, rows)
    assert proposal.columns.date_of_birth == DateParts(day="Day of birth", month="birth month", year="Birth Year")
    assert proposal.sure
    assert written(proposal, tmp_path) == proposal.columns


@pytest.mark.parametrize(
    ("name", "dates", "order", "expected", "why"),
    [
        (None, ["02/03/2015", "04/05/2016"], None, LIKELY, "date_order must say which"),
        (None, ["02/03/2015", "14/05/2016"], None, SURE, "2 of 2"),
        (None, ["02/03/2015", "05/14/2016"], None, SURE, "2 of 2"),
        (None, ["14/03/2015", "05/14/2016"], None, LIKELY, "others the month"),
        (None, ["2015-03-25"] * 4 + ["12th May"], None, LIKELY, "1 cell holds no date in a form"),
        ("ssda903", ["02/03/2015", "04/05/2016"], "dmy", SURE, "2 of 2"),
        ("ssda903", ["02/03/2015", "14/05/2016"], None, SURE, "2 of 2"),
        ("ssda903", ["02/03/2015", "05/14/2016"], None, LIKELY, "not written in the order"),
        ("ssda903", ["2015-03-02", "2016-05-04"], None, SURE, "2 of 2"),
        ("ssda903", ["02/03/2015", "20160504"], None, LIKELY, "date_order must say which"),
        ("pds", ["20150302", "201605", "2014"], "ymd", SURE, "3 of 3"),
        ("pds", ["02/03/2015", "14/05/2016"], None, LIKELY, "not written in the order"),
    ],
)
def test_the_order_of_dates_is_declared_only_where_the_extract_says_it(
    tmp_path: Path, name: str | None, dates: list[str], order: str | None, expected: Certainty, why: str
) -> None:
    header = {"ssda903": "CHILD SEX MOTHER DOB", "pds": "UNIQUE~REFERENCE FAMILY_NAME GIVEN_NAME DATE_OF_BIRTH"}
    line = headers(header.get(name or "", "a b c DOB"))
    proposal = seen(tmp_path, [line, *([str(at), "F", "M", day] for at, day in enumerate(dates))])
    assert [one.name for one in proposal.profiles] == ([name] if name else [])
    (choice,) = [one for one in proposal.choices if one.key == "date_of_birth"]
    assert (choice.certainty, proposal.columns.date_order) == (expected, order)
    assert why in choice.why
    assert written(proposal, tmp_path) == proposal.columns


def test_two_profiles_that_fit_alike_are_said_and_neither_is_taken(tmp_path: Path) -> None:
    header = headers("LocalPatientID NHSNumber DateOfBirth PersonBirthDate Postcode Gender NHSNumberStatus")
    fields = headers("id nhs_number date_of_birth date_of_birth postcode sex x")
    proposal = seen(tmp_path, table(header, fields))
    assert proposal.profile is None
    assert not proposal.sure
    assert any("csds and mhsds fit alike" in note and "--profile" in note for note in proposal.notes)
    (birth,) = [one for one in proposal.choices if one.key == "date_of_birth"]
    assert (birth.certainty, birth.alternatives) == (UNSURE, ("PersonBirthDate",))
    said = seen(tmp_path, table(header, fields), profile="mhsds")
    assert headers_of(said)["date_of_birth"] == "PersonBirthDate"
    assert said.sure


def test_a_profile_that_does_not_fit_is_said_to_lack_its_marks(tmp_path: Path) -> None:
    proposal = seen(tmp_path, table(["surname", "dob"], ["surname", "date_of_birth"]), profile="sen2")
    assert any("Not all headers that mark the profile sen2" in note for note in proposal.notes)


def test_a_file_without_headers_is_refused_and_its_values_are_not_shown(tmp_path: Path) -> None:
    rows = [list(person.values()) for person in PEOPLE]
    with pytest.raises(InputError) as caught:
        seen(tmp_path, rows)
    assert "first row holds" in caught.value.what
    for person in PEOPLE:
        assert person["surname"] not in str(caught.value)
    with pytest.raises(ColumnsError) as nothing:
        seen(tmp_path, [["Zebedee", "Thistlewood"], ["Ada", "Quill"]])
    assert "No column looks like an identifier" in str(nothing.value)
    assert "Zebedee" not in str(nothing.value)


def test_a_header_that_only_looks_like_a_postcode_does_no_harm(tmp_path: Path) -> None:
    proposal = seen(tmp_path, table(["Surname", "ks1_2la"], ["surname", "x"]))
    assert headers_of(proposal) == {"surname": "Surname"}
    with pytest.raises(InputError, match="first row holds"):
        seen(tmp_path, table(["Surname", "KS1 2LA"], ["surname", "postcode"]))


def test_a_second_file_alone_says_what_it_is(tmp_path: Path) -> None:
    proposal = seen(tmp_path, table(["CHILD", "DECOM", "HOME_POST"], ["id", "date_of_birth", "postcode"]))
    assert any("Episodes" in note and "ssda903" in note for note in proposal.notes)


def test_columns_that_cannot_be_read_do_no_harm(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["surname", "note", "dob"])
    book.active.append(["Quill", "#N/A", "2015-03-27"])
    book.active["B2"].data_type = "e"
    book.save(tmp_path / "in.xlsx")
    proposal = propose(tmp_path / "in.xlsx", today=TODAY)
    assert headers_of(proposal) == {"surname": "surname", "date_of_birth": "dob"}
    assert any("Column 'note' is left aside." in note for note in proposal.notes)
    nested = pa.table({"surname": ["Quill"], "needs": [["a"]], "dob": [["2015-03-27"]]})
    pq.write_table(nested, tmp_path / "in.parquet")
    proposal = propose(tmp_path / "in.parquet", today=TODAY)
    assert certainty(proposal) == {"surname": SURE, "date_of_birth": UNSURE}


def test_only_the_first_rows_are_looked_at(tmp_path: Path) -> None:
    rows = [["NHS"], *([person["nhs_number"]] for person in PEOPLE)]
    proposal = seen(tmp_path, rows, rows=10)
    assert (proposal.rows, proposal.whole) == (10, False)
    assert "10 of 10" in proposal.choices[0].why
    proposal = seen(tmp_path, rows, rows=30)
    assert (proposal.rows, proposal.whole) == (30, True)


known = st.sampled_from(
    "id surname forename formersurname dob sex postcode upn nhsnumber nhsno gender CHILD MC_DOB birthday "
    "dayofbirth monthofbirth yearofbirth birthyear PersonBirthDate LocalPatientID NHSNumber DateOfBirth MOTHER "
    "pupilonrolltableid HOME_POST DECOM UNIQUE~REFERENCE FAMILY_NAME GIVEN_NAME DATE_OF_BIRTH".replace("~", "").split()
)
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
value = text | st.sampled_from(
    ["9434765919", "B801200005001", "AB1 2DD", "27/03/2015", "02/03/2015", "20150327", "M", "2", "Ada", "2015", "UN1"]
)
shapes = st.integers(1, 5).flatmap(
    lambda width: st.tuples(
        st.lists(known | text, min_size=width, max_size=width),
        st.lists(st.lists(value, min_size=width, max_size=width), max_size=5),
    )
)


def proposal_or_error(folder: Path, cells: list[list[str]], beside: Beside | None) -> Proposal | CounterfoilError:
    try:
        return seen(folder, cells, beside=beside)
    except CounterfoilError as error:
        return error


@settings(max_examples=250, deadline=None)
@given(shapes, st.none() | shapes)
@example((['a"b\\\x7f\t#', "su\nrname", "surname"], [["x", "y", "Ada"]]), None)
@example((["dob"], [["\x85"]]), None)
def test_any_headers_and_values_give_a_proposal_that_reads_back_or_an_error_in_words(
    first: tuple[list[str], list[list[str]]], second: tuple[list[str], list[list[str]]] | None
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        beside = Beside(write(folder / "b.csv", [second[0], *second[1]]), Layout()) if second else None
        proposal = proposal_or_error(folder, [first[0], *first[1]], beside)
        if isinstance(proposal, CounterfoilError):
            assert proposal.where
            assert proposal.remedy
            return
        assert written(proposal, folder) == proposal.columns
        tomllib.loads(columns_text(proposal))
        named = set(proposal.columns.here.values()) | ({proposal.columns.id} if proposal.columns.id else set())
        assert named <= set(map(str.strip, first[0]))
        assert not named & proposal.not_used.keys()
        again = seen(folder, [first[0], *first[1]], beside=beside)
        assert json.dumps(headers_of(again), default=str) == json.dumps(headers_of(proposal), default=str)
