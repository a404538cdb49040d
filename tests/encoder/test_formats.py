"""Every format says what it was read as, and the same rows are the same text in all of them."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.columns import Columns
from encoder.errors import ColumnsError, InputError
from encoder.formats import open_table
from encoder.read import read_rows
from encoder.table import Delimiter, Layout
from encoder.text_file import Encoding

BAD = Path(__file__).parent / "bad_input"
HEADER = ["id", "forename", "surname"]
ROWS = [["1", "Ada", "Quill"], ["2", "Zoë", "Marsh, née Ink"], ["3", "", "O\N{RIGHT SINGLE QUOTATION MARK}Dell"]]


def as_text(rows: Sequence[Sequence[str]], delimiter: Delimiter = Delimiter.COMMA) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter.sign).writerows(rows)
    return stream.getvalue()


def as_workbook(path: Path, *sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for place, rows in enumerate(sheets, start=1):
        sheet = book.create_sheet(f"Sheet {place}")
        for row in rows:
            sheet.append(list(row))
        for cell in (cell for row in sheet.rows for cell in row if isinstance(cell.value, str)):
            cell.data_type = "s"  # else text that begins with = is taken for a formula
    book.save(path)
    return path


def read(path: Path, layout: Layout | None = None, *, size: int = 100) -> tuple[list[str], list[list[str]], list[str]]:
    """Header, rows and what was told."""
    told: list[str] = []
    rows: list[list[str]] = []
    with open_table(path, layout=layout, tell=told.append) as table:
        for piece in table.pieces(range(len(table.header)), size):
            assert len(piece.rows) <= size
            rows += map(list, zip(*(column.to_pylist() for column in piece.columns), strict=True))
        done, total = table.progress()
        assert done == total == path.stat().st_size
    return table.header, rows, told


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (as_text([HEADER, *ROWS]).encode(), "comma-separated text in UTF-8"),
        (as_text([HEADER, *ROWS]).encode("utf-8-sig"), "comma-separated text in UTF-8"),
        (as_text([HEADER, *ROWS], Delimiter.SEMICOLON).encode(), "semicolon-separated text in UTF-8"),
        (as_text([HEADER, *ROWS], Delimiter.TAB).encode("utf-16"), "tab-separated text in UTF-16"),
        (b"\xfe\xff" + as_text([HEADER, *ROWS]).encode("utf-16-be"), "comma-separated text in UTF-16"),
        (as_text([HEADER, *ROWS], Delimiter.PIPE).encode(), "pipe-separated text in UTF-8"),
    ],
)
def test_text_says_its_delimiter_and_encoding(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    assert read(path) == (HEADER, ROWS, [f"Read as {told}."])


@pytest.mark.parametrize("order", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_read_once_it_is_said(tmp_path: Path, order: str) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(as_text([HEADER, *ROWS]).encode(order))
    with pytest.raises(InputError, match="no mark that says so") as caught:
        read(path, Layout())
    assert "--encoding utf-16" in caught.value.remedy
    assert read(path, Layout(Encoding.UTF_16))[:2] == (HEADER, ROWS)


def test_windows_1252_is_read_once_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(as_text([HEADER, *ROWS]).encode("cp1252"))
    with pytest.raises(InputError, match="words in Windows-1252") as caught:
        read(path, Layout())
    assert caught.value.where == f"{path}, row 3, column 2"
    assert "--encoding windows-1252" in caught.value.remedy
    told = "Read as comma-separated text in Windows-1252."
    assert read(path, Layout(Encoding.WINDOWS_1252)) == (HEADER, ROWS, [told])


def test_no_option_is_advised_where_there_is_none() -> None:
    for name in ("windows-1252.csv", "utf-16-without-mark.csv", "ambiguous-delimiter.csv", "two-sheets.xlsx"):
        with pytest.raises(InputError) as caught:
            read(BAD / name)
        assert "--" not in caught.value.remedy
        with pytest.raises(InputError) as caught:
            read(BAD / name, Layout())
        assert "--" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "said", "what"),
    [
        ("byte-order-mark.csv", Encoding.WINDOWS_1252, "mark of UTF-8, but --encoding says windows-1252"),
        ("utf-16.csv", Encoding.UTF_8, "mark of UTF-16, but --encoding says utf-8"),
        ("one-row.csv", Encoding.UTF_16, "Nothing in the file shows that it is in UTF-16"),
    ],
)
def test_an_encoding_that_the_file_contradicts_is_refused(name: str, said: Encoding, what: str) -> None:
    with pytest.raises(InputError, match=what) as caught:
        read(BAD / name, Layout(said))
    assert caught.value.remedy == "Leave --encoding out."


def test_a_byte_that_windows_1252_does_not_know_is_named(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b"forename,surname\nAda,Quill\nBen,M\x81rsh\n")
    with pytest.raises(InputError, match="The cell is not in Windows-1252") as caught:
        read(path, Layout(Encoding.WINDOWS_1252))
    assert caught.value.where == f"{path}, row 3, column 2"


def test_a_delimiter_that_is_said_is_not_looked_for(tmp_path: Path) -> None:
    path = BAD / "ambiguous-delimiter.csv"
    assert read(path, Layout(delimiter=Delimiter.SEMICOLON))[1] == [["Ada,May", "Quill,Ink"]]
    assert read(path, Layout(delimiter=Delimiter.COMMA))[1] == [["Ada", "May;Quill", "Ink"]]
    path = tmp_path / "in.csv"
    path.write_text("a;b\n1;2\n", encoding="utf-8")
    assert read(path, Layout(delimiter=Delimiter.PIPE))[:2] == (["a;b"], [["1;2"]])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\n1,2\n", Delimiter.COMMA),  # and so a ragged row
        ("a,b;c\n1,2\n", Delimiter.COMMA),
        ("a,b;c\n1;2\n", Delimiter.SEMICOLON),
        ('"a;b","c"\n1,2\n', Delimiter.COMMA),
        ("a,b|c\n\n1|2\n", Delimiter.PIPE),
        ("a,b;c\n", None),
        ("a,b;c\n1,2,3;4\n", Delimiter.SEMICOLON),
        ('a,b;c\n1;"2', None),
    ],
)
def test_only_what_is_beyond_doubt_is_a_delimiter(tmp_path: Path, text: str, expected: Delimiter | None) -> None:
    path = tmp_path / "in.csv"
    path.write_text(text, encoding="utf-8", newline="")
    told: list[str] = []
    if expected is None:
        with pytest.raises(InputError, match="do not show which is right"), open_table(path, layout=Layout()):
            pass
        return
    with open_table(path, tell=told.append):
        assert told == [f"Read as {expected}-separated text in UTF-8."]


def test_a_quoted_cell_of_many_lines_does_not_hide_the_delimiter(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    long = "line\n" * 500
    path.write_text(as_text([["a,x", "b"], ["1", long]], Delimiter.SEMICOLON), encoding="utf-8", newline="")
    assert read(path)[1] == [["1", long]]


def test_options_of_another_format_are_refused(tmp_path: Path) -> None:
    book = as_workbook(tmp_path / "b.xlsx", [HEADER, *ROWS])
    pq.write_table(pa.table({"id": ["1"]}), tmp_path / "p")
    for path, layout, option in [
        (book, Layout(encoding=Encoding.UTF_8), "--encoding"),
        (book, Layout(delimiter=Delimiter.TAB), "--delimiter"),
        (tmp_path / "p", Layout(encoding=Encoding.UTF_8), "--encoding"),
        (tmp_path / "p", Layout(sheet="x"), "--sheet"),
        (BAD / "one-row.csv", Layout(sheet="x"), "--sheet"),
    ]:
        with pytest.raises(InputError, match=f"of which {option} says nothing") as caught:
            read(path, layout)
        assert caught.value.remedy == f"Leave {option} out."


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(cells, cells).filter(lambda row: any(map(str.strip, row))), min_size=1, max_size=5),
    st.sampled_from(Delimiter),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.integers(1, 6),
)
def test_the_same_rows_are_the_same_text_in_every_format(
    rows: list[tuple[str, str]], delimiter: Delimiter, encoding: str, size: int
) -> None:
    header = ["a", "b"]
    with tempfile.TemporaryDirectory() as folder:
        text, book, columns = Path(folder) / "t", Path(folder) / "b", Path(folder) / "p"
        text.write_text(as_text([header, *rows], delimiter), encoding=encoding, newline="")
        pq.write_table(pa.table(list(map(list, zip(*rows, strict=True))), names=header), columns, row_group_size=2)
        as_workbook(book, [header, *([cell if cell else None for cell in row] for row in rows)])
        found = [read(path, Layout(delimiter=said), size=size) for path, said in ((text, delimiter), (columns, None))]
        found.append(read(book, size=size))
    for names, cells_of, told in found:
        assert (names, cells_of) == (header, [list(row) for row in rows])
        assert len(told) == 1


def test_rows_are_numbered_as_a_person_sees_them(tmp_path: Path) -> None:
    rows = [["n"], ["1"], [""], ["2"]]
    (tmp_path / "t").write_text(as_text(rows), encoding="utf-8")
    as_workbook(tmp_path / "b", [[], *rows])
    pq.write_table(pa.table({"n": ["1", "2"]}), tmp_path / "p")
    numbers = {
        name: [batch.rows.tolist() for batch in read_rows(tmp_path / name, Columns(surname="n"))] for name in "tbp"
    }
    assert numbers == {"t": [[2, 4]], "b": [[3, 5]], "p": [[1, 2]]}


def test_a_missing_column_is_named_with_the_place_of_the_header(tmp_path: Path) -> None:
    as_workbook(tmp_path / "b", [[], ["Surname"], ["Quill"]])
    pq.write_table(pa.table({"Surname": ["Quill"]}), tmp_path / "p")
    for name, where in (("b", "b, sheet 'Sheet 1', row 2"), ("p", "p")):
        with pytest.raises(ColumnsError, match="Did you mean 'Surname'") as caught:
            list(read_rows(tmp_path / name, Columns(surname="surname")))
        assert caught.value.where == f"{tmp_path}/{where}"


@pytest.mark.parametrize("name", ["b", "p"])
def test_repeated_and_empty_ids_are_found_in_every_format(tmp_path: Path, name: str) -> None:
    for ids, where in ((["7", "8", "7"], "rows {} and {}"), (["7", None, "8"], "row {}")):
        rows: list[list[str | None]] = [["id", "n"], *([one, "Quill"] for one in ids)]
        as_workbook(tmp_path / "b", rows)
        pq.write_table(pa.table({"id": ids, "n": ["Quill"] * 3}), tmp_path / "p")
        first = 2 if name == "b" else 1
        place = where.format(first, first + 2) if "and" in where else where.format(first + 1)
        with pytest.raises(InputError) as caught:
            list(read_rows(tmp_path / name, Columns(id="id", surname="n"), batch_rows=2))
        assert caught.value.where == f"{tmp_path / name}, {place}, column 'id'"
