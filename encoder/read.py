"""The rows of a holder's file in batches of text, whatever its format: nothing is inferred, nothing is guessed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.columns import Columns
from encoder.errors import ColumnsError, InputError
from encoder.formats import open_table
from encoder.table import PIECE_ROWS, Layout, Piece, Tell

Progress = Callable[[int, int], None]
"""Called after every batch with how much of the file was read, and its size, in bytes."""


@dataclass(frozen=True, repr=False)
class Batch:
    """Consecutive rows of a file, every cell as text without surrounding white space.

    ``rows``: int64, shape (n,), each row's number as a spreadsheet shows it (the header is row 1), in Parquet from 1.
    ``ids``: pyarrow string array, n long. ``values``: one such array for each key of ``Columns.sources``.
    """

    source: str
    rows: NDArray[np.int64]
    ids: Any
    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"Batch(source={self.source!r}, rows={len(self.rows)})"


def read_rows(
    path: Path,
    columns: Columns,
    *,
    layout: Layout | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
    batch_rows: int = PIECE_ROWS,
) -> Iterator[Batch]:
    """Yield the rows of a CSV file, an Excel workbook or Parquet; memory is bounded by one batch and one hash for
    every row id, beside the texts of a workbook.

    Wholly blank rows are left out but count in the numbering. Where no id column is declared, a row's id is its
    number. ``layout``: what a person said of the file by options, ``None`` where there are none. ``tell`` is given
    what the file was read as and what is odd in it. Raises ``InputError`` for a file or row that cannot be read, an
    empty row id or one that stands twice, and ``ColumnsError`` for a header that is missing or stands twice. No
    message shows a cell.
    """
    seen: set[int] = set()
    with open_table(path, layout=layout, known={columns.id or "", *columns.sources.values()}, tell=tell) as table:
        places = _places(table.header, columns, table.where)
        batch = None
        for piece in table.pieces(list(places.values()), batch_rows):
            batch = _batch(piece, list(places), path)
            if "id" in places:
                _refuse_bad_ids(batch, seen, path, columns, layout)
            yield batch
            if progress is not None:
                progress(*table.progress())
        if batch is None:
            raise InputError(
                "The file has a header but no rows.",
                where=str(path),
                remedy="Check the export that made it; the first row must be the header.",
            )


def _places(header: list[str], columns: Columns, where: str) -> dict[str, int]:
    """Where each field's column stands. The fields are those of ``columns.sources``, and ``id`` if declared."""
    for place, name in enumerate(header):
        if name and name in header[:place]:
            raise ColumnsError(
                "Two columns have the same header.",
                where=f"{where}, columns {header.index(name) + 1} and {place + 1}",
                remedy="Rename or remove one of them.",
            )
    wanted = {"id": columns.id, **columns.sources} if columns.id else columns.sources
    for field, name in wanted.items():
        if name not in header:
            raise ColumnsError(
                f"The file has no column {name!r}, which the columns file names for {field}.",
                where=where,
                remedy=_which_header(name, header, wanted.values()),
            )
    return {field: header.index(name) for field, name in wanted.items()}


def _which_header(name: str, header: list[str], wanted: Any) -> str:
    """Suggest the nearest header and list them all, unless the first row may hold a person's values instead."""
    plain = {other.casefold(): other for other in header if other}
    nearest = {w: get_close_matches(w.casefold(), list(plain), n=1, cutoff=0.75) for w in wanted}
    if not any(nearest.values()):
        return (
            f"None of its {len(header)} headers is like one in the columns file: check that this is the right file "
            "and that its first row is the header."
        )
    near = get_close_matches(name.casefold(), list(plain), n=1)
    hint = f"Did you mean {plain[near[0]]!r}? " if near else ""
    return f"{hint}Its headers are: {', '.join(repr(other) for other in header)}."


def _batch(piece: Piece, fields: Sequence[str], path: Path) -> Batch:
    values = {field: pc.utf8_trim_whitespace(column) for field, column in zip(fields, piece.columns, strict=True)}
    ids = values.pop("id") if "id" in values else pa.array(map(str, piece.rows.tolist()), pa.string())
    return Batch(str(path), piece.rows, ids, values)


def _refuse_bad_ids(batch: Batch, seen: set[int], path: Path, columns: Columns, layout: Layout | None) -> None:
    empty = pc.index(batch.ids, "").as_py()
    if empty >= 0:
        raise InputError(
            "The row has no id.",
            where=f"{path}, row {batch.rows[empty]}, column {columns.id!r}",
            remedy="Give every row an id, or leave id out of the columns file to use row numbers.",
        )
    # Hashes keep a million ids small; if one repeats, the file is read again to see whether the ids do.
    hashes = {hash(row_id) for row_id in batch.ids.to_pylist()}
    if len(hashes) < len(batch.ids) or not seen.isdisjoint(hashes):
        _refuse_repeated_id(path, columns, layout)
    seen |= hashes


def _refuse_repeated_id(path: Path, columns: Columns, layout: Layout | None) -> None:
    first: dict[str, int] = {}
    with open_table(path, layout=layout) as table:
        for piece in table.pieces([table.header.index(str(columns.id))], PIECE_ROWS):
            ids = pc.utf8_trim_whitespace(piece.columns[0]).to_pylist()
            for number, row_id in zip(piece.rows.tolist(), ids, strict=True):
                if row_id in first:
                    raise InputError(
                        "Two rows have the same id.",
                        where=f"{path}, rows {first[row_id]} and {number}, column {columns.id!r}",
                        remedy="Every id must stand once: remove one row, or choose another id column.",
                    )
                first[row_id] = number
