"""The rows of a worksheet's XML, one after another, cells as they are stored (ECMA-376 part 1, 18.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from encoder.workbook_parts import CHUNK, LocalNames, Parts, SheetPart, new_parser, sound

_REFERENCE = re.compile(r"\$?([A-Z]{1,3})\$?([0-9]{1,7})")


class Cell(NamedTuple):
    """``kind``: ``n`` number, ``s`` place of a text, ``str`` and ``inlineStr`` text, ``b`` truth value, ``d`` date,
    ``e`` error. ``value`` is ``None`` if there is none."""

    kind: str
    style: int
    value: str | None
    formula: bool


Row = tuple[int, bool, dict[int, Cell]]
"""A row's number from 1, whether it is hidden, and its cells by their column from 0."""

Position = tuple[int, int]
"""Row from 1, column from 0."""


def cell_name(row: int, column: int) -> str:
    """As Excel writes it: ``cell_name(17, 1)`` is ``B17``."""
    letters = ""
    column += 1
    while column:
        column, last = divmod(column - 1, 26)
        letters = chr(ord("A") + last) + letters
    return f"{letters}{row}"


def position(name: str) -> Position:
    """The opposite of ``cell_name``. Raises ``ValueError``."""
    found = _REFERENCE.fullmatch(name)
    if found is None:
        raise ValueError
    column = 0
    for letter in found.group(1):
        column = column * 26 + ord(letter) - ord("A") + 1
    return int(found.group(2)), column - 1


class SheetRows:
    """An iterator over a sheet's rows. ``merged``: first and last cell of all merged areas, once it is exhausted.
    ``read``: the share of the sheet that was read, from 0 to 1."""

    def __init__(self, parts: Parts, sheet: SheetPart, path: Path):
        self.merged: list[tuple[Position, Position]] = []
        self.read = 0.0
        self._path = path
        self._local = LocalNames()
        self._columns: dict[str, int] = {}
        self._done: list[Row] = []
        self._row, self._hidden, self._cells = 0, False, dict[int, Cell]()
        self._column, self._kind, self._style, self._formula = -1, "n", 0, False
        self._text: list[str] = []
        self._inside = self._filled = self._phonetic = self._in_rows = False
        self._rows = self._read(parts, sheet)

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        return next(self._rows)

    def _read(self, parts: Parts, sheet: SheetPart) -> Iterator[Row]:
        parser = new_parser()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._data
        with sound(self._path):
            stream = parts.archive.open(sheet.part)
            size = parts.archive.getinfo(sheet.part).file_size
        with stream:
            ended = False
            while not ended:
                with sound(self._path):
                    chunk = stream.read(CHUNK)
                    ended = not chunk
                    parser.Parse(chunk, ended)
                self.read = 1.0 if ended else stream.tell() / size
                yield from self._done
                self._done.clear()

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        name = self._local[tag]
        if name == "c":
            reference = attributes.get("r")
            self._column = self._column + 1 if reference is None else self._column_of(reference)
            self._kind = attributes.get("t", "n")
            self._style = int(attributes.get("s", 0))
        elif name in ("v", "t"):
            if self._in_rows and not self._phonetic:
                self._inside = self._filled = True
        elif name == "row":
            self._row = int(attributes.get("r", self._row + 1))
            self._hidden = attributes.get("hidden") in ("1", "true")
            self._column = -1
        elif name == "f":
            self._formula = True
        elif name == "rPh":
            self._phonetic = True
        elif name == "sheetData":
            self._in_rows = True
        elif name == "mergeCell":
            first, _, last = attributes["ref"].partition(":")
            self.merged.append((position(first), position(last or first)))

    def _end(self, tag: str) -> None:
        name = self._local[tag]
        if name in ("v", "t"):
            self._inside = False
        elif name == "c":
            if self._filled or self._formula or self._kind == "e":
                value = "".join(self._text) if self._filled else None
                if self._kind == "n" and not value:
                    value = None
                self._cells[self._column] = Cell(self._kind, self._style, value, self._formula)
                self._text.clear()
                self._filled = self._formula = False
        elif name == "row" and self._in_rows:
            self._done.append((self._row, self._hidden, self._cells))
            self._cells = {}
        elif name == "rPh":
            self._phonetic = False
        elif name == "sheetData":
            self._in_rows = False

    def _data(self, text: str) -> None:
        if self._inside:
            self._text.append(text)

    def _column_of(self, reference: str) -> int:
        letters = reference.rstrip("0123456789")
        if letters not in self._columns:
            self._columns[letters] = position(f"{letters}1")[1]
        return self._columns[letters]
