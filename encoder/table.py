"""A CSV file as a header and numbered records, every fault of its form named with its row."""

import csv
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NoReturn

from encoder.errors import InputError
from encoder.text_file import SAVE_AS_UTF8, open_utf8

DELIMITERS = (",", "\t", ";")

Record = tuple[int, list[str]]
"""A row's number as a spreadsheet shows it (the header is row 1), and its cells."""


@dataclass(frozen=True, repr=False)
class Table:
    """``header``: names without surrounding white space. ``records``: each as long as the header, which stands in
    row ``header_row`` (1, unless blank rows precede it)."""

    header_row: int
    header: list[str]
    records: Iterator[Record]
    raw: BinaryIO


class _NotText(Exception):
    """A NUL byte, or bytes that are not UTF-8: ``_refuse_text`` finds out where."""


@contextmanager
def open_table(path: Path, *, known: Collection[str] = ()) -> Iterator[Table]:
    """Open a CSV file; its delimiter is the comma, tab or semicolon that its first line has most of.

    Blank rows are left out but counted in the numbering. Raises ``InputError`` with the row for ragged rows, quotes
    out of place and characters that are not text, and for all that ``open_utf8`` refuses. Only headers that are
    ``known`` are shown in messages: what is taken for a header may be somebody's name.
    """
    try:
        with _open(path, lenient=False) as table:
            yield table
    except _NotText:
        _refuse_text(path, known)


@contextmanager
def _open(path: Path, *, lenient: bool) -> Iterator[Table]:
    """With ``lenient``, a byte that is not UTF-8 appears as a lone surrogate."""
    with open_utf8(path, errors="surrogateescape" if lenient else "strict") as (text, raw):
        lines = _lines(text, path, lenient)
        opening: list[str] = []
        for line in lines:
            opening.append(line)
            if line.strip():
                break
        delimiter = _delimiter(opening[-1])
        records = _records(csv.reader(chain(opening, lines), delimiter=delimiter, strict=True), path)
        header_row, header = next(records, (0, []))
        if not header:
            raise InputError("The file holds only blank rows.", where=str(path), remedy="Check the export.")
        yield Table(header_row, [name.strip() for name in header], _even(records, len(header), path), raw)


def _refuse_text(path: Path, known: Collection[str]) -> NoReturn:
    """Read again to name the row and column of the first character that is not text."""
    with _open(path, lenient=True) as table:
        for number, cells in chain([(table.header_row, table.header)], table.records):
            for place, cell in enumerate(cells):
                found = re.search("[\0\udc80-\udcff]", cell)
                if not found:
                    continue
                name = table.header[place]
                where = f"{path}, row {number}, column {repr(name) if name in known else place + 1}"
                if found.group() == "\0":
                    what, remedy = "The cell holds a NUL byte.", "Export the file again as plain text."
                else:
                    what, remedy = "The cell is not in UTF-8, but probably in Windows-1252.", SAVE_AS_UTF8
                raise InputError(what, where=where, remedy=remedy)
    raise InputError("The file changed while it was read.", where=str(path), remedy="Try again.")


def _lines(text: Iterator[str], path: Path, lenient: bool) -> Iterator[str]:
    try:
        for line in text:
            if not lenient and "\0" in line:
                raise _NotText
            yield line
    except UnicodeDecodeError:
        raise _NotText from None  # its cause holds a piece of the file
    except OSError as error:
        raise InputError(
            "The file cannot be read to its end.", where=str(path), remedy="Copy it to this machine and try again."
        ) from error


def _delimiter(first_line: str) -> str:
    bare = re.sub(r'"[^"]*"?', "", first_line)
    return max(DELIMITERS, key=bare.count)


def _records(rows: Iterator[list[str]], path: Path) -> Iterator[Record]:
    number = 0
    try:
        for number, cells in enumerate(rows, start=1):
            if any(map(str.strip, cells)):
                yield number, cells
    except csv.Error as error:
        where = f"{path}, row {number + 1}"
        if "field limit" in str(error) or "end of data" in str(error):
            what = "A quotation mark opens here and is not closed, or a cell is longer than 131,072 characters."
        else:
            what = "A quotation mark closes a cell here, but the cell goes on."
        remedy = 'Close every quoted cell, and write a quotation mark inside one twice ("").'
        raise InputError(what, where=where, remedy=remedy) from error


def _even(records: Iterator[Record], width: int, path: Path) -> Iterator[Record]:
    for number, cells in records:
        if len(cells) != width:
            raise InputError(
                f"The row has {len(cells):,} cells, but the header has {width:,}.",
                where=f"{path}, row {number}",
                remedy="Put a cell that holds the delimiter or a line end in quotation marks, and leave no cell out.",
            )
        yield number, cells
