"""What a file of any format is read as: a header, and numbered rows in columns of text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from encoder.text_file import Encoding

PIECE_ROWS = 65_536

Tell = Callable[[str], None]
"""Takes a sentence about how a file is read, or about something odd in it. It names no value."""

Record = tuple[int, Sequence[str]]
"""A row's number as a person sees it, and its cells."""


class Delimiter(StrEnum):
    """What may part the cells of a text file."""

    COMMA = "comma"
    SEMICOLON = "semicolon"
    TAB = "tab"
    PIPE = "pipe"

    @property
    def sign(self) -> str:
        """The one character that it is in the file."""
        return {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}[self.value]


@dataclass(frozen=True)
class Layout:
    """What a person says of a file by options. ``None``: the file itself must show it beyond doubt."""

    encoding: Encoding | None = None
    delimiter: Delimiter | None = None
    sheet: str | None = None


@dataclass(frozen=True, repr=False)
class Piece:
    """Consecutive rows. ``rows``: int64, shape (n,), their numbers as a person sees them. ``columns``: pyarrow
    string arrays, each n long, without null."""

    rows: NDArray[np.int64]
    columns: list[Any]


@dataclass(frozen=True, repr=False)
class Table:
    """An open file. ``header``: names without white space around them; a column without one has the empty name.

    ``where``: the file and the row of the header, as messages name them. ``pieces(places, rows)``: the columns that
    stand at these places of the header, in pieces of at most so many rows; wholly blank rows are left out but
    counted. It can be called once. ``progress()``: how much was read, and of how much.
    """

    where: str
    header: list[str]
    pieces: Callable[[Sequence[int], int], Iterator[Piece]]
    progress: Callable[[], tuple[int, int]]


def in_pieces(records: Iterable[Record], width: int, rows: int) -> Iterator[Piece]:
    """Gather records of ``width`` cells into columns."""
    left = iter(records)
    while some := list(islice(left, rows)):
        numbers = np.fromiter((number for number, _ in some), dtype=np.int64, count=len(some))
        columns = zip(*(cells for _, cells in some), strict=True) if width else ()
        yield Piece(numbers, [pa.array(cells, pa.string()) for cells in columns])
