"""Children who must not be linked: their rows hold nothing, and a list with a slip in it is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.columns import Columns
from encoder.errors import ColumnsError, InputError
from encoder.exclusions import ListUse, read_exclusions
from encoder.findings import Kind
from encoder.normalise import Normalised, normalise
from encoder.read import read_rows
from keys.template import default_rules
from tests.doors import NOW, children
from tests.holder import FIELDS, write_rows

COLUMNS = Columns.model_validate({name: name for name in ("id", *FIELDS)})
PEOPLE = children(8)


def left_out(
    folder: Path,
    lists: Sequence[Path],
    *,
    people: Sequence[dict[str, str]] = PEOPLE,
    header: str | None = None,
    batch_rows: int = 3,
) -> tuple[Normalised, tuple[ListUse, ...]]:
    """What normalising makes of a file of these people with these lists, and what became of the lists."""
    file = write_rows(folder / "in.csv", people)
    exclusions = read_exclusions(lists, id_header=COLUMNS.id, header=header)
    batches = exclusions.leave_out(read_rows(file, COLUMNS, batch_rows=batch_rows))
    normalised = normalise(batches, COLUMNS, rules=default_rules(), today=NOW.date())
    return normalised, exclusions.check(normalised.ids)


def listed(folder: Path, text: str, name: str = "list.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def excluded(normalised: Normalised) -> list[str]:
    return [row_id for row_id, out in zip(normalised.ids.to_pylist(), normalised.excluded, strict=True) if out]


FIRST, SECOND = PEOPLE[2]["id"], PEOPLE[5]["id"]


@pytest.mark.parametrize(
    "text",
    [
        f"{FIRST}\n{SECOND}\n",
        f"\ufeffid\n{FIRST}\n{SECOND}",
        f"ID\r\n{SECOND}\r\n\r\n  {FIRST} \r\n",
        f"{FIRST}\n{FIRST}\n{SECOND}\n",
        f"name;id\nx;{FIRST}\ny;{SECOND}\n",
        f'"{FIRST}"\n"{SECOND}"\n',
    ],
    ids=["bare", "header", "capitals and spaces", "twice", "two columns", "quoted"],
)
def test_every_usual_list_is_understood(tmp_path: Path, text: str) -> None:
    for name in ("list.csv", "list.txt"):
        normalised, (use,) = left_out(tmp_path, [listed(tmp_path, text, name)])
        assert excluded(normalised) == [FIRST, SECOND]
        assert use == ListUse(tmp_path / name, 2, 2, None)


def test_the_only_row_of_a_list_without_a_header_is_an_id(tmp_path: Path) -> None:
    normalised, _ = left_out(tmp_path, [listed(tmp_path, FIRST)])
    assert excluded(normalised) == [FIRST]


def test_a_named_header_counts_alone(tmp_path: Path) -> None:
    text = f"id,child\n{SECOND},{FIRST}\n"
    assert excluded(left_out(tmp_path, [listed(tmp_path, text)], header="child")[0]) == [FIRST]
    assert excluded(left_out(tmp_path, [listed(tmp_path, text)])[0]) == [SECOND]
    with pytest.raises(ColumnsError, match="no column 'pupil'"):
        left_out(tmp_path, [listed(tmp_path, FIRST)], header="pupil")


def test_workbooks_and_parquet_are_lists_too(tmp_path: Path) -> None:
    people = [{**one, "id": str(1000 + number)} for number, one in enumerate(PEOPLE)]
    book = openpyxl.Workbook()
    for row in ([1002], [1005]):
        book.active.append(row)
    book.save(tmp_path / "list.xlsx")
    pq.write_table(pa.table({"id": [1003]}), tmp_path / "list.parquet")
    lists = [tmp_path / "list.xlsx", tmp_path / "list.parquet"]
    normalised, used = left_out(tmp_path, lists, people=people)
    assert excluded(normalised) == ["1002", "1003", "1005"]
    assert [(one.path, one.ids, one.found) for one in used] == [(lists[0], 2, 2), (lists[1], 1, 1)]


@given(out=st.sets(st.integers(0, 7), min_size=1, max_size=7), batch_rows=st.integers(1, 9))
def test_an_excluded_row_holds_nothing_and_the_others_are_as_without_a_list(
    tmp_path_factory: pytest.TempPathFactory, out: set[int], batch_rows: int
) -> None:
    folder = tmp_path_factory.mktemp("x")
    people = [{**one, "nhs_number": "9434765918"} if number % 2 else one for number, one in enumerate(PEOPLE)]
    text = "\n".join(PEOPLE[number]["id"] for number in out)
    normalised, _ = left_out(folder, [listed(folder, text)], people=people, batch_rows=batch_rows)
    rest = [one for number, one in enumerate(people) if number not in out]
    file = write_rows(folder / "rest.csv", rest)
    plain = normalise(read_rows(file, COLUMNS), COLUMNS, rules=default_rules(), today=NOW.date())
    assert normalised.ids.to_pylist() == [one["id"] for one in people]
    assert set(excluded(normalised)) == {PEOPLE[number]["id"] for number in out}
    for name, column in normalised.identifiers.columns.items():
        values = [column.values[code] for code in column.codes]
        other = plain.identifiers.columns[name]
        assert [values[number] for number in sorted(out)] == [""] * len(out)
        assert [one for one, gone in zip(values, normalised.excluded, strict=True) if not gone] == [
            other.values[code] for code in other.codes
        ]
    assert [(one.field, one.kind, one.reason, one.rows) for one in normalised.findings] == [
        (one.field, one.kind, one.reason, one.rows) for one in plain.findings
    ]
    assert normalised.rejections == ()
    for field, judged in normalised.judged.items():
        assert judged.rows(Kind.INVALID) == plain.judged[field].rows(Kind.INVALID)
        assert judged.rows(Kind.MISSING) == 0


def test_what_is_wrong_in_an_excluded_row_stops_nobody(tmp_path: Path) -> None:
    people = [*PEOPLE, {**PEOPLE[0], "id": "out", "date_of_birth": "last spring"}]
    assert excluded(left_out(tmp_path, [listed(tmp_path, "out")], people=people)[0]) == ["out"]


def test_ids_of_no_row_are_counted_with_the_first_row_of_the_list(tmp_path: Path) -> None:
    text = f"id\n{FIRST}\n\nelsewhere\n{SECOND}\nnowhere\n"
    _, (use,) = left_out(tmp_path, [listed(tmp_path, text)])
    assert use == ListUse(tmp_path / "list.csv", 4, 2, 4)


@pytest.mark.parametrize("people", [[{**one, "id": f"00{number}-Ab"} for number, one in enumerate(PEOPLE)]])
@pytest.mark.parametrize("slip", ["2-Ab", "002-AB", "002 Ab", "002ab", "0002-Ab", "002\u2013Ab"])
def test_a_list_with_an_id_that_was_changed_in_copying_is_refused(
    tmp_path: Path, people: list[dict[str, str]], slip: str
) -> None:
    """A spreadsheet that drops leading zeros must not link an adopted child with its old record."""
    with pytest.raises(InputError, match="letter case, signs or leading zeros") as caught:
        left_out(tmp_path, [listed(tmp_path, f"003-Ab\n{slip}\n")], people=people)
    assert caught.value.where == f"{tmp_path / 'list.csv'}, row 2"
    assert slip not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "what"),
    [
        ("", InputError, "is empty"),
        ("id\n", InputError, "has no ids"),
        ("id\nelsewhere\n", InputError, "nobody would be excluded"),
        ("elsewhere\n", InputError, "nobody would be excluded"),
        (f"id,name\n{FIRST},x\n,y\n", InputError, "nobody knows who is to be excluded"),
        (f"child,name\n{FIRST},x\n", ColumnsError, "has no column 'id'"),
        (f"id,ID\n{FIRST},x\n", ColumnsError, "several columns 'id'"),
    ],
)
def test_a_list_that_excludes_nobody_or_nobody_knows_whom_is_refused(
    tmp_path: Path, text: str, kind: type[Exception], what: str
) -> None:
    with pytest.raises(kind, match=what) as caught:
        left_out(tmp_path, [listed(tmp_path, text)])
    assert FIRST not in str(caught.value)
    assert "elsewhere" not in str(caught.value)


def test_every_list_must_fit(tmp_path: Path) -> None:
    good, bad = listed(tmp_path, FIRST), listed(tmp_path, "elsewhere", "bad.csv")
    with pytest.raises(InputError, match="nobody would be excluded") as caught:
        left_out(tmp_path, [good, bad])
    assert caught.value.where == str(bad)


def test_numbers_of_rows_are_no_ids(tmp_path: Path) -> None:
    with pytest.raises(ColumnsError, match="numbers"):
        read_exclusions([listed(tmp_path, "2")], id_header=None)
