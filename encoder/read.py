"""The rows of a holder's file in batches of text, whatever its format: nothing is inferred, nothing is guessed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.beside import Beside, Second, read_second, refuse_unmatched
from encoder.columns import Columns
from encoder.errors import InputError
from encoder.formats import open_table
from encoder.headers import places_of
from encoder.table import PIECE_ROWS, Layout, Piece, Tell

Progress = Callable[[int, int], None]
"""Called after every batch with how much of the file was read, and its size, in bytes."""


@dataclass(frozen=True, repr=False)
class Batch:
    """Consecutive rows of a file, every cell as text without surrounding white space.

    ``rows``: int64, shape (n,), each row's number as a spreadsheet shows it (the header is row 1), in Parquet from 1.
    ``ids``: pyarrow string array, n long. ``values``: one such array for each key of ``Columns.sources``.
    ``excluded``: bool, shape (n,), rows that must not be linked; their values are empty. ``None``: no such rows.
    """

    source: str
    rows: NDArray[np.int64]
    ids: Any
    values: Mapping[str, Any]
    excluded: NDArray[np.bool_] | None = None

    def __repr__(self) -> str:
        return f"Batch(source={self.source!r}, rows={len(self.rows)})"


def read_rows(
    path: Path,
    columns: Columns,
    *,
    beside: Beside | None = None,
    layout: Layout | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
    batch_rows: int = PIECE_ROWS,
) -> Iterator[Batch]:
    """Yield the rows of a CSV file, an Excel workbook or Parquet; memory is bounded by one batch and one hash for
    every row id, beside the texts of a workbook and what is read of a second file.

    ``beside``: the second file that ``columns.other`` is about; its values stand in the batches like those of the
    first. Wholly blank rows are left out but count in the numbering. Where no id column is declared, a row's id is its
    number. ``layout``: what a person said of the file by options, ``None`` where there are none. ``tell`` is given
    what the file was read as and what is odd in it. Raises ``InputError`` for a file or row that cannot be read, an
    empty row id or one that stands twice, and ``ColumnsError`` for a header that is missing or stands twice, and
    for a second file that is declared and not given or the reverse. No message shows a cell.
    """
    seen: set[int] = set()
    wanted = {"id": columns.id, **columns.here} if columns.id else columns.here
    second = _second(path, columns, beside, tell)
    if columns.other is not None:
        wanted["other.on"] = columns.other.here
    with open_table(path, layout=layout, known=set(wanted.values()), tell=tell) as table:
        places = places_of(table.header, wanted, table.where)
        batch = None
        for piece in table.pieces(list(places.values()), batch_rows):
            batch = _batch(piece, list(places), path, second)
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
        if second is not None:
            second.close(path, tell)


def _second(path: Path, columns: Columns, beside: Beside | None, tell: Tell | None) -> Second | None:
    refuse_unmatched(path, columns, beside)
    return read_second(beside, columns.other, tell=tell) if beside and columns.other else None


def _batch(piece: Piece, fields: Sequence[str], path: Path, second: Second | None) -> Batch:
    values = {field: pc.utf8_trim_whitespace(column) for field, column in zip(fields, piece.columns, strict=True)}
    ids = values.pop("id") if "id" in values else pa.array(map(str, piece.rows.tolist()), pa.string())
    if second is not None:
        values |= second.find(values.pop("other.on"))
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
