"""Normalising: the public test vectors, the documented examples, and what is counted, rejected or refused."""

import csv
import json
import re
from datetime import date
from itertools import groupby
from pathlib import Path

import pytest

from encoder.columns import Columns, DateParts
from encoder.errors import InputError, ValueRefused
from encoder.findings import Finding, Kind, Rejection
from encoder.identifiers import FIELDS
from encoder.normalise import RULES, Normalised, normalise
from encoder.read import read_rows
from keys.terms import Normalisation
from tests.doors import KEEP

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "tests" / "vectors" / "normalise.json").read_text(encoding="utf-8"))
TODAY = date.fromisoformat(VECTORS["today"])
DATE_PARTS = ("day", "month", "year", "date_of_birth")


def run(folder: Path, columns: Columns, header: list[str], rows: list[list[str]]) -> Normalised:
    path = folder / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])
    return normalise(read_rows(path, columns), columns, rules=KEEP, today=TODAY)


def one_column(folder: Path, field: str, cells: list[str], order: str | None = None) -> dict[str, list[str]]:
    """Normalise cells of one field beside a name that keeps every row."""
    beside = "forename" if field == "surname" else "surname"
    columns = Columns.model_validate({field: "x", beside: "beside", "date_order": order})
    result = run(folder, columns, ["x", "beside"], [[cell, "Quill"] for cell in cells])
    return {name: [c.values[i] for i in c.codes] for name, c in result.identifiers.columns.items()}


@pytest.mark.parametrize("field", RULES)
def test_vectors(tmp_path: Path, field: str) -> None:
    cases = VECTORS[field]
    found = one_column(tmp_path, field, [case["input"] for case in cases])[field]
    for case, value in zip(cases, found, strict=True):
        assert value == case["output"], (case["input"], case["why"])


def test_date_vectors(tmp_path: Path) -> None:
    def order(case: dict[str, str]) -> str:
        return case.get("date_order", "")

    for declared, group in groupby(sorted(VECTORS["date_of_birth"], key=order), key=order):
        cases = list(group)
        found = one_column(tmp_path, "date_of_birth", [case["input"] for case in cases], declared or None)
        for place, case in enumerate(cases):
            assert {part: found[part][place] for part in DATE_PARTS} == case["output"], case["why"]


def documented() -> list[tuple[str, str, str]]:
    """(field, written, becomes) of every example in the tables of the reference page."""
    examples = []
    field = ""
    for line in (ROOT / "docs" / "reference" / "normalisation.md").read_text(encoding="utf-8").splitlines():
        if heading := re.match(r"## .*\(`(\w+)`\)", line):
            field = heading.group(1)
        elif field in Normalisation.model_fields:
            continue  # two results for one name: test_scripts.py and test_forename_forms.py
        elif row := re.fullmatch(r"\| .+ \| `(.*)` \| (missing|`.+`) \|", line):
            examples.append((field, row.group(1), row.group(2).strip("`").replace("missing", "")))
    return examples


def test_the_reference_page_shows_every_field_and_tells_the_truth(tmp_path: Path) -> None:
    examples = documented()
    assert {field for field, _, _ in examples} == {*RULES, "date_of_birth"}
    assert len(examples) >= 60
    for field, written, becomes in examples:
        if field == "date_of_birth":
            value, _, order = written.partition(" as ")
            found = one_column(tmp_path, field, [value], order or None)
            shown = "-".join(found[part][0] or "?" for part in ("year", "month", "day"))
            assert shown.replace("?-?-?", "") == becomes, written
        else:
            assert one_column(tmp_path, field, [written])[field] == [becomes], written


def test_fields_are_those_that_the_columns_feed(tmp_path: Path) -> None:
    result = run(tmp_path, Columns(surname="s", date_of_birth="d"), ["s", "d"], [["Quill", "2015-03-25"]])
    assert tuple(result.identifiers.columns) == ("surname", *DATE_PARTS)
    assert set(result.identifiers.columns) <= set(FIELDS)


def test_equal_values_share_one_code(tmp_path: Path) -> None:
    rows = [["Pérez"], ["PEREZ"], ["Quill"], ["perez"]]
    column = run(tmp_path, Columns(surname="s"), ["s"], rows).identifiers.columns["surname"]
    assert len(column.values) == len(set(column.values)) == 2
    assert column.codes.dtype == "int32"
    assert column.codes[0] == column.codes[1] == column.codes[3] != column.codes[2]


def test_findings_count_rows_and_name_the_first(tmp_path: Path) -> None:
    rows = [["Ada", "2015-01-01"], ["", "2015-02-30"], ["Baby", "2015-01-01"], ["", "1900-01-01"], ["Twin", ""]]
    result = run(tmp_path, Columns(forename="f", date_of_birth="d"), ["f", "d"], rows)
    found = {(f.field, f.kind): (f.rows, f.first_row) for f in result.findings}
    assert found == {
        ("forename", Kind.MISSING): (2, 3),
        ("forename", Kind.PLACEHOLDER): (2, 4),
        ("date_of_birth", Kind.NOTED): (2, 2),
        ("date_of_birth", Kind.INVALID): (1, 3),
        ("date_of_birth", Kind.PLACEHOLDER): (1, 5),
        ("date_of_birth", Kind.MISSING): (1, 6),
    }
    assert Finding("date_of_birth", Kind.NOTED, "1 January, often an estimate", 2, 2) in result.findings


def test_a_row_that_cannot_link_is_kept_and_rejected(tmp_path: Path) -> None:
    rows = [["1", "Quill", "F"], ["2", "", "F"], ["3", "Unknown", ""], ["4", "", ""]]
    result = run(tmp_path, Columns(id="i", surname="s", sex="x"), ["i", "s", "x"], rows)
    assert result.ids.to_pylist() == ["1", "2", "3", "4"]
    assert result.identifiers.rows == 4
    reason = "no identifier but sex"
    assert result.rejections == (Rejection(1, 3, reason), Rejection(2, 4, reason), Rejection(3, 5, reason))


def test_a_part_of_a_date_is_enough_to_stay(tmp_path: Path) -> None:
    result = run(tmp_path, Columns(date_of_birth="d"), ["d"], [["2015-02-30"]])
    assert result.rejections == ()


PARTS = Columns(surname="s", date_of_birth=DateParts(day="d", month="m", year="y"))


def test_a_date_in_three_columns(tmp_path: Path) -> None:
    rows = [["25", "3", "2015"], ["5", "March", "2015"], ["", "03", "2015"], ["30", "02", "2015"], ["", "", ""]]
    result = run(tmp_path, PARTS, ["s", "d", "m", "y"], [["Quill", *row] for row in rows])
    columns = result.identifiers.columns
    found = {part: [columns[part].values[i] for i in columns[part].codes] for part in DATE_PARTS}
    assert found == {
        "day": ["25", "05", "", "", ""],
        "month": ["03", "03", "03", "02", ""],
        "year": ["2015", "2015", "2015", "2015", ""],
        "date_of_birth": ["2015-03-25", "2015-03-05", "", "", ""],
    }


@pytest.mark.parametrize("bad", [["first", "3", "2015"], ["1", "Brumaire", "2015"], ["1", "3", "15"]])
def test_an_unreadable_part_is_refused(tmp_path: Path, bad: list[str]) -> None:
    with pytest.raises(ValueRefused, match=r"row 3, column 'd \+ m \+ y': The value is not a date"):
        run(tmp_path, PARTS, ["s", "d", "m", "y"], [["Quill", "1", "1", "2015"], ["Quill", *bad]])


def dates(folder: Path, cells: list[str], order: str | None = None) -> list[str]:
    return one_column(folder, "date_of_birth", cells, order)["date_of_birth"]


def test_one_date_settles_the_order_of_its_column(tmp_path: Path) -> None:
    assert dates(tmp_path, ["02/03/2015", "25/03/2015"]) == ["2015-03-02", "2015-03-25"]
    assert dates(tmp_path, ["02/03/2015", "03/25/2015"]) == ["2015-02-03", "2015-03-25"]


def test_dates_that_need_no_order_do_not_ask_for_one(tmp_path: Path) -> None:
    assert dates(tmp_path, ["05/05/2015", "", "2014-12-01", "3 May 2013"]) == [
        "2015-05-05", "", "2014-12-01", "2013-05-03",
    ]  # fmt: skip


def test_year_first_dates_settle_nothing_for_the_others(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match="row 3, column 'x': Every date"):
        dates(tmp_path, ["2015-03-25", "02/03/2015"])


def test_a_declared_order_makes_a_contradiction_a_counted_fault(tmp_path: Path) -> None:
    assert dates(tmp_path, ["25/03/2015", "03/25/2015"], "dmy") == ["2015-03-25", ""]
    assert dates(tmp_path, ["02/03/2015"], "mdy") == ["2015-02-03"]


def test_year_first_cannot_be_declared_for_dates_with_the_year_last(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused, match="row 3, column 'x': The columns file says"):
        dates(tmp_path, ["2015-03-25", "25/03/2015"], "ymd")


@pytest.mark.parametrize(
    "cell", ["soon", "12th May", "41234", "201503", "25/03/15", "2015-03-25T23:00:00Z", "25/03-2015", "٢٥/٠٣/٢٠١٥"]
)
def test_a_value_that_is_no_date_is_refused_and_not_shown(tmp_path: Path, cell: str) -> None:
    with pytest.raises(ValueRefused) as caught:
        dates(tmp_path, ["2015-03-25", cell])
    assert "row 3, column 'x'" in str(caught.value)
    assert cell not in caught.value.what + str(caught.value.where)


def test_no_batch_is_no_row_that_links() -> None:
    columns = Columns(surname="s", date_of_birth="d")
    with pytest.raises(InputError, match="No row has an identifier"):
        normalise([], columns, rules=KEEP, today=TODAY)


@pytest.mark.parametrize("cell", ["25/03/2015", "420881", "-42088", "42088,5"])
def test_beside_day_numbers_no_date_is_guessed(tmp_path: Path, cell: str) -> None:
    with pytest.raises(ValueRefused, match="row 3"):
        one_column(tmp_path, "date_of_birth", ["42088", cell], "excel")


def test_day_numbers_are_never_read_unasked(tmp_path: Path) -> None:
    for order in (None, "dmy", "mdy", "ymd"):
        with pytest.raises(ValueRefused, match='date_order = "excel"'):
            one_column(tmp_path, "date_of_birth", ["42088"], order)
