"""The holder's attribute file: identifiers and row ids stay behind, tokens take their place, nothing else changes."""

import csv
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from encoder.attributes import Handed, Plan, plan_attributes, write_attributes
from encoder.columns import Columns
from encoder.errors import InputError, OutputError
from encoder.read import read_rows
from encoder.results import Results
from encoder.sheet import read_sheet

RESULTS = Results("run 7", "token", ["b", "a", "c"], ["tokenB", "tokenA", "tokenC"])
SOURCE = (
    "id,Surname,Need,DOB,Plan\na,Quillfeather,ASD,2012-01-02,yes\nb,Underhay,SLCN,2013-04-05,no\nc,Penhallow,,2014,\n"
)


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


def planned(folder: Path, text: str = SOURCE, **changes: Any) -> Plan:
    (folder / "source.csv").write_bytes(text.encode())
    return plan_attributes(folder / "source.csv", **{"row_id": "id", "identifiers": ["Surname", "DOB"], **changes})


def hand_over(folder: Path, text: str = SOURCE, results: Results = RESULTS, **changes: Any) -> list[list[str]]:
    handed = write_attributes(planned(folder, text, **changes), folder / "out.csv", results=results)
    written = rows_of(folder / "out.csv")
    assert handed.rows == len(written) - 1
    return written


def test_identifiers_and_row_ids_are_dropped_and_tokens_take_their_place(tmp_path: Path) -> None:
    assert hand_over(tmp_path) == [
        ["token", "Need", "Plan"],
        ["tokenB", "SLCN", "no"],
        ["tokenA", "ASD", "yes"],
        ["tokenC", "", ""],
    ]
    data = (tmp_path / "out.csv").read_bytes()
    assert not [word for word in (b"Quill", b"Under", b"2012", b"Surname", b"DOB", b'"a"', b"id") if word in data]
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    for name in ("out.csv", "out.parquet"):
        write_attributes(plan, tmp_path / name, results=RESULTS)
    first, second = (read_sheet(tmp_path / name).table for name in ("out.csv", "out.parquet"))
    assert (tmp_path / "out.parquet").read_bytes()[:4] == b"PAR1"
    assert first.equals(second)
    data = (tmp_path / "out.parquet").read_bytes()
    assert not [word for word in (b"Quill", b"Under", b"2012", b"Surname", b"DOB") if word in data]


def test_the_holder_is_told_rows_and_sha256_of_what_is_written(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    few = Results("run 7", "token", ["c", "a"], ["tokenC", "tokenA"])
    handed = write_attributes(planned(tmp_path), out, results=few)
    assert handed == Handed(out, 2, hashlib.sha256(out.read_bytes()).hexdigest(), 1)
    assert rows_of(out) == [["token", "Need", "Plan"], ["tokenC", "", ""], ["tokenA", "ASD", "yes"]]


def test_a_plan_says_what_stays_and_what_goes(tmp_path: Path) -> None:
    plan = planned(tmp_path, drop=["Plan"])
    assert (plan.declared, plan.left_out, plan.handed) == (("id", "Surname", "DOB"), ("Plan",), ("Need",))
    assert "Quill" not in repr(plan)


def test_only_columns_that_are_named_go(tmp_path: Path) -> None:
    assert hand_over(tmp_path, keep=["Plan"])[0] == ["token", "Plan"]
    assert hand_over(tmp_path, keep=["Plan", "Need"])[0] == ["token", "Need", "Plan"]
    assert hand_over(tmp_path, drop=["Need"])[0] == ["token", "Plan"]
    assert hand_over(tmp_path, drop=["Need", "Plan", "Surname"])[0] == ["token"]


@pytest.mark.parametrize("name", ["Surname", "DOB", "id"])
def test_a_declared_column_is_not_handed_over_on_demand_either(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="never handed over"):
        planned(tmp_path, keep=["Need", name])


@pytest.mark.parametrize("option", ["keep", "drop"])
def test_a_column_that_is_not_there_is_refused_with_a_hint(tmp_path: Path, option: str) -> None:
    with pytest.raises(InputError, match="no column 'Plans'") as caught:
        planned(tmp_path, SOURCE, **{option: ["Plans"]})
    assert caught.value.where == str(tmp_path / "source.csv")
    assert "Did you mean 'Plan'?" in caught.value.remedy


def test_keep_and_drop_together_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="two ways"):
        planned(tmp_path, keep=["Need"], drop=["Plan"])


def test_rows_are_found_by_their_numbers_where_there_are_no_ids(tmp_path: Path) -> None:
    numbered = Results("run 7", "token", ["4", "2"], ["tokenD", "tokenB"])
    text = "Surname,Need\nQuill,ASD\n\nUnder,SLCN\n"
    written = hand_over(tmp_path, text, numbered, row_id="", identifiers=["Surname"])
    assert written == [["token", "Need"], ["tokenD", "SLCN"], ["tokenB", "ASD"]]


def test_spaces_around_ids_and_headers_do_not_matter(tmp_path: Path) -> None:
    text = SOURCE.replace("id,Surname", " id , Surname ").replace("\nb,", "\n b\t,")
    assert hand_over(tmp_path, text)[1][1] == "SLCN"


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_read_and_commas_written(tmp_path: Path, delimiter: str) -> None:
    assert hand_over(tmp_path, SOURCE.replace(",", delimiter))[2] == ["tokenA", "ASD", "yes"]


def refusal(folder: Path, text: str, results: Results = RESULTS) -> InputError:
    with pytest.raises(InputError) as caught:
        hand_over(folder, text, results)
    assert [path.name for path in folder.iterdir()] == ["source.csv"]
    return caught.value


def test_a_row_that_is_gone_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    assert refusal(tmp_path, SOURCE.replace("\nb,", "\nx,")).what == (
        "1 of the rows that were encoded are no longer in the file."
    )


def test_an_id_that_stands_twice_is_refused_and_its_rows_named(tmp_path: Path) -> None:
    error = refusal(tmp_path, SOURCE + "\n b,Other,SEMH,2010,no\n")
    assert error.where == f"{tmp_path / 'source.csv'}, rows 3 and 6, column 'id'"


@pytest.mark.parametrize(("old", "new"), [("Surname", "Family name"), ("DOB", "Date"), ("id,", "key,")])
def test_an_identifier_under_another_header_is_not_let_through(tmp_path: Path, old: str, new: str) -> None:
    assert "no longer has the column" in str(refusal(tmp_path, SOURCE.replace(old, new)))


@pytest.mark.parametrize("name", ["token", "link_key"])
def test_a_column_that_is_called_like_the_tokens_is_refused(tmp_path: Path, name: str) -> None:
    """It might hold tokens of another run."""
    text = SOURCE.replace("Need", name)
    assert f"a column {name!r} of its own" in str(refusal(tmp_path, text))
    assert hand_over(tmp_path, text, drop=[name])[0] == ["token", "Plan"]
    assert hand_over(tmp_path, SOURCE.replace("Surname", name), identifiers=[name, "DOB"])[0][0] == "token"


def test_a_file_that_is_no_text_any_more_is_refused(tmp_path: Path) -> None:
    (tmp_path / "source.csv").write_bytes(SOURCE.encode().replace(b"Penhallow", b"Penh\xe4llow"))
    with pytest.raises(InputError, match="not in UTF-8") as caught:
        plan_attributes(tmp_path / "source.csv", row_id="id", identifiers=["Surname", "DOB"])
    assert caught.value.where == f"{tmp_path / 'source.csv'}, row 4, column 'Surname'"


@pytest.mark.parametrize("name", ["source.xlsx", "source.parquet"])
@pytest.mark.parametrize("row_id", ["id", ""])
def test_any_format_that_can_be_encoded_can_be_handed_over(tmp_path: Path, name: str, row_id: str) -> None:
    """Row ids are the same text as in encoding, where numbers and dates are no text yet."""
    rows: list[list[Any]] = [["id", "Surname", "Need", "Since"], [1, "Quill", "ASD", date(2020, 1, 2)]]
    rows.append([2, "Marsh", None, None])
    if name == "source.xlsx":
        book = openpyxl.Workbook()
        for row in rows:
            book.active.append(row)
        book.save(tmp_path / name)
    else:
        columns = [pa.array(column) for column in zip(*rows[1:], strict=True)]
        pq.write_table(pa.table(columns, names=rows[0]), tmp_path / name)
    (batch,) = read_rows(tmp_path / name, Columns(id=row_id or None, surname="Surname"))
    first, second = batch.ids.to_pylist()
    plan = plan_attributes(tmp_path / name, row_id=row_id, identifiers=["Surname"], drop=[] if row_id else ["id"])
    write_attributes(plan, tmp_path / "out.csv", results=Results("run", "token", [second, first], ["tokenB", "tokenA"]))
    assert rows_of(tmp_path / "out.csv") == [
        ["token", "Need", "Since"],
        ["tokenB", "", ""],
        ["tokenA", "ASD", "2020-01-02"],
    ]


def test_a_name_that_says_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="in which format"):
        write_attributes(planned(tmp_path), tmp_path / "out.txt", results=RESULTS)


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(CELL, min_size=3, max_size=3), CELL, st.sampled_from(["csv", "parquet"]))
@example(["\r", "a\rb", "a\r\nb"], "\n", "csv")
@example(['"', ",", ";\t"], "Ünï", "csv")
def test_any_cell_survives(tmp_path: Path, cells: list[str], last: str, suffix: str) -> None:
    source, out = tmp_path / "source.csv", tmp_path / f"out.{suffix}"
    with source.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, quoting=csv.QUOTE_ALL).writerows(
            [
                ["id", "Surname", "Need", "Last"],
                *([one, "Q", cell, last] for one, cell in zip("abc", cells, strict=True)),
            ]
        )
    write_attributes(plan_attributes(source, row_id="id", identifiers=["Surname"]), out, results=RESULTS)
    expected = [{"token": f"token{one.upper()}", "Need": cells["abc".index(one)], "Last": last} for one in "bac"]
    assert read_sheet(out).table.to_pylist() == expected
