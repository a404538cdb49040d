"""A sheet of an Excel workbook (.xlsx) as a table of the text that Excel shows, read as a stream.

1. The sheet is the only visible one, or the one that was named.
2. The header is the first row that is not blank; columns beyond it are not looked at.
3. Dates are ISO 8601, numbers are digits alone, a format of zeros gives leading zeros; nothing else is inferred.
4. A formula counts with the result that was saved with it. One without, an error such as #N/A, a number that is
   no date and merged cells are refused with the cell's name, if they stand in a column that is looked at.
5. Hidden rows are read like others, and counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from encoder.errors import InputError
from encoder.table import Layout, Piece, Record, Table, Tell, in_pieces
from encoder.text_file import open_bytes
from encoder.workbook_parts import Parts, SheetPart, damaged, read_parts, unescaped
from encoder.workbook_rows import Cell, SheetRows, cell_name
from encoder.workbook_styles import NoDate


@contextmanager
def open_workbook(path: Path, *, layout: Layout | None = None, tell: Tell | None = None) -> Iterator[Table]:
    """Open the sheet. Errors advise the options of ``layout`` unless it is ``None``: then there are none.

    Raises ``InputError`` for a file that is no sound workbook, for a sheet in doubt (rule 1) and, while its rows
    are read, for cells that have no value to be read (rule 4).
    """
    with open_bytes(path) as raw:
        size = path.stat().st_size
        parts = read_parts(raw, path)
        sheet = _choose(parts.sheets, layout, path)
        reader = _Reader(path, parts, sheet, tell)
        if tell is not None:
            tell(f"Read as an Excel workbook, sheet {sheet.name!r}.")
        yield Table(
            where=f"{reader.where}, row {reader.header_row}",
            header=reader.header,
            pieces=reader.pieces,
            progress=lambda: (round(size * reader.read), size),
        )


def _choose(sheets: Sequence[SheetPart], layout: Layout | None, path: Path) -> SheetPart:
    visible = [sheet for sheet in sheets if sheet.visible]
    names = ", ".join(repr(sheet.name) for sheet in visible)
    if layout is not None and layout.sheet is not None:
        for sheet in sheets:
            if sheet.name == layout.sheet:
                return sheet
        raise InputError(
            f"The workbook has no sheet {layout.sheet!r}.", where=str(path), remedy=f"It has: {names or 'none'}."
        )
    if not visible:
        raise InputError("The workbook shows no sheet with rows.", where=str(path), remedy="Check the export.")
    if len(visible) > 1:
        remedy = f'Say which, as in --sheet "{visible[0].name}".' if layout is not None else "Remove the others."
        raise InputError(f"The workbook has several sheets: {names}.", where=str(path), remedy=remedy)
    return visible[0]


class _Reader:
    """The rows of one sheet. The header is read at once, all else as it is asked for."""

    def __init__(self, path: Path, parts: Parts, sheet: SheetPart, tell: Tell | None):
        self.where = f"{path}, sheet {sheet.name!r}"
        self._path, self._parts, self._tell = path, parts, tell
        self._rows = SheetRows(parts, sheet, path)
        self.header_row, self.header = self._first()

    def pieces(self, places: Sequence[int], rows: int) -> Iterator[Piece]:
        return in_pieces(self._records(places), len(places), rows)

    @property
    def read(self) -> float:
        """The share of the sheet that was read."""
        return self._rows.read

    def _first(self) -> tuple[int, list[str]]:
        for number, _, cells in self._rows:
            found = {place: self._text(number, place, cell).strip() for place, cell in cells.items()}
            width = max((place + 1 for place, text in found.items() if text), default=0)
            if width:
                return number, [found.get(place, "") for place in range(width)]
        raise InputError("The sheet is empty.", where=self.where, remedy="Check the export that made it.")

    def _records(self, places: Sequence[int]) -> Iterator[Record]:
        width, hidden = len(self.header), 0
        for number, is_hidden, cells in self._rows:
            texts = [self._text(number, place, cells[place]) if place in cells else "" for place in places]
            if any(map(str.strip, texts)) or any(self._is_filled(cells[place]) for place in cells if place < width):
                hidden += is_hidden
                yield number, texts
        self._refuse_merged(places)
        if hidden and self._tell is not None:
            self._tell(f"Hidden rows of the sheet, perhaps by a filter: {hidden:,}. They are read like the others.")

    def _is_filled(self, cell: Cell) -> bool:
        if cell.value is None:
            return cell.formula
        return bool((self._shared(cell.value) if cell.kind == "s" else cell.value).strip())

    def _text(self, row: int, place: int, cell: Cell) -> str:
        kind, value = cell.kind, cell.value
        if kind == "e":
            raise self._refusal(row, place, "The cell holds an error, such as #N/A or #REF!.", "Correct or empty it.")
        if value is None:
            if cell.formula:
                raise self._refusal(
                    row, place, "The result of the cell's formula was not saved.", "Open the file in Excel and save it."
                )
            return ""
        if kind == "s":
            return self._shared(value)
        if kind == "n":
            try:
                return self._parts.styles.show(float(value), cell.style)
            except NoDate:
                raise self._refusal(
                    row, place, "The cell has the format of a date, but is none that Excel can show.", "Correct it."
                ) from None
            except (ValueError, OverflowError):
                raise damaged(self._path) from None
        if kind == "b":
            return "TRUE" if value == "1" else "FALSE"
        if kind == "d":
            return value.removesuffix("Z").removesuffix("T00:00:00").replace("T", " ")
        return unescaped(value)

    def _shared(self, value: str) -> str:
        try:
            return self._parts.texts[int(value)]
        except (LookupError, ValueError):
            raise damaged(self._path) from None

    def _refuse_merged(self, places: Sequence[int]) -> None:
        for first, last in self._rows.merged:
            if last[0] > self.header_row and any(first[1] <= place <= last[1] for place in places):
                name = f"{cell_name(*first)}:{cell_name(*last)}"
                raise self._refusal(*first, f"The cells {name} are merged: only the first holds their value.",
                                    "Unmerge them, and fill in every cell.")  # fmt: skip

    def _refusal(self, row: int, place: int, what: str, remedy: str) -> InputError:
        return InputError(what, where=f"{self.where}, cell {cell_name(row, place)}", remedy=remedy)
