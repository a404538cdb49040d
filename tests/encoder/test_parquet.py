"""Typed columns are the text that they would be in CSV; a column that has none is refused by name."""

from __future__ import annotations

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from encoder.columns import Columns
from encoder.errors import InputError
from encoder.parquet import open_parquet
from encoder.read import read_rows

NOON = dt.datetime(2015, 6, 25, 12, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2015, 6, 25, tzinfo=dt.UTC)


def write(path: Path, column: Any, **options: Any) -> Path:
    pq.write_table(pa.table({"a": column}), path, **options)
    return path


def read(path: Path, size: int = 1000) -> list[str]:
    with open_parquet(path) as table:
        pieces = list(table.pieces([0], size))
        assert table.progress() == (path.stat().st_size,) * 2
    assert [number for piece in pieces for number in piece.rows.tolist()] == list(
        range(1, 1 + sum(len(piece.rows) for piece in pieces))
    )
    return [cell for piece in pieces for cell in piece.columns[0].to_pylist()]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["Zo\u00eb", "", None]), ["Zo\u00eb", "", ""]),
        (pa.array(["a", None], pa.large_string()), ["a", ""]),
        (pa.array(["a", None], pa.string_view()), ["a", ""]),
        (pa.array(["a", None, "a"]).dictionary_encode(), ["a", "", "a"]),
        (pa.array([7, None]).dictionary_encode(), ["7", ""]),
        (pa.array(["Zo\u00eb".encode(), None]), ["Zo\u00eb", ""]),
        (pa.nulls(2), ["", ""]),
        (pa.array([True, False, None]), ["true", "false", ""]),
        (pa.array([9434765919, None]), ["9434765919", ""]),
        (pa.array([255], pa.uint8()), ["255"]),
        (pa.array([9434765919.0, None, float("nan"), 0.5, 1e15]), ["9434765919", "", "", "0.5", "1E+15"]),
        (pa.array([16777215.0, 16777216.0], pa.float32()), ["16777215", "1.6777216E+07"]),
        (pa.array([9434765919.0, float("inf")], pa.float32()), ["9.434766336E+09", "inf"]),
        (pa.array([2047.0, 4096.0], pa.float16()), ["2047", "4.096E+03"]),
        (pa.array([Decimal("9434765919.00"), Decimal("12.50"), None]), ["9434765919", "12.5", ""]),
        (pa.array([Decimal("100")], pa.decimal128(5, 0)), ["100"]),
        (pa.array([dt.date(2015, 6, 25), None]), ["2015-06-25", ""]),
        (pa.array([dt.date(2015, 6, 25)], pa.date64()), ["2015-06-25"]),
        (pa.array([MIDNIGHT, NOON, None], pa.timestamp("us")), ["2015-06-25", "2015-06-25 12:00:00", ""]),
        (pa.array([MIDNIGHT], pa.timestamp("ns")), ["2015-06-25"]),
        (pa.array([1435190400123], pa.timestamp("ms")), ["2015-06-25 00:00:00.123"]),
        (pa.array([MIDNIGHT, NOON], pa.timestamp("us", "UTC")), ["2015-06-25", "2015-06-25 12:00:00Z"]),
        (pa.array([MIDNIGHT - dt.timedelta(hours=1)], pa.timestamp("us", "Europe/London")), ["2015-06-25"]),
        (pa.array([MIDNIGHT], pa.timestamp("us", "+01:00")), ["2015-06-25 01:00:00+0100"]),
    ],
    ids=lambda value: str(getattr(value, "type", "")),
)
def test_a_typed_column_is_text(tmp_path: Path, column: Any, expected: list[str]) -> None:
    assert read(write(tmp_path / "p", column)) == expected


@pytest.mark.parametrize(
    "column",
    [
        pa.array([["Ada"]]),
        pa.array([{"forename": "Ada"}]),
        pa.array([dt.time(10, 30)]),
        pa.array([dt.timedelta(1)]),
        pa.array([b"sixteen bytes id"], pa.binary(16)),
        pa.array([[("Ada", 1)]], pa.map_(pa.string(), pa.int64())),
    ],
    ids=lambda column: str(column.type),
)
def test_a_column_that_is_no_text_is_refused_only_where_it_is_looked_at(tmp_path: Path, column: Any) -> None:
    path = tmp_path / "p"
    pq.write_table(pa.table({"fine": ["Quill"], "odd": column}), path)
    assert [batch.values["surname"].to_pylist() for batch in read_rows(path, Columns(surname="fine"))] == [["Quill"]]
    with pytest.raises(InputError, match="no text, number or date, but") as caught:
        list(read_rows(path, Columns(surname="odd")))
    assert caught.value.where == f"{path}, column 'odd'"
    assert "Ada" not in str(caught.value)


def test_a_structure_does_not_shift_the_columns_after_it(tmp_path: Path) -> None:
    path = tmp_path / "p"
    pq.write_table(pa.table({"x": [{"y": "no", "z": "no"}], "x.y": ["Ada"], "x ": ["Quill"]}), path)
    with open_parquet(path) as table:
        assert table.header == ["x", "x.y", "x"]
        (piece,) = table.pieces([2, 1], 10)
        assert [column.to_pylist() for column in piece.columns] == [["Quill"], ["Ada"]]


def with_bytes(*values: bytes) -> Any:
    """Text whose bytes nobody has checked, as another program may write it."""
    return pa.Array.from_buffers(pa.string(), len(values), pa.array(values).buffers())


@pytest.mark.parametrize(
    ("column", "what"),
    [
        (with_bytes(b"Ada", b"Zo\xeb"), "not in UTF-8"),
        (pa.array([b"Ada", b"Zo\xeb"]), "not in UTF-8"),
        (pa.array(["Ada", "B\0n"]), "NUL byte"),
    ],
)
def test_a_cell_that_is_no_text_is_named_with_its_row(tmp_path: Path, column: Any, what: str) -> None:
    path = write(tmp_path / "p", pa.chunked_array([pa.array(["x"] * 5).cast(column.type), column]), row_group_size=2)
    with pytest.raises(InputError, match=what) as caught:
        read(path, 2)
    assert caught.value.where == f"{path}, row 7, column 'a'"


def test_dates_beyond_the_calendar_are_not_taken_for_dates(tmp_path: Path) -> None:
    path = write(tmp_path / "p", pa.array([10**14], pa.timestamp("s")))
    assert not read(path)[0][:4].isdigit()


def test_a_time_zone_that_is_not_known_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p", pa.array([MIDNIGHT], pa.timestamp("us", "Nowhere/Else")))
    with pytest.raises(InputError, match="cannot be written as text"):
        read(path)


@pytest.mark.parametrize("cut", [4, 8, 100, -1])
def test_a_file_that_was_cut_is_refused(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "p", pa.array(["Ada"]))
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match="cut short"):
        read(path)


def test_a_page_that_is_damaged_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "p", pa.array([str(one) for one in range(5000)]), compression="gzip", use_dictionary=False)
    content = bytearray(path.read_bytes())
    content[2000:3000] = bytes(1000)
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read(path)


def test_rows_come_group_by_group(tmp_path: Path) -> None:
    """What is in memory at once does not grow with the file."""
    path = tmp_path / "p"
    schema = pa.schema([("a", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for _ in range(30):
            cells = np.random.default_rng(1).integers(0, 10**15, 20_000).astype(str)
            writer.write_table(pa.table([pa.array(cells)], schema=schema))
    pa.default_memory_pool().release_unused()
    before, most = pa.total_allocated_bytes(), 0
    with open_parquet(path) as table:
        for piece in table.pieces([0], 10_000):
            most = max(most, pa.total_allocated_bytes() - before)
            del piece
    assert most < 30 * 20_000 * 15 / 3


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.integers(-(10**14), 10**14), max_size=9), st.integers(1, 4))
def test_whole_numbers_are_the_same_text_whatever_their_type(numbers: list[int | None], size: int) -> None:
    expected = ["" if one is None else str(one) for one in numbers]
    with tempfile.TemporaryDirectory() as folder:
        for kind in (pa.int64(), pa.float64(), pa.decimal128(21, 2), pa.string()):
            column = pa.array(expected if kind == pa.string() else numbers).cast(kind)
            assert read(write(Path(folder) / "p", column, row_group_size=3), size) == expected


SOUND = Path(__file__).parent / "bad_input" / "numbers-as-fractions.parquet"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, SOUND.stat().st_size - 1), st.integers(0, 255)), min_size=1, max_size=4))
@example([(181, 2)])
def test_a_damaged_file_is_read_or_refused_in_words(changes: list[tuple[int, int]]) -> None:
    content = bytearray(SOUND.read_bytes())
    for place, byte in changes:
        content[place] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p"
        path.write_bytes(content)
        assert is_read_or_refused_in_words(path)


def is_read_or_refused_in_words(path: Path) -> bool:
    try:
        with open_parquet(path) as table:
            for _ in table.pieces(range(len(table.header)), 10):
                pass
    except InputError as error:
        return bool(error.what and error.where and error.remedy)
    return True
