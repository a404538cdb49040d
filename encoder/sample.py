"""The first rows of a file, every column that can be read: what a proposal is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.errors import InputError
from encoder.formats import open_table
from encoder.headers import refuse_repeated
from encoder.sheet import Sheet
from encoder.table import Layout, Piece, Tell

SAMPLE_ROWS = 10_000


@dataclass(frozen=True, repr=False)
class Sample:
    """``header``: all headers that are not empty, in order. ``sheet``: the columns that can be read, without white
    space around the cells. ``unread``: header -> why its column cannot. ``whole``: these are all rows of the file."""

    path: Path
    header: tuple[str, ...]
    sheet: Sheet
    unread: Mapping[str, str]
    whole: bool

    def column(self, header: str) -> Any:
        """A pyarrow string array. Raises ``KeyError`` if the column cannot be read."""
        return self.sheet.table.column(header).combine_chunks()


def read_sample(
    path: Path, *, layout: Layout | None = None, rows: int = SAMPLE_ROWS, tell: Tell | None = None
) -> Sample:
    """Read at most so many rows. Raises ``InputError`` and ``ColumnsError`` as ``read_rows`` does, but a column that
    cannot be read does no harm: a file may have odd ones that nobody names."""
    with open_table(path, layout=layout, tell=tell) as table:
        refuse_repeated(table.header, table.where)
        places = {name: place for place, name in enumerate(table.header) if name}
    if not places:
        raise InputError("The file has no header.", where=str(path), remedy="Check the export that made it.")
    unread: dict[str, str] = {}
    try:
        numbers, columns = _first(path, layout, list(places.values()), rows + 1)
    except InputError as error:
        numbers, columns = _one_by_one(path, layout, places, rows + 1, unread, error)
    if not len(numbers):
        raise InputError(
            "The file has a header but no rows.",
            where=str(path),
            remedy="Check the export that made it; the first row must be the header.",
        )
    readable = [name for name in places if name not in unread]
    table_ = pa.table([pc.utf8_trim_whitespace(column.slice(0, rows)) for column in columns], names=readable)
    return Sample(path, tuple(places), Sheet(path, table_, numbers[:rows]), unread, len(numbers) <= rows)


def _first(path: Path, layout: Layout | None, places: Sequence[int], rows: int) -> tuple[NDArray[np.int64], list[Any]]:
    pieces: list[Piece] = []
    with open_table(path, layout=layout) as table:
        for piece in table.pieces(places, rows):
            pieces.append(piece)
            if sum(len(one.rows) for one in pieces) >= rows:
                break
    numbers = np.concatenate([np.empty(0, dtype=np.int64), *(piece.rows for piece in pieces)])
    texts = [[piece.columns[at] for piece in pieces] for at in range(len(places))]
    return numbers, [pa.concat_arrays([pa.array([], pa.string()), *parts]) for parts in texts]


def _one_by_one(
    path: Path,
    layout: Layout | None,
    places: Mapping[str, int],
    rows: int,
    unread: dict[str, str],
    error: InputError,
) -> tuple[NDArray[np.int64], list[Any]]:
    """Every column that can be read by itself; ``error`` again if none can."""
    numbers: NDArray[np.int64] | None = None
    columns = []
    for name, place in places.items():
        try:
            numbers, (column,) = _first(path, layout, [place], rows)
        except InputError as fault:
            unread[name] = f"{fault.what} ({fault.where})"
        else:
            columns.append(column)
    if numbers is None:
        raise error
    return numbers, columns
