"""A sheet is read as Excel shows it; what has no value to be read is refused with the name of its cell."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.errors import InputError
from encoder.figures import figures
from encoder.table import Layout
from encoder.workbook import open_workbook
from encoder.workbook_rows import cell_name, position
from encoder.workbook_styles import NoDate, Styles

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
STRICT = "http://purl.oclc.org/ooxml/spreadsheetml/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
BAD = Path(__file__).parent / "bad_input"


def relations(*pairs: tuple[str, str]) -> str:
    listed = (
        f'<Relationship Id="r{place}" Type="{OFFICE}/{kind}" Target="{target}"/>'
        for place, (kind, target) in enumerate(pairs, start=1)
    )
    return f'<Relationships xmlns="{PACKAGE}">{"".join(listed)}</Relationships>'


def write(
    path: Path,
    rows: str,
    *,
    after: str = "",
    texts: str | None = None,
    formats: Sequence[str] = (),
    properties: str = "",
    namespace: str = MAIN,
    before: str = "",
) -> Path:
    """A workbook of one sheet ``S`` by hand; style ``n`` (from 1) is the format ``formats[n - 1]``."""
    codes = "".join(
        f'<numFmt numFmtId="{place}" formatCode="{code}"/>' for place, code in enumerate(formats, start=164)
    )
    styles = "".join(f'<xf numFmtId="{place}"/>' for place in (0, *range(164, 164 + len(formats))))
    kinds = [("worksheet", "/xl/sheets/one.xml"), ("styles", "styles.xml")]
    with ZipFile(path, "w", ZIP_DEFLATED) as archive:
        archive.writestr("_rels/.rels", relations(("officeDocument", "xl/book.xml")))
        archive.writestr(
            "xl/book.xml",
            f'<workbook xmlns="{namespace}" xmlns:r="{OFFICE}">{properties}'
            '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        if texts is not None:
            kinds.append(("sharedStrings", "texts.xml"))
            archive.writestr("xl/texts.xml", f'<sst xmlns="{namespace}">{texts}</sst>')
        archive.writestr("xl/_rels/book.xml.rels", relations(*kinds))
        archive.writestr(
            "xl/styles.xml",
            f'<styleSheet xmlns="{namespace}"><numFmts>{codes}</numFmts>'
            f'<cellStyleXfs><xf numFmtId="14"/></cellStyleXfs><cellXfs>{styles}</cellXfs></styleSheet>',
        )
        archive.writestr(
            "xl/sheets/one.xml",
            f'{before}<worksheet xmlns="{namespace}"><sheetData>{rows}</sheetData>{after}</worksheet>',
        )
    return path


def row(*cells: str, attributes: str = "") -> str:
    return f"<row {attributes}>{''.join(cells)}</row>"


def text(value: str) -> str:
    return f'<c t="inlineStr"><is><t>{value}</t></is></c>'


def number(value: object, style: int = 0) -> str:
    return f'<c s="{style}"><v>{value}</v></c>'


def is_read_or_refused_in_words(path: Path) -> bool:
    try:
        read(path)
    except InputError as error:
        return bool(error.what and error.where and error.remedy)
    return True


HEADER = row(text("a"), text("b"))


def read(path: Path, *columns: str, layout: Layout | None = None) -> tuple[list[list[str]], list[str]]:
    """The rows of these columns (all, if none), and what was told after the first sentence."""
    told: list[str] = []
    rows: list[list[str]] = []
    with open_workbook(path, layout=layout, tell=told.append) as table:
        places = [table.header.index(name) for name in columns] or range(len(table.header))
        for piece in table.pieces(places, 3):
            rows += map(list, zip(*(column.to_pylist() for column in piece.columns), strict=True))
    assert told[0].startswith("Read as an Excel workbook, sheet ")
    return rows, told[1:]


def test_text_is_read_from_wherever_it_stands(tmp_path: Path) -> None:
    texts = (
        "<si><t>Ada</t></si><si><r><t>Qu</t></r><r><rPr><b/></rPr><t>ill</t></r></si>"
        "<si><t>\u6771</t><rPh sb='0' eb='1'><t>higashi</t></rPh></si><si><t xml:space='preserve'> M_x000D_ </t></si>"
        "<si><t>_x005F_x0041__xD800__x0000_</t></si>"
    )
    shared = [f'<c t="s"><v>{place}</v></c>' for place in range(5)]
    formula = '<c t="str"><f>A1</f><v>Dell</v></c>'
    path = write(
        tmp_path / "b",
        HEADER + row(*shared[:2]) + row(*shared[2:4]) + row(shared[4], formula) + row(text("<![CDATA[<&]]>")),
        texts=texts,
    )
    assert read(path)[0] == [["Ada", "Quill"], ["\u6771", " M\r "], ["_x0041__xD800__x0000_", "Dell"], ["<&", ""]]


@pytest.mark.parametrize("namespace", [MAIN, STRICT])
def test_both_namespaces_of_the_standard_are_read(tmp_path: Path, namespace: str) -> None:
    assert read(write(tmp_path / "b", HEADER + row(number(1)), namespace=namespace))[0] == [["1", ""]]


def test_names_with_a_prefix_are_read(tmp_path: Path) -> None:
    path = write(tmp_path / "b", "")
    sheet = f'<x:worksheet xmlns:x="{MAIN}"><x:sheetData><x:row r="4"><x:c r="B4"><x:v>1</x:v></x:c></x:row>'
    sheet += '<x:row r="9"><x:c r="B9"><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>'
    with ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(path, "w") as archive:
        for name, content in {**parts, "xl/sheets/one.xml": sheet.encode()}.items():
            archive.writestr(name, content)
    with open_workbook(path) as table:
        assert (table.where, table.header) == (f"{path}, sheet 'S', row 4", ["", "1"])
        (piece,) = table.pieces([1], 9)
        assert (piece.rows.tolist(), piece.columns[0].to_pylist()) == ([9], ["2"])


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("9434765919", "General", "9434765919"),
        ("9434765919.0", "General", "9434765919"),
        ("9.434765919E9", "General", "9434765919"),
        ("9434765919", "0.00E+00", "9434765919"),  # the number itself is whole
        ("943476591", "0000000000", "0943476591"),
        ("943476591", "000 000 0000", "0943476591"),
        ("943476591", "000\\-000\\-0000", "0943476591"),
        ("943476591", "#,##0", "943476591"),
        ("0.30000000000000004", "General", "0.3"),
        ("1E-7", "General", "0.0000001"),
        ("1234567890123456789", "0", "1.23456789012346E+18"),
        ("-5", "General", "-5"),
        ("42088", "dd/mm/yyyy", "2015-03-25"),
        ("42088", "[$-809]d mmmm yyyy;@", "2015-03-25"),
        ("42088.4375", "dd/mm/yyyy hh:mm", "2015-03-25 10:30:00"),
        ("42088.99999999", "yyyy", "2015-03-26"),
        ("0.4375", "hh:mm", "10:30:00"),
        ("1", "yyyy", "1900-01-01"),
        ("59", "yyyy", "1900-02-28"),
        ("60", "yyyy", "1900-02-29"),
        ("61", "yyyy", "1900-03-01"),
        ("2958465", "yyyy", "9999-12-31"),
        ("42088", "General", "42088"),
        ("42088", "&quot;day&quot; 0", "42088"),
        ("42088", "[Red]0;[Blue]d", "42088"),
        ("42088", "@", "42088"),
    ],
)
def test_numbers_are_shown_in_full(tmp_path: Path, value: str, code: str, shown: str) -> None:
    path = write(tmp_path / "b", HEADER + row(number(value, 1), text("x")), formats=[code])
    assert read(path, "a")[0] == [[shown]]


def test_days_may_count_from_1904(tmp_path: Path) -> None:
    cells = row(number(40626, 1)) + row(number(0, 1))
    path = write(tmp_path / "b", HEADER + cells, formats=["yyyy"], properties='<workbookPr date1904="1"/>')
    assert read(path, "a")[0] == [["2015-03-25"], ["1904-01-01"]]


def test_truth_values_and_dates_as_text(tmp_path: Path) -> None:
    cells = row('<c t="b"><v>1</v></c>', '<c t="b"><v>0</v></c>')
    cells += row('<c t="d"><v>2015-03-25T00:00:00Z</v></c>', '<c t="d"><v>2015-03-25T10:30:00</v></c>')
    assert read(write(tmp_path / "b", HEADER + cells))[0] == [
        ["TRUE", "FALSE"],
        ["2015-03-25", "2015-03-25 10:30:00"],
    ]


@pytest.mark.parametrize("cell", ['<c t="e"><v>#N/A</v></c>', '<c t="e"/>', "<c><f>A1</f></c>", "<c><f>A1</f><v/></c>"])
def test_a_cell_without_a_value_matters_only_where_it_is_looked_at(tmp_path: Path, cell: str) -> None:
    path = write(tmp_path / "b", HEADER + row(number(1), text("x")) + row(number(2), cell))
    assert read(path, "a")[0] == [["1"], ["2"]]
    with pytest.raises(InputError) as caught:
        read(path, "b")
    assert caught.value.where == f"{path}, sheet 'S', cell B3"


@pytest.mark.parametrize(("value", "code"), [("-1", "yyyy"), ("2958466", "yyyy"), ("1E300", "yyyy")])
def test_a_date_that_excel_cannot_show_is_refused(tmp_path: Path, value: str, code: str) -> None:
    path = write(tmp_path / "b", HEADER + row(number(value, 1)), formats=[code])
    with pytest.raises(InputError, match="none that Excel can show") as caught:
        read(path)
    assert (caught.value.where or "").endswith("cell A2")


def test_rows_and_cells_may_be_left_out(tmp_path: Path) -> None:
    cells = row('<c r="B7"><v>1</v></c>', "<c><v>2</v></c>", attributes='r="7"') + row(text(" ")) + row()
    cells += row(text("x"), attributes='r="12"') + row(number(""), '<c s="1"/>', number(8))
    path = write(tmp_path / "b", HEADER + cells)
    with open_workbook(path) as table:
        pieces = list(table.pieces([0, 1], 10))
    assert [piece.rows.tolist() for piece in pieces] == [[7, 12]]
    assert [column.to_pylist() for column in pieces[0].columns] == [["", "x"], ["1", ""]]


def test_hidden_rows_are_read_and_counted(tmp_path: Path) -> None:
    rows = [row(number(one), attributes=f'hidden="{one % 2}"') for one in range(5)]
    read_rows, told = read(write(tmp_path / "b", HEADER + "".join(rows) + row(attributes='hidden="1"')), "a")
    assert read_rows == [[str(one)] for one in range(5)]
    assert told == ["Hidden rows of the sheet, perhaps by a filter: 2. They are read like the others."]


def test_merged_cells_matter_only_where_they_hide_a_value(tmp_path: Path) -> None:
    rows = HEADER + row(number(1), number(2)) * 4
    for area, refused in (("A1:B1", False), ("B3:C3", True), ("B2:B3", True), ("C2:D9", False), ("A3:B3", True)):
        path = write(tmp_path / "b", rows, after=f'<mergeCells count="1"><mergeCell ref="{area}"/></mergeCells>')
        if not refused:
            assert len(read(path, "b")[0]) == 4
            continue
        with pytest.raises(InputError, match=f"{area} are merged") as caught:
            read(path, "b")
        assert (caught.value.where or "").endswith(f"cell {area.partition(':')[0]}")


def test_the_sheet_is_the_only_visible_one_or_the_one_named(tmp_path: Path) -> None:
    for name in ("two-sheets.xlsx", "hidden-sheet.xlsx"):
        assert len(read(BAD / name, layout=Layout(sheet="Pupils"))[0]) == 2
        with pytest.raises(InputError, match="no sheet 'pupils'") as caught:
            read(BAD / name, layout=Layout(sheet="pupils"))
        assert "'Pupils'" in caught.value.remedy
    assert len(read(BAD / "hidden-sheet.xlsx")[0]) == 2
    assert read(BAD / "hidden-sheet.xlsx", layout=Layout(sheet="Notes"))[0] == []
    book = openpyxl.Workbook()
    book.create_chartsheet("Chart")
    book["Sheet"].append(["a"])
    book["Sheet"].append(["1"])
    book.save(tmp_path / "b")
    assert read(tmp_path / "b")[0] == [["1"]]


def test_what_openpyxl_writes_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    values: list[Any] = [
        dt.date(2015, 3, 25),
        dt.datetime(2015, 3, 25, 10, 30),  # noqa: DTZ001 - Excel knows no time zones
        7,
        7.5,
        True,
        "Zo\u00eb",
        dt.time(10, 30),
    ]
    sheet.append([str(place) for place in range(len(values))])
    sheet.append(values)
    book.save(tmp_path / "b")
    assert read(tmp_path / "b")[0] == [
        ["2015-03-25", "2015-03-25 10:30:00", "7", "7.5", "TRUE", "Zo\u00eb", "10:30:00"]
    ]


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"rows": HEADER + '<row><c t="s"><v>0</v></c></row>'}, "damaged"),
        ({"rows": HEADER + '<row><c r="1A"><v>0</v></c></row>'}, "damaged"),
        ({"rows": HEADER + '<row r="x"/>'}, "damaged"),
        ({"rows": HEADER + row(number("x"))}, "damaged"),
        ({"rows": HEADER + row(number("nan", 1)), "formats": ["yyyy"]}, "damaged"),
        ({"rows": HEADER + "</row>"}, "damaged"),
        ({"rows": HEADER + row(number(1)), "after": '<mergeCells><mergeCell ref="x"/></mergeCells>'}, "damaged"),
        ({"rows": HEADER, "before": '<!DOCTYPE x [<!ENTITY a "aaaa">]>'}, "damaged"),
        ({"rows": ""}, "sheet is empty"),
    ],
)
def test_what_no_sound_workbook_holds_is_refused(tmp_path: Path, changes: dict[str, Any], what: str) -> None:
    with pytest.raises(InputError, match=what):
        read(write(tmp_path / "b", **changes))


@pytest.mark.parametrize(("part", "kind"), [("xl/workbook.bin", r"\.xlsb"), ("mimetype", "OpenDocument")])
def test_other_formats_in_a_zip_are_named(tmp_path: Path, part: str, kind: str) -> None:
    with ZipFile(tmp_path / "b", "w") as archive:
        archive.writestr(part, b"")
    with pytest.raises(InputError, match=kind):
        read(tmp_path / "b")


def test_texts_that_would_fill_the_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("encoder.workbook_parts.LARGEST_STRINGS", 1000)
    with pytest.raises(InputError, match="too large"):
        read(write(tmp_path / "b", HEADER, texts="<si><t>Ada</t></si>" * 100))


SOUND = (BAD / "excel-workbook.csv").read_bytes()


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
def test_a_damaged_file_is_read_or_refused_in_words(changes: list[tuple[int, int]], cut: bool) -> None:
    content = bytearray(SOUND)
    for place, byte in changes:
        content[place] = byte
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b"
        path.write_bytes(content[: changes[0][0]] if cut else content)
        assert is_read_or_refused_in_words(path)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["one.xml", "texts", "styles", "rels"]))
def test_any_xml_is_read_or_refused_in_words(content: bytes, part: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder) / "b", HEADER + row(number(1)), texts="")
        made = io.BytesIO()
        with ZipFile(path) as archive, ZipFile(made, "w") as other:
            for name in archive.namelist():
                sound = archive.read(name)
                half = sound[: len(sound) // 2]
                other.writestr(name, half + content + sound[len(half) :] if part in name else sound)
        path.write_bytes(made.getvalue())
        assert is_read_or_refused_in_words(path)


@given(st.integers(1, 1_048_576), st.integers(0, 16_383))
def test_names_of_cells(row: int, column: int) -> None:
    assert position(cell_name(row, column)) == (row, column)
    assert cell_name(row, column) == f"{openpyxl.utils.get_column_letter(column + 1)}{row}"


@given(st.integers(61, 2_958_465), st.integers(0, 86_399))
def test_days_are_counted_as_openpyxl_counts(days: int, seconds: int) -> None:
    shown = Styles([14]).show(days + seconds / 86_400, 0)
    expected = openpyxl.utils.datetime.from_excel(days) + dt.timedelta(seconds=seconds)
    assert shown == (expected.date().isoformat() if not seconds else str(expected))


@given(st.floats(-1e4, -1e-3))
def test_there_are_no_dates_before_the_first_day(value: float) -> None:
    with pytest.raises(NoDate):
        Styles([14]).show(value, 0)


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_whole_numbers_are_digits_alone(value: int) -> None:
    assert figures(float(value)) == str(value)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e14, max_value=1e14))
def test_figures_are_the_number_and_have_no_exponent(value: float) -> None:
    assert "e" not in figures(value).lower()
    assert float(figures(value)) == pytest.approx(value, rel=1e-14)
