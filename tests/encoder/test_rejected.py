"""The list of what was left out: where to mend it, and no value of it."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.errors import OutputError
from encoder.normalise import Normalised
from encoder.rejected import HEADER, ROW_LEFT_OUT, VALUE_LEFT_OUT, refuse_other, write_rejected
from encoder.workspace import Workspace
from keys.files import OutputRefused
from tests.doors import children, cohort

NOTHING = dict.fromkeys(("forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"), "")


def lines_of(normalised: Normalised) -> list[tuple[str, ...]]:
    stream = io.BytesIO()
    count = write_rejected(stream, normalised)
    header, *lines = csv.reader(io.StringIO(stream.getvalue().decode("utf-8"), newline=""))
    assert tuple(header) == HEADER
    assert len(lines) == count
    return [tuple(line) for line in lines]


def test_every_row_and_value_that_is_left_out_has_a_line_in_the_order_of_the_file() -> None:
    people = children(5)
    people[1] |= {"nhs_number": "943476591", "upn": "B80120000500"}
    people[2] |= NOTHING
    people[3] |= NOTHING | {"nhs_number": "9434765918"}
    lines = lines_of(cohort(people))
    assert [(row, row_id, field, effect) for row, row_id, field, _, effect in lines] == [
        ("3", people[1]["id"], "nhs_number", VALUE_LEFT_OUT),
        ("3", people[1]["id"], "upn", VALUE_LEFT_OUT),
        ("4", people[2]["id"], "", ROW_LEFT_OUT),
        ("5", people[3]["id"], "", ROW_LEFT_OUT),
        ("5", people[3]["id"], "nhs_number", VALUE_LEFT_OUT),
    ]
    reasons = [why for _, _, _, why, _ in lines]
    assert all(reasons)
    assert reasons[0] == "nine digits: a leading zero may be lost"
    for value in ("943476591", "B80120000500", "9434765918", people[1]["surname"]):
        assert value not in str(lines)


def test_what_stands_for_not_known_and_what_is_kept_has_no_line() -> None:
    people = children(3)
    people[0] |= {"postcode": "ZZ99 3WZ", "forename": "baby", "date_of_birth": "1900-01-01"}
    people[1] |= {"date_of_birth": "2015-01-01", "surname": "Zo\u00c3\u00ab"}
    assert lines_of(cohort(people)) == []


ROW_ID = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=9)


@given(ids=st.lists(ROW_ID | st.from_regex(r"[=+\-@\t\r\n].{0,5}", fullmatch=True), min_size=2, max_size=2))
def test_no_row_id_becomes_a_formula(ids: list[str]) -> None:
    people = children(2)
    for person, row_id in zip(people, ids, strict=True):
        person |= {"id": row_id, "nhs_number": "9434765918"}
    for line, row_id in zip(lines_of(cohort(people)), ids, strict=True):
        shown = line[1]
        assert shown.removeprefix("'") == row_id.removeprefix("'")
        assert shown[0] not in "=+@\t\r\n"
        assert shown[0] != "-" or shown[1:].replace(".", "").isdigit()


@pytest.mark.parametrize("row_id", ["-12", "-1.5", "A-1", "12"])
def test_other_row_ids_stay_as_they_are(row_id: str) -> None:
    people = children(2)
    people[0] |= {"id": row_id, "nhs_number": "9434765918"}
    assert lines_of(cohort(people))[0][1] == row_id


def test_only_a_list_of_rejected_rows_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "rejected.csv"
    refuse_other(path)
    with path.open("wb") as stream:
        write_rejected(stream, cohort(children(2)))
    refuse_other(path)
    for data in (b"", b"id,forename\r\n", path.read_bytes()[:-1]):
        path.write_bytes(data)
        with pytest.raises(OutputError, match="no list of rejected rows"):
            refuse_other(path)
        assert path.read_bytes() == data


def test_the_list_does_not_take_the_name_of_what_is_written_beside_it(tmp_path: Path) -> None:
    for path in Workspace(tmp_path).written:
        with pytest.raises(OutputError, match="another file that is written"):
            refuse_other(tmp_path / "." / path.name, *Workspace(tmp_path).written)


@pytest.mark.parametrize(("name", "why"), [("a-folder", "it is a folder"), ("a-file/x.csv", "is a file, not a folder")])
def test_a_place_that_cannot_be_written_is_found_out_at_once(tmp_path: Path, name: str, why: str) -> None:
    (tmp_path / "a-folder").mkdir()
    (tmp_path / "a-file").write_bytes(b"")
    with pytest.raises(OutputRefused, match=why):
        refuse_other(tmp_path / name)
