"""Tables as files: CSV or Parquet by content when read and by name when written; types, rows and text survive."""

import csv
import datetime
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from encoder.errors import InputError, OutputError
from encoder.sheet import (
    Sheet,
    format_of,
    read_sheet,
    read_text,
    refuse_overwriting,
    sha256_of,
    take,
    write_sheet,
)

TYPED = pa.table(
    {
        "text": ["a", "", None],
        "number": pa.array([7, None, -1], pa.int16()),
        "share": [0.5, None, 2.0],
        "money": pa.array([Decimal("1.50"), None, Decimal("2.00")], pa.decimal128(6, 2)),
        "day": pa.array([datetime.date(2020, 2, 29), None, datetime.date(2021, 1, 1)]),
        "moment": pa.array([datetime.datetime(2020, 2, 29, 12, tzinfo=datetime.UTC)] * 3, pa.timestamp("ms", "UTC")),
        "flag": [True, None, False],
        "kind": pa.array(["x", None, "y"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
    }
)


def written(path: Path, table: Any) -> Sheet:
    write_sheet(table, path)
    return read_sheet(path)


def csv_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.reader(stream))


@pytest.mark.parametrize("name", ["t.parquet", "t.pq", "t.PARQUET"])
def test_parquet_keeps_every_type(tmp_path: Path, name: str) -> None:
    back = written(tmp_path / name, TYPED)
    assert (tmp_path / name).read_bytes()[:4] == b"PAR1"
    assert back.table.equals(TYPED)
    assert back.rows.tolist() == [1, 2, 3]


def test_csv_writes_what_each_type_means(tmp_path: Path) -> None:
    back = written(tmp_path / "t.csv", TYPED)
    assert set(back.table.schema.types) == {pa.string()}
    assert back.table.to_pylist()[0] == {
        "text": "a",
        "number": "7",
        "share": "0.5",
        "money": "1.50",
        "day": "2020-02-29",
        "moment": "2020-02-29 12:00:00.000Z",
        "flag": "true",
        "kind": "x",
    }
    assert set(back.table.slice(1, 1).drop_columns(["moment"]).to_pylist()[0].values()) == {""}
    assert back.rows.tolist() == [2, 3, 4]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_the_content_says_what_a_file_is_and_not_its_name(tmp_path: Path, suffix: str) -> None:
    made = tmp_path / f"made{suffix}"
    write_sheet(pa.table({"a": ["1", "2"]}), made)
    other = made.rename(tmp_path / ("other.csv" if suffix == ".parquet" else "other.parquet"))
    assert read_sheet(other).table.to_pydict() == {"a": ["1", "2"]}


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
HEADER = CELL.map(str.strip).filter(bool)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(HEADER, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.tuples(
            st.just(names), st.lists(st.tuples(*[CELL.filter(str.strip)] * len(names)), min_size=1, max_size=5)
        )
    ),
    st.sampled_from([".csv", ".parquet"]),
)
@example((['a"b', ",", "x\ny"], [("\r", "a\rb", '"'), ("x", "y", ";\t")]), ".csv")
def test_any_text_survives(tmp_path: Path, made: tuple[list[str], list[Sequence[str]]], suffix: str) -> None:
    names, rows = made
    table = pa.table([pa.array(cells, pa.string()) for cells in zip(*rows, strict=True)], names=names)
    back = written(tmp_path / f"t{suffix}", table)
    assert back.table.column_names == names
    assert [list(row.values()) for row in back.table.to_pylist()] == [list(row) for row in rows]


def test_rows_of_csv_have_the_numbers_of_a_spreadsheet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b'\na,b\n1,"x\ny"\n\n2,z\n')
    sheet = read_sheet(tmp_path / "t.csv")
    assert sheet.rows.tolist() == [3, 5]
    assert sheet.where(1, column="b") == f"{tmp_path / 't.csv'}, row 5, column 'b'"
    assert sheet.where(0, 1, column="b").endswith("rows 3 and 5, column 'b'")


def test_a_long_file_is_read_to_its_end(tmp_path: Path) -> None:
    rows = 150_000
    (tmp_path / "t.csv").write_text("n,m\n" + "".join(f"{n},x{n}\n" for n in range(rows)))
    sheet = read_sheet(tmp_path / "t.csv")
    assert sheet.table.column("n").to_pylist() == [str(n) for n in range(rows)]
    assert sheet.table.column("m")[rows - 1].as_py() == f"x{rows - 1}"
    assert (sheet.rows == range(2, rows + 2)).all()


def test_a_file_with_only_a_header_is_a_table_without_rows(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"a,b\n")
    sheet = read_sheet(tmp_path / "t.csv")
    assert (sheet.table.column_names, len(sheet.table), len(sheet.rows)) == (["a", "b"], 0, 0)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_columns_without_a_header_are_named_for_their_place(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        path.write_bytes(b"a, ,\n1,2,3\n")
    else:
        pq.write_table(pa.table([["1"], ["2"], ["3"]], names=["a", "", "column 3"]), path)
    assert read_sheet(path).table.column_names == ["a", "column 2", "column 3"]


@pytest.mark.parametrize("header", [["x", "y", "x"], ["", "column 1", "x"]], ids=str)
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_two_columns_with_one_header_are_refused(tmp_path: Path, suffix: str, header: list[str]) -> None:
    path = tmp_path / f"t{suffix}"
    if suffix == ".csv":
        path.write_text(",".join(header) + "\n1,2,3\n")
    else:
        pq.write_table(pa.table([["1"], ["2"], ["3"]], names=header), path)
    with pytest.raises(InputError, match="same header") as caught:
        read_sheet(path)
    assert caught.value.where == f"{path}, columns 1 and {3 if header[0] else 2}"


@pytest.mark.parametrize("cut", [4, 12, 300, -1])
def test_a_parquet_file_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "t.parquet"
    write_sheet(TYPED, path)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="damaged or was cut") as caught:
        read_sheet(path)
    assert caught.value.where == str(path)


def test_a_holders_own_parquet_is_read_as_text(tmp_path: Path) -> None:
    write_sheet(TYPED, tmp_path / "t.parquet")
    sheet = read_text(tmp_path / "t.parquet")
    assert sheet.table.column_names == TYPED.column_names
    assert {str(kind) for kind in sheet.table.schema.types} == {"string"}
    assert sheet.rows.tolist() == list(range(1, len(TYPED) + 1))


@pytest.mark.parametrize("name", ["gone.csv", ".", "a\0b"])
def test_what_is_no_file_is_refused(tmp_path: Path, name: str) -> None:
    for read in (read_sheet, sha256_of):
        with pytest.raises(InputError):
            read(tmp_path / name)


def test_folders_in_the_path_give_no_columns(tmp_path: Path) -> None:
    (tmp_path / "year=2024").mkdir()
    assert written(tmp_path / "year=2024" / "t.parquet", TYPED).table.column_names == TYPED.column_names


def test_text_of_newer_programs_is_text(tmp_path: Path) -> None:
    pq.write_table(pa.table({"t": pa.array(["a", None], pa.string_view())}), tmp_path / "t.parquet")
    sheet = read_sheet(tmp_path / "t.parquet")
    assert take(sheet, pa.array([1, 0]), ["t"])[0].to_pylist() == [None, "a"]


@pytest.mark.parametrize(
    "column",
    [pa.array([["a"]]), pa.array([{"a": 1}]), pa.array([b"\xff"]), pa.array([b"\xff"], pa.large_binary())],
    ids=lambda column: str(column.type),
)
def test_what_csv_cannot_hold_goes_into_parquet_alone(tmp_path: Path, column: Any) -> None:
    table = pa.table({"fine": ["a"], "nested": column})
    with pytest.raises(OutputError, match="'nested' cannot be written to CSV") as caught:
        write_sheet(table, tmp_path / "t.csv")
    assert ".parquet" in caught.value.remedy
    assert not list(tmp_path.iterdir())
    assert written(tmp_path / "t.parquet", table).table.equals(table)


def test_a_type_that_cannot_be_taken_apart_is_refused_and_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({"odd": pa.array([["a"]], pa.list_(pa.string_view()))}), tmp_path / "t.parquet")
    with pytest.raises(InputError, match="Column 'odd' is of a type"):
        take(read_sheet(tmp_path / "t.parquet"), pa.array([0]), ["odd"])


def test_rows_that_were_not_taken_leave_nothing_behind(tmp_path: Path) -> None:
    """A dictionary and the notes of other programs would carry values of rows that are no longer there."""
    kind = pa.array(["underhay", "quillfeather", "underhay"]).dictionary_encode()
    table = pa.table({"kind": kind}).replace_schema_metadata({"note": "quillfeather"})
    source = tmp_path / "all.parquet"
    pq.write_table(table, source)
    assert b"quillfeather" in source.read_bytes()
    (taken,) = take(read_sheet(source), pa.array([0, 2]), ["kind"])
    out = tmp_path / "some.parquet"
    write_sheet(pa.table([taken], names=["kind"]).replace_schema_metadata(table.schema.metadata), out)
    assert b"underhay" in out.read_bytes()
    assert b"quillfeather" not in out.read_bytes()
    assert read_sheet(out).table.schema.field("kind").type == kind.type


@pytest.mark.parametrize("name", ["t", "t.txt", "t.csv.gz", "csv"])
def test_another_name_says_no_format(tmp_path: Path, name: str) -> None:
    for refuse in (lambda path: write_sheet(TYPED, path), format_of):
        with pytest.raises(OutputError, match="in which format"):
            refuse(tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_files_are_their_owners_and_replaced_whole(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"t{suffix}"
    path.write_text("older")
    write_sheet(TYPED, path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_an_output_that_is_an_input_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a\n1\n")
    (tmp_path / "link.csv").symlink_to(tmp_path / "in.csv")
    refuse_overwriting(tmp_path / "out.csv", tmp_path / "in.csv")
    for out in ("in.csv", "link.csv", "../" + tmp_path.name + "/in.csv"):
        with pytest.raises(OutputError, match="one of the inputs"):
            refuse_overwriting(tmp_path / out, tmp_path / "other.csv", tmp_path / "in.csv")
