"""A CSV file, whatever its delimiter, as a table: every fault of its form named with its row."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

from encoder.delimiter import detect
from encoder.errors import InputError
from encoder.misread import refuse_misread
from encoder.table import Layout, Piece, Record, Table, Tell, in_pieces
from encoder.text_file import SHOWN, Encoding, open_text

FIRST_LINES = 200
"""So many lines show the delimiter."""


@dataclass(frozen=True, repr=False)
class _Opened:
    """``records``: each as long as the header, which stands in row ``header_row``."""

    header_row: int
    header: list[str]
    records: Iterator[tuple[int, list[str]]]
    raw: BinaryIO
    encoding: Encoding


class _NotText(Exception):
    """A NUL byte, or bytes that are no text in the encoding: reading again finds out where."""


@contextmanager
def open_delimited(
    path: Path, *, layout: Layout | None = None, known: Collection[str] = (), tell: Tell | None = None
) -> Iterator[Table]:
    """Open a CSV file. Errors advise the options of ``layout`` unless it is ``None``: then there are none.

    Raises ``InputError`` with the row for ragged rows, quotes out of place and characters that are not text, and
    for all that ``open_text`` and ``detect`` refuse. Only headers that are ``known`` are shown in messages: what
    is taken for a header may be somebody's name.
    """
    try:
        with _open(path, layout, tell, lenient=False) as opened:

            def pieces(places: Sequence[int], rows: int) -> Iterator[Piece]:
                return in_pieces(_pick(opened.records, places), len(places), rows)

            size = path.stat().st_size
            yield Table(
                where=f"{path}, row {opened.header_row}",
                header=opened.header,
                pieces=pieces,
                progress=lambda: (opened.raw.tell(), size),
            )
    except _NotText:
        with _open(path, layout, None, lenient=True) as opened:
            records = chain([(opened.header_row, opened.header)], opened.records)
            refuse_misread(records, path, encoding=opened.encoding, known=known, advise=layout is not None)


@contextmanager
def _open(path: Path, layout: Layout | None, tell: Tell | None, *, lenient: bool) -> Iterator[_Opened]:
    said = layout or Layout()
    with open_text(path, encoding=said.encoding, advise=layout is not None, lenient=lenient) as file:
        lines = _lines(file.text, path, lenient)
        first = list(islice(lines, FIRST_LINES))
        delimiter = said.delimiter or detect(first, path, whole=len(first) < FIRST_LINES, advise=layout is not None)
        records = _records(csv.reader(chain(first, lines), delimiter=delimiter.sign, strict=True), path)
        header_row, header = next(records, (0, []))
        if not header:
            raise InputError("The file holds only blank rows.", where=str(path), remedy="Check the export.")
        if tell is not None:
            tell(f"Read as {delimiter}-separated text in {SHOWN[file.encoding]}.")
        yield _Opened(
            header_row, [name.strip() for name in header], _even(records, len(header), path), file.raw, file.encoding
        )


def _pick(records: Iterator[tuple[int, list[str]]], places: Sequence[int]) -> Iterator[Record]:
    if len(places) < 2:
        return ((number, [cells[place] for place in places]) for number, cells in records)
    pick = itemgetter(*places)
    return ((number, pick(cells)) for number, cells in records)


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


def _records(rows: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
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


def _even(records: Iterator[tuple[int, list[str]]], width: int, path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, cells in records:
        if len(cells) != width:
            raise InputError(
                f"The row has {len(cells):,} cells, but the header has {width:,}.",
                where=f"{path}, row {number}",
                remedy="Put a cell that holds the delimiter or a line end in quotation marks, and leave no cell out.",
            )
        yield number, cells
