"""Traits in an attribute file: what they say of each row, and that they say nothing else."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pytest

from encoder.attributes import plan_attributes, write_attributes
from encoder.errors import InputError
from encoder.results import Results
from encoder.sheet import read_sheet, write_sheet
from encoder.trait_columns import KINDS, TraitChoice, TraitColumns, make_traits, read_traits, told_by
from tests.doors import KEEP
from tests.stage import IDENTIFIERS, children, write_file

TODAY = date(2026, 1, 1)
CHANGES = {
    0: {"surname": "Quillon-Underhay", "date_of_birth": "14/02/2021"},
    1: {"surname": "Quillon Underhay", "date_of_birth": "02/01/2007", "sex": "F"},
    2: {"postcode": "", "nhs_number": "", "date_of_birth": "", "sex": ""},
    3: {"forename": "Zofia", "surname": "Zyxquorla", "date_of_birth": "01/01/1990", "sex": "M"},
}
ROWS = [{**row, **CHANGES.get(place, {})} for place, row in enumerate(children(6, seed=1))]
RESULTS = Results("run-7", "token", [row["id"] for row in ROWS][::-1], [f"token {row['id']}" for row in ROWS][::-1])


def made(root: Path, choices: Collection[TraitChoice] = tuple(TraitChoice)) -> TraitColumns:
    files = write_file(root, "north", ROWS)
    return make_traits(files.file, files.load_columns(), choices, rules=KEEP, today=TODAY)


def handed(root: Path, choices: Collection[TraitChoice] = tuple(TraitChoice), name: str = "out.csv") -> Path:
    traits, out = made(root, choices), root / name
    plan = plan_attributes(root / "north.csv", row_id="id", identifiers=IDENTIFIERS, traits=traits)
    write_attributes(plan, out, results=RESULTS)
    return out


def test_each_row_is_in_its_groups(tmp_path: Path) -> None:
    found = {header: column.to_pylist()[:4] for header, column in made(tmp_path).columns.items()}
    assert found["trait.age"] == ["0-4", "16-18", "not known", "26+"]
    assert found["trait.sex"][1:] == ["female", "not known", "male"]
    assert found["trait.names"] == [*["hyphenated or double-barrelled"] * 2, "neither", "neither"]
    assert found["trait.has_postcode"] == ["given", "given", "missing", "given"]
    assert found["trait.has_nhs_number"] == ["given", "given", "missing", "given"]
    assert "trait.has_upn" not in found


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_what_is_written_beside_the_tokens_is_read_back_row_by_row(tmp_path: Path, name: str) -> None:
    sheet = read_sheet(handed(tmp_path, name=name))
    order = [int(token.removeprefix("token 1-")) for token in sheet.table["token"].to_pylist()]
    expected = made(tmp_path).columns
    found = read_traits(sheet)
    assert [one.name for one in found] == [KINDS[header].name for header in expected]
    for one, column in zip(found, expected.values(), strict=True):
        assert [one.labels[code] for code in one.codes] == [column.to_pylist()[place] for place in order]


def test_i1_nothing_of_an_identifier_is_in_what_is_handed_over(tmp_path: Path) -> None:
    content = handed(tmp_path).read_text(encoding="utf-8")
    for row in ROWS:
        for field in ("forename", "surname", "date_of_birth", "postcode", "nhs_number"):
            assert not row[field] or row[field] not in content
    assert "1990" not in content
    assert "Zyxquorla" not in content


def test_only_the_traits_that_are_chosen_go_and_none_unless_some_are(tmp_path: Path) -> None:
    assert read_sheet(handed(tmp_path, [TraitChoice.SEX])).table.column_names == ["token", "trait.sex"]
    plan = plan_attributes(tmp_path / "north.csv", row_id="id", identifiers=IDENTIFIERS)
    write_attributes(plan, tmp_path / "none.csv", results=RESULTS)
    assert read_sheet(tmp_path / "none.csv").table.column_names == ["token"]


def test_a_choice_that_no_identifier_tells_of_is_refused(tmp_path: Path) -> None:
    files = write_file(tmp_path, "north", ROWS, fields=("forename", "nhs_number"))
    with pytest.raises(InputError, match="no identifier that tells of age") as refused:
        make_traits(files.file, files.load_columns(), [TraitChoice.AGE], rules=KEEP, today=TODAY)
    assert refused.value.remedy == "Leave out --trait age."
    assert told_by(("forename", "nhs_number")) == [TraitChoice.NAMES, TraitChoice.MISSING]


def test_rows_that_were_encoded_and_are_not_in_the_file_are_refused(tmp_path: Path) -> None:
    traits = made(tmp_path)
    with pytest.raises(InputError, match="1 of the rows that were encoded are no longer in the file"):
        traits.take(pa.array(["elsewhere", ROWS[0]["id"]]))


def test_a_column_of_the_holders_own_with_the_name_of_a_trait_is_refused(tmp_path: Path) -> None:
    write_file(tmp_path, "north", [{**row, "trait.sex": "yes"} for row in ROWS])
    with pytest.raises(InputError, match=r"a column 'trait\.sex' of its own"):
        plan_attributes(tmp_path / "north.csv", row_id="id", identifiers=IDENTIFIERS)


@pytest.mark.parametrize("cell", ["", "Female", "Zyxquorla", None])
def test_a_cell_that_is_no_group_is_refused_with_its_row_and_not_shown(tmp_path: Path, cell: str | None) -> None:
    sheet = read_sheet(handed(tmp_path, [TraitChoice.SEX]))
    spoilt = [*sheet.table["trait.sex"].to_pylist()[:3], cell, "male", "male"]
    path = tmp_path / "spoilt.parquet"
    write_sheet(sheet.table.set_column(1, "trait.sex", pa.array(spoilt)), path)
    with pytest.raises(InputError) as refused:
        read_traits(read_sheet(path))
    assert refused.value.where == f"{path}, row 4, column 'trait.sex'"
    assert "Zyxquorla" not in str(refused.value)


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    sheet = read_sheet(handed(tmp_path, [TraitChoice.SEX]))
    lists = pa.array([[1]] * 6)
    with pytest.raises(InputError, match="holds no text"):
        read_traits(replace(sheet, table=sheet.table.set_column(1, "trait.sex", lists)))
