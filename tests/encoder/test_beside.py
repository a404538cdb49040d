"""A second file gives each row what it says of it, or is refused by its own name and row; nothing is chosen for us."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.agreed import headers_of, identifiers_of, restrict
from encoder.beside import Beside
from encoder.columns import Columns, JoinHeaders, Other
from encoder.errors import ColumnsError, EncoderError, InputError, ValueRefused
from encoder.normalise import normalise
from encoder.read import read_rows
from encoder.table import Layout
from keys.template import default_rules
from tests.doors import small_terms

BAD = Path(__file__).parent / "bad_input"
TODAY = date(2026, 6, 1)
CHILDREN = [["id", "surname"], ["A1", "Quill"], ["A2", "Marsh"], ["A3", "Dell"]]

REFUSED: dict[str, tuple[type[EncoderError], str, str, str]] = {
    # file: error, the end of where, a piece of what, a piece of the remedy
    "two-that-differ": (InputError, "rows 2 and 4, column 'postcode'", "For 1 id, several", "newest_by"),
    "of-others": (InputError, "addresses-of-others.csv", "No row belongs to a row of", "right file"),
    "without-ids": (InputError, "addresses-without-ids.csv", "No row has a 'id'", "export"),
    "header-only": (InputError, "addresses-header-only.csv", "no rows", "export"),
    "short-row": (InputError, "addresses-short-row.csv, row 3", "has 2 cells", "quotation marks"),
    "missing-column": (ColumnsError, "row 1", "for other.postcode", "Did you mean 'post code'?"),
    "duplicate-header": (ColumnsError, "columns 2 and 3", "same header", "Rename"),
    "windows-1252": (InputError, "row 3, column 'postcode'", "Windows-1252", "--with-encoding windows-1252"),
}

REFUSED_BY_DATE: dict[str, tuple[type[EncoderError], str, str, str]] = {
    "two-that-are-newest": (InputError, "rows 2 and 4, column 'postcode'", "the newest rows", "Leave one row"),
    "unreadable-date": (ValueRefused, "addresses-unreadable-date.csv, row 3, column 'start'", "not a date", "[other]"),
    "ambiguous-dates": (ValueRefused, "addresses-ambiguous-dates.csv, row 2, column 'start'", "month first", "[other]"),
    "year-only": (ValueRefused, "addresses-year-only.csv, row 3, column 'start'", "part of the date", "empty the cell"),
}


def write(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows(rows)
    return path


def columns(**other: str) -> Columns:
    return Columns(id="id", surname="surname", other=Other(on="id", postcode="postcode", **other))  # type: ignore[arg-type]


def joined(first: Path, second: Path, named: Columns, batch_rows: int = 100) -> tuple[list[str], list[str]]:
    """The postcode of every row, and what was told."""
    told: list[str] = []
    beside = Beside(second, Layout())
    batches = list(read_rows(first, named, beside=beside, layout=Layout(), tell=told.append, batch_rows=batch_rows))
    return [cell for batch in batches for cell in batch.values["postcode"].to_pylist()], told


def test_every_bad_file_is_spoken_for() -> None:
    files = {path.stem.removeprefix("addresses-") for path in BAD.glob("addresses-*")}
    assert files == REFUSED.keys() | REFUSED_BY_DATE.keys()


@pytest.mark.parametrize("name", [*REFUSED, *REFUSED_BY_DATE])
def test_refused(tmp_path: Path, name: str) -> None:
    kind, where, what, remedy = (REFUSED | REFUSED_BY_DATE)[name]
    named = columns(newest_by="start") if name in REFUSED_BY_DATE else columns()
    with pytest.raises(kind) as caught:
        joined(write(tmp_path / "children.csv", CHILDREN), BAD / f"addresses-{name}.csv", named)
    assert (caught.value.where or "").endswith(where)
    assert f"addresses-{name}.csv" in (caught.value.where or "")
    assert what in caught.value.what
    assert remedy in caught.value.remedy
    for cell in ("AB1", "A1", "Quill", "last May", "rich"):
        assert cell not in str(caught.value).replace(str(tmp_path), "")


def test_a_child_without_a_row_is_counted_and_kept(tmp_path: Path) -> None:
    first = write(tmp_path / "children.csv", CHILDREN)
    rows = [["postcode", "id"], ["AB1 2DD", "A2"], ["AB1 9DD", "B7"], ["AB1 8DD", ""], [" ab12dd", " A2 "]]
    second = write(tmp_path / "addresses.csv", rows)
    found, told = joined(first, second, columns())
    assert found == ["", "AB1 2DD", ""]
    assert told == [
        f"{second}: Read as comma-separated text in UTF-8.",
        f"1 row of {second} has no 'id', and so no row to belong to.",
        "Read as comma-separated text in UTF-8.",
        f"1 of 3 rows have their postcode from {second}.",
        "2 rows have no row there: postcode missing.",
        f"1 id of {second} without a row here.",
        f"Rows are numbered as in {first}, unless a message names the other file.",
    ]
    result = normalise(
        read_rows(first, columns(), beside=Beside(second)), columns(), rules=default_rules(), today=TODAY
    )
    postcode = result.identifiers.columns["postcode"]
    assert [postcode.values[code] for code in postcode.codes] == ["", "AB12DD", ""]
    assert [(one.field, one.rows, one.first_row) for one in result.findings] == [("postcode", 2, 2)]


@pytest.mark.parametrize(
    ("dates", "order", "expected"),
    [
        (["2023-01-01", "2024-01-01", ""], None, "AB1 2DD"),
        (["01/02/2024", "02/01/2024", "03/01/2024"], "dmy", "AB1 1DD"),
        (["01/02/2024", "02/01/2024", "03/01/2024"], "mdy", "AB1 3DD"),
        (["", "", "1999-12-31"], None, "AB1 3DD"),
        (["31/12/2023", "01/12/2023", "01/01/2024"], None, "AB1 3DD"),
    ],
)
def test_the_newest_row_counts(tmp_path: Path, dates: list[str], order: str | None, expected: str) -> None:
    first = write(tmp_path / "children.csv", CHILDREN)
    rows = [["A1", f"AB1 {place}DD", start] for place, start in enumerate(dates, start=1)]
    second = write(tmp_path / "episodes.csv", [["id", "postcode", "start"], *rows])
    named = columns(newest_by="start", **({"date_order": order} if order else {}))
    assert joined(first, second, named)[0] == [expected, "", ""]


def test_the_join_column_need_not_be_the_id_and_may_have_two_headers(tmp_path: Path) -> None:
    first = write(tmp_path / "children.csv", [["surname", "house"], ["Quill", "7"], ["Marsh", ""], ["Dell", "7"]])
    second = write(tmp_path / "houses.csv", [["no", "code"], ["7", "AB1 2DD"]])
    named = Columns(surname="surname", other=Other(on=JoinHeaders(here="house", there="no"), postcode="code"))
    assert joined(first, second, named)[0] == ["AB1 2DD", "", "AB1 2DD"]
    assert headers_of(named) == ["surname", "house"]
    assert identifiers_of(named) == ["surname", "postcode"]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet"])
def test_both_files_may_have_any_format(tmp_path: Path, kind: str) -> None:
    addresses = [["id", "postcode", "start"], ["A1", "AB1 2DD", "x"], ["A3", "AB1 3DD", "y"]]
    paths = []
    for name, rows in (("children", CHILDREN), ("addresses", addresses)):
        path = tmp_path / f"{name}.{kind}"
        if kind == "csv":
            write(path, rows)
        elif kind == "xlsx":
            book = openpyxl.Workbook()
            for row in rows:
                book.active.append(row)
            book.save(path)
        else:
            pq.write_table(pa.table({head: [row[at] for row in rows[1:]] for at, head in enumerate(rows[0])}), path)
        paths.append(path)
    named = Columns(id="id", nhs_number="surname", other=Other(on="id", postcode="postcode"))
    assert joined(paths[0], paths[1], named)[0] == ["AB1 2DD", "", "AB1 3DD"]


def test_two_sheets_of_one_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in CHILDREN:
        book.active.append(row)
    sheet = book.create_sheet("Addresses")
    for row in (["id", "postcode"], ["A1", "AB1 2DD"]):
        sheet.append(row)
    book.save(tmp_path / "in.xlsx")
    beside = Beside(tmp_path / "in.xlsx", Layout(sheet="Addresses"))
    (batch,) = read_rows(tmp_path / "in.xlsx", columns(), beside=beside, layout=Layout(sheet="Sheet"))
    assert batch.values["postcode"].to_pylist() == ["AB1 2DD", "", ""]
    with pytest.raises(InputError) as caught:
        list(read_rows(tmp_path / "in.xlsx", columns(), beside=Beside(tmp_path / "in.xlsx", Layout())))
    assert '--with-sheet "Sheet"' in caught.value.remedy


def test_a_second_file_is_given_if_and_only_if_it_is_declared(tmp_path: Path) -> None:
    first = write(tmp_path / "children.csv", CHILDREN)
    with pytest.raises(ColumnsError, match=r"postcode stands in a second file.* Give that file with --with"):
        list(read_rows(first, columns()))
    with pytest.raises(ColumnsError, match=r"does not say what is in it.* leave --with out"):
        list(read_rows(first, Columns(surname="surname"), beside=Beside(first)))


def test_an_agreement_that_needs_nothing_of_it_needs_no_second_file() -> None:
    terms = small_terms(
        {"council": ("forename", "surname", "date_of_birth"), "icb": ("forename", "surname", "date_of_birth")}
    )
    whole = Columns(forename="f", surname="s", date_of_birth="d", other=Other(on="k", postcode="p", upn="u"), id="k")
    assert restrict(whole, terms.holder("council"), Path("columns.toml")).other is None
    terms = small_terms()
    have = Columns(
        forename="f", surname="s", date_of_birth="d", sex="x", nhs_number="n", id="k",
        other=Other(on="k", postcode="p", upn="u"),
    )  # fmt: skip
    used = restrict(have, terms.holder("icb"), Path("columns.toml"))
    assert used.other is not None
    assert used.other.sources == {"postcode": "p"}


keys = st.sampled_from(["1", "2", "3", "4", ""])
codes = st.sampled_from(["AB1 2DD", "ab12dd", "AB1 3DD", ""])
days = st.sampled_from(["2024-01-01", "2024-01-02", "2023-12-31", ""])


@settings(max_examples=150, deadline=None)
@given(
    st.lists(keys, min_size=1, max_size=8),
    st.lists(st.tuples(keys, codes, days), min_size=1, max_size=8),
    st.booleans(),
    st.integers(1, 9),
)
def test_the_join_is_what_a_plain_search_finds(
    first: list[str], second: list[tuple[str, str, str]], dated: bool, batch_rows: int
) -> None:
    def plain(key: str) -> set[str]:
        of_key = [(start if dated else "", code) for other, code, start in second if key and other == key]
        newest = max((start for start, _ in of_key), default="")
        return {code.replace(" ", "").lower() for start, code in of_key if start == newest}

    clear = all(len(plain(key)) <= 1 for key, _, _ in second)
    expected = ["".join(plain(key)) for key in first]
    named = Columns(surname="s", other=Other(on="k", postcode="p", newest_by="d" if dated else None))
    with tempfile.TemporaryDirectory() as name:
        one = write(Path(name) / "one.csv", [["k", "s"], *([key, "x"] for key in first)])
        two = write(Path(name) / "two.csv", [["k", "p", "d"], *map(list, second)])
        try:
            found = joined(one, two, named, batch_rows=batch_rows)[0]
        except InputError:
            assert not clear or not any(plain(key) for key in first)
            return
    assert clear
    assert [code.replace(" ", "").lower() for code in found] == expected
