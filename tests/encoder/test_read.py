"""A file is read as it stands, or refused with the row, the column and the way out; no message shows a cell."""

import csv
import tempfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.columns import Columns
from encoder.errors import ColumnsError, EncoderError, InputError, ValueRefused
from encoder.normalise import Normalised, normalise
from encoder.read import Batch, read_rows
from encoder.table import Layout
from keys.errors import CounterfoilError
from tests.doors import KEEP

BAD = Path(__file__).parent / "bad_input"
FILES = {path.name for path in BAD.iterdir() if not path.name.startswith("addresses-")}  # those in test_beside.py
TODAY = date(2026, 6, 1)
COLUMNS = Columns(
    id="id", forename="forename", surname="surname", sex="sex", date_of_birth="dob", postcode="postcode",
    nhs_number="nhs", upn="upn",
)  # fmt: skip

REFUSED: dict[str, tuple[type[EncoderError], str, str, str]] = {
    # file: error, the end of where, a piece of what, a piece of the remedy
    "utf-16-without-mark.csv": (InputError, "mark.csv", "UTF-16, but has no mark", "--encoding utf-16"),
    "utf-16-cut-short.csv": (InputError, "row 3, column 'upn'", "not in UTF-16", "which encoding"),
    "utf-32.csv": (InputError, "utf-32.csv", "UTF-32", "CSV UTF-8"),
    "windows-1252.csv": (InputError, "row 3, column 'surname'", "words in Windows-1252", "--encoding windows-1252"),
    "windows-1252-header.csv": (InputError, "row 1, column 2", "words in Windows-1252", "--encoding windows-1252"),
    "dos-code-page.csv": (InputError, "row 3, column 'surname'", "no words in Windows-1252 either", "CSV UTF-8"),
    "mac-roman.csv": (InputError, "row 3, column 'surname'", "no words in Windows-1252 either", "CSV UTF-8"),
    "two-encodings.csv": (InputError, "row 3, column 'surname'", "parts in two encodings", "CSV UTF-8"),
    "ambiguous-delimiter.csv": (InputError, "delimiter.csv", "by comma into 3 or by semicolon", "--delimiter comma"),
    "nul-byte.csv": (InputError, "row 3, column 'forename'", "NUL byte", "Export the file again"),
    "empty.csv": (InputError, "empty.csv", "is empty", "export"),
    "blank-lines-only.csv": (InputError, "only.csv", "is empty", "export"),
    "header-only.csv": (InputError, "header-only.csv", "no rows", "export"),
    "compressed.csv.gz": (InputError, "compressed.csv.gz", "compressed", "Decompress"),
    "old-excel-workbook.xls": (InputError, "workbook.xls", "of an old kind, or one with a password", "CSV UTF-8"),
    "damaged-workbook.xlsx": (InputError, "damaged-workbook.xlsx", "damaged Excel workbook", "save it again as .xlsx"),
    "archive.zip": (InputError, "archive.zip", "ZIP archive of something else", "another file"),
    "empty-sheet.xlsx": (InputError, "sheet 'Pupils'", "sheet is empty", "export"),
    "no-rows.xlsx": (InputError, "no-rows.xlsx", "no rows", "export"),
    "two-sheets.xlsx": (InputError, "two-sheets.xlsx", "several sheets: 'Pupils', 'Notes'", '--sheet "Pupils"'),
    "error-cell.xlsx": (InputError, "sheet 'Pupils', cell C3", "an error, such as #N/A", "Correct"),
    "formula-without-result.xlsx": (InputError, "cell C3", "formula was not saved", "Open the file in Excel"),
    "impossible-date.xlsx": (InputError, "cell E3", "format of a date, but is none", "Correct"),
    "merged-cells.xlsx": (InputError, "cell C2", "C2:C3 are merged", "Unmerge"),
    "nested-column.parquet": (InputError, "parquet, column 'surname'", "but list<element: string>", "Write it again"),
    "cut-short.parquet": (InputError, "cut-short.parquet", "cut short", "again"),
    "not-utf-8.parquet": (InputError, "row 2, column 'surname'", "not in UTF-8", "UTF-8"),
    "nul-byte.parquet": (InputError, "row 2, column 'forename'", "NUL byte", "Write it again"),
    "missing-column.csv": (ColumnsError, "row 1", "no column 'surname'", "Did you mean 'Sur Name'? Its headers are"),
    "wrong-file.csv": (ColumnsError, "row 1", "no column 'id'", "None of its 3 headers"),
    "no-header.csv": (ColumnsError, "row 1", "no column 'id'", "that its first row is the header"),
    "duplicate-header.csv": (ColumnsError, "row 1, columns 3 and 8", "same header", "Rename"),
    "short-row.csv": (InputError, "row 3", "has 3 cells, but the header has 8", "quotation marks"),
    "long-row.csv": (InputError, "row 4", "has 9 cells, but the header has 8", "quotation marks"),
    "unclosed-quote.csv": (InputError, "row 3", "not closed", "Close every quoted cell"),
    "text-after-quote.csv": (InputError, "row 3", "the cell goes on", "Close every quoted cell"),
    "repeated-row-id.csv": (InputError, "rows 2 and 4, column 'id'", "same id", "remove one"),
    "empty-row-id.csv": (InputError, "row 3, column 'id'", "has no id", "leave id out"),
    "unreadable-date.csv": (ValueRefused, "row 3, column 'dob'", "so is 1 other value of", "empty the cell"),
    "excel-serial-date.csv": (ValueRefused, "row 3, column 'dob'", "not a date", "2015-03-25"),
    "two-digit-year.csv": (ValueRefused, "row 3, column 'dob'", "not a date", "2015-03-25"),
    "date-with-time-zone.csv": (ValueRefused, "row 3, column 'dob'", "not a date", "2015-03-25"),
    "ambiguous-dates.csv": (ValueRefused, "row 2, column 'dob'", "day or the month first", 'date_order = "dmy"'),
    "mixed-date-orders.csv": (ValueRefused, "column 'dob'", "Row 2 has the day first, row 4 the month", "date_order"),
    "no-identifiers.csv": (InputError, "no-identifiers.csv", "No row has an identifier", "right headers"),
}

COUNTED = {
    "impossible-dates.csv": ("date_of_birth", "invalid", 3, 3),
    "lost-leading-zero.csv": ("nhs_number", "invalid", 1, 3),
    "rounded-number.csv": ("nhs_number", "invalid", 1, 3),
    "rounded-number.xlsx": ("nhs_number", "invalid", 1, 2),
    "spreadsheet-errors.csv": ("forename", "invalid", 1, 3),
    "mojibake.csv": ("surname", "noted", 1, 3),
}  # file: field, kind, rows, first row

READ: dict[str, dict[str, list[str]]] = {
    "byte-order-mark.csv": {"forename": ["ada"]},
    "line-ends-in-quotes.csv": {"forename": ["ada may", "ben"], "surname": ["oquill", "marsh"]},
    "csv-injection.csv": {"forename": ["cmd c calca"], "surname": ["sum"], "postcode": ["AB12CD"]},
    "composed-and-decomposed.csv": {"surname": ["perez", "perez"]},
    "right-to-left-names.csv": {
        "forename": ["\u0639\u0644\u064a"],
        "surname": ["\u05db\u05d4\u05df"],
    },
    "single-letter-names.csv": {"forename": ["j"], "surname": ["o"]},
    "one-row.csv": {"date_of_birth": ["2015-03-27"], "nhs_number": ["9434765919"], "upn": ["B801200005001"]},
    "semicolons.csv": {"surname": ["quill"]},
    "tabs.csv": {"surname": ["quill"]},
    "pipes.csv": {"surname": ["quill"]},
    "utf-16.csv": {"surname": ["quill", "marsh"]},
    "excel-workbook.csv": {"date_of_birth": ["2015-03-27", "2016-04-14"], "nhs_number": ["9434765919", ""]},
    "hidden-rows.xlsx": {"surname": ["quill", "marsh"]},
    "hidden-sheet.xlsx": {"surname": ["quill", "marsh"]},
    "leading-zeros.xlsx": {"nhs_number": ["", ""]},
    "numbers-as-fractions.parquet": {
        "date_of_birth": ["2015-03-27", "2016-04-14"],
        "nhs_number": ["9434765919", ""],
    },
    "old-mac-line-ends.csv": {"surname": ["quill", "marsh"]},
}

WARNED = {"swapped-names.csv": "columns of forenames and surnames look as if they had changed places"}
"""Read as they stand, with a warning before anything is encoded (test_encode_command.py)."""


def run(path: Path, columns: Columns = COLUMNS, batch_rows: int = 65_536) -> Normalised:
    return normalise(read_rows(path, columns, layout=Layout(), batch_rows=batch_rows), columns, rules=KEEP, today=TODAY)


def values(result: Normalised, field: str) -> list[str]:
    column = result.identifiers.columns[field]
    return [column.values[code] for code in column.codes]


def write(path: Path, rows: list[list[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def test_every_bad_file_is_spoken_for() -> None:
    assert REFUSED.keys() | COUNTED.keys() | READ.keys() | WARNED.keys() == FILES


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    kind, where, what, remedy = REFUSED[name]
    with pytest.raises(kind) as caught:
        run(BAD / name)
    assert (caught.value.where or "").endswith(where)
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    for cell in ("Ada", "Quill", "Ben", "Marsh", "Dell", "27/03/2015", "12th May", "9434765919", "A1", "Ink"):
        assert cell not in str(caught.value)


@pytest.mark.parametrize("name", COUNTED)
def test_counted_and_kept(name: str) -> None:
    field, kind, rows, first_row = COUNTED[name]
    result = run(BAD / name)
    found = [f for f in result.findings if f.field == field and f.kind == kind]
    assert [(f.rows, f.first_row) for f in found] == [(rows, first_row)]
    assert result.rejections == ()


@pytest.mark.parametrize("name", READ)
def test_odd_but_right(name: str) -> None:
    result = run(BAD / name)
    for field, expected in READ[name].items():
        assert values(result, field) == expected


def test_a_rounded_number_and_a_lost_zero_say_what_happened() -> None:
    reasons = [run(BAD / name).findings for name in ("rounded-number.csv", "lost-leading-zero.csv")]
    assert any("rounded by a spreadsheet" in finding.reason for finding in reasons[0])
    assert any("leading zero" in finding.reason for finding in reasons[1])


@pytest.mark.parametrize(
    ("path", "what"), [("nowhere.csv", "no such file"), (".", "folder"), ("a\0b.csv", "cannot be opened")]
)
def test_a_path_that_is_no_file(tmp_path: Path, path: str, what: str) -> None:
    with pytest.raises(InputError, match=what):
        run(tmp_path / path)


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text('forename\n"Ada\nMay"\n\nBen\n  \nCy\n', encoding="utf-8")
    columns = Columns(forename="forename")
    (batch,) = read_rows(path, columns)
    assert batch.rows.tolist() == [2, 4, 6]
    assert batch.ids.to_pylist() == ["2", "4", "6"]
    assert batch.values["forename"].to_pylist() == ["Ada\nMay", "Ben", "Cy"]


def test_cells_stay_text_and_lose_only_white_space_around_them(tmp_path: Path) -> None:
    cells = ["007", "1e5", "TRUE", "NaN", "", "a  b", "2015-01-02"]
    path = write(tmp_path / "in.csv", [["n", "x"], *([f"\u00a0 {cell}\t", "x"] for cell in cells)])
    (batch,) = read_rows(path, Columns(surname="n"))
    assert batch.values["surname"].to_pylist() == cells


def test_a_header_row_of_values_is_never_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", [["Zebedee", "Thistlewood"], ["Ada", "Quill"]])
    with pytest.raises(ColumnsError) as caught:
        run(path, Columns(forename="forename", surname="surname"))
    assert "Zebedee" not in str(caught.value)
    assert "Thistlewood" not in str(caught.value)


def test_an_id_column_may_also_be_an_identifier(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", [["nhs"], ["9434765919"]])
    result = run(path, Columns(id="nhs", nhs_number="nhs"))
    assert result.ids.to_pylist() == values(result, "nhs_number") == ["9434765919"]


def test_a_huge_cell_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "in.csv", [["surname"], ["a"], ["b" * 200_000]])
    with pytest.raises(InputError, match=r"row 3: .*longer than 131,072 characters"):
        run(path, Columns(surname="surname"))


def test_a_million_rows_come_in_batches_while_the_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("surname\n" + "Quill\nMarsh\n" * 500_000, encoding="utf-8")
    done: list[tuple[int, int]] = []
    lengths: list[int] = []
    last = 0
    for batch in read_rows(path, Columns(surname="surname"), progress=lambda now, size: done.append((now, size))):
        if not lengths:
            assert done == []
        lengths.append(len(batch.rows))
        last = int(batch.rows[-1])
    assert sum(lengths) == 1_000_000
    assert max(lengths) == 65_536
    assert last == 1_000_001
    size = path.stat().st_size
    assert done == sorted(done)
    assert done[0][0] < size // 10  # the file was not read ahead
    assert done[-1] == (size, size)


def test_a_repeated_id_is_found_across_batches(tmp_path: Path) -> None:
    rows = [[str(number), "Quill"] for number in range(10)] + [["4", "Marsh"]]
    path = write(tmp_path / "in.csv", [["id", "surname"], *rows])
    with pytest.raises(InputError, match="rows 6 and 12"):
        list(read_rows(path, Columns(id="id", surname="surname"), batch_rows=3))


def test_nothing_read_shows_in_a_repr() -> None:
    (batch,) = read_rows(BAD / "one-row.csv", COLUMNS)
    for shown in (repr(batch), repr(run(BAD / "one-row.csv")), repr(run(BAD / "one-row.csv").identifiers)):
        assert "uill" not in shown


# Lone surrogates cannot stand in a UTF-8 file; everything else can.
cell = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
date_like = st.from_regex(r"[0-9]{1,4}[-/. ][0-9A-Za-z]{1,3}[-/. ][0-9]{1,4}", fullmatch=True)
year_first = st.from_regex(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", fullmatch=True)
HEADER = ["id", "forename", "surname", "sex", "dob", "postcode", "nhs", "upn"]
row = st.tuples(cell, cell, cell, cell, st.just("") | year_first | date_like | cell, cell, cell, cell)


def rows_or_error(path: Path, columns: Columns) -> int | CounterfoilError:
    try:
        return run(path, columns).identifiers.rows
    except CounterfoilError as error:
        return error


@settings(max_examples=150, deadline=None)
@given(st.lists(row, max_size=4))
def test_any_text_in_any_cell_is_normalised_or_refused_in_words(rows: list[tuple[str, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        outcome = rows_or_error(write(Path(folder) / "in.csv", [HEADER, *map(list, rows)]), COLUMNS)
    if isinstance(outcome, CounterfoilError):
        assert outcome.where
        assert outcome.remedy
    else:
        assert 0 < outcome <= len(rows)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=60), st.booleans())
def test_any_bytes_are_read_or_refused_in_words(content: bytes, headed: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.csv"
        path.write_bytes((b"surname\n" if headed else b"") + content)
        outcome = rows_or_error(path, Columns(surname="surname"))
    assert isinstance(outcome, CounterfoilError) or outcome > 0


names = st.sampled_from(["Ada", "Ben", "Cy", "", "Dee-Ann", "Mr Eve"])
dates = st.sampled_from(["25/03/2015", "02/03/2015", "", "2014-12-01", "31/02/2015"])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(names, names, dates), min_size=1, max_size=12), st.integers(1, 13))
def test_the_size_of_a_batch_changes_nothing(rows: list[tuple[str, str, str]], batch_rows: int) -> None:
    columns = Columns(forename="f", surname="s", date_of_birth="d")
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "in.csv", [["f", "s", "d"], *map(list, rows)])

        def outcome(size: int) -> object:
            try:
                result = run(path, columns, size)
            except CounterfoilError as error:
                return str(error)
            table = {field: values(result, field) for field in columns.fields}
            return table, result.ids.to_pylist(), result.rejections, result.findings

        assert outcome(batch_rows) == outcome(65_536)


def test_batches_carry_what_columns_name() -> None:
    (batch,) = read_rows(BAD / "one-row.csv", COLUMNS)
    assert isinstance(batch, Batch)
    assert batch.values.keys() == COLUMNS.sources.keys()
    assert batch.source == str(BAD / "one-row.csv")
