"""Children who must not be linked: lists of row ids, and what becomes of their rows.

An adopted child gets a new NHS number, UPN and record, and nothing may connect it with the old one; others are flagged
as sensitive, or have opted out. Their rows are encoded as if every identifier were missing, and get a token like
any other (docs/adr/0004).

1. A list is read like any file of rows. With one column, every row is an id, but for a header that is that of the id
   column. With several, the column of ids has that header, or the one that is named.
2. An id that is empty, a list without ids, and a list of which no id is in the file are refused: a child who should be
   on it may be missed.
3. So is a list with an id that is in the file but for letter case, signs or leading zeros, which spreadsheets drop.
   Other ids that are in no row are counted: lists are often made for more than one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.errors import ColumnsError, InputError
from encoder.formats import open_table
from encoder.read import Batch
from encoder.table import PIECE_ROWS, Table, Tell


@dataclass(frozen=True)
class ListUse:
    """How many different ids a list has, how many of them are the file's, and the row of the list with the first that
    is not."""

    path: Path
    ids: int
    found: int
    first_unknown: int | None


@dataclass(frozen=True, repr=False)
class _List:
    path: Path
    ids: Any  # pyarrow string array, distinct
    rows: NDArray[np.int64]
    found: NDArray[np.bool_]


class Exclusions:
    """The ids of all lists, never shown."""

    def __init__(self, lists: Sequence[_List]) -> None:
        self._lists = lists

    def leave_out(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The same batches, where rows on a list have no values and are marked as excluded."""
        for batch in batches:
            excluded = np.zeros(len(batch.rows), dtype=np.bool_)
            for one in self._lists:
                places = pc.index_in(batch.ids, value_set=one.ids)
                excluded |= places.is_valid().to_numpy(zero_copy_only=False)
                one.found[places.drop_null().to_numpy()] = True
            mask = pa.array(excluded)
            values = {field: pc.if_else(mask, "", column) for field, column in batch.values.items()}
            yield replace(batch, values=values, excluded=excluded)

    def check(self, ids: Any) -> tuple[ListUse, ...]:
        """What became of each list, once all batches have been read. ``ids``: pyarrow string array of all row ids.

        Raises ``InputError`` for a list that does not fit the file (2, 3).
        """
        return tuple(_use(one, ids) for one in self._lists)


def read_exclusions(
    paths: Sequence[Path], *, id_header: str | None, header: str | None = None, tell: Tell | None = None
) -> Exclusions:
    """Read the lists. ``id_header``: that of the id column of the file; ``header``: that of the ids in the lists, if a
    person named one. Raises ``InputError`` and ``ColumnsError``, which show no id."""
    if id_header is None:
        raise ColumnsError(
            "Rows cannot be excluded by their numbers, which change with the file.",
            remedy="Name the column of row ids in the columns file, and give lists of these ids.",
        )
    return Exclusions([_read(path, id_header, header, tell) for path in paths])


def _read(path: Path, id_header: str, header: str | None, tell: Tell | None) -> _List:
    def told(sentence: str) -> None:
        if tell is not None:
            tell(f"{path}: {sentence}")

    with open_table(path, known={header or id_header}, tell=told) as table:
        place, first = _place(table, path, id_header, header)
        numbers, ids = [1] * len(first), [*first]
        for piece in table.pieces([place], PIECE_ROWS):
            numbers += piece.rows.tolist()
            ids += pc.utf8_trim_whitespace(piece.columns[0]).to_pylist()
    rows: dict[str, int] = {}
    for number, one in zip(numbers, ids, strict=True):
        if not one:
            raise InputError(
                "The row has no id, so that nobody knows who is to be excluded.",
                where=f"{path}, row {number}",
                remedy="Write the id, or remove the row.",
            )
        rows.setdefault(one, number)
    if not rows:
        raise InputError(
            "The list has no ids.", where=str(path), remedy="Check it; if nobody is to be excluded, leave it out."
        )
    return _List(
        path,
        pa.array(rows, pa.string()),
        np.fromiter(rows.values(), dtype=np.int64, count=len(rows)),
        np.zeros(len(rows), dtype=np.bool_),
    )


def _place(table: Table, path: Path, id_header: str, header: str | None) -> tuple[int, list[str]]:
    """Where the ids stand, and what of them stands in the first row, which may be no header (1)."""
    wanted = (header or id_header).casefold()
    places = [place for place, name in enumerate(table.header) if name.casefold() == wanted]
    if len(places) == 1:
        return places[0], []
    if len(table.header) == 1 and header is None:
        return 0, table.header
    what = "has several columns" if places else "has no column"
    raise ColumnsError(
        f"The list {what} {header or id_header!r}.",
        where=str(path),
        remedy="Name the header of its ids with --exclude-column, or make a list with nothing but ids.",
    )


def _use(one: _List, ids: Any) -> ListUse:
    if not one.found.any():
        raise InputError(
            "No id of the list is in the file, so that nobody would be excluded.",
            where=str(one.path),
            remedy="Check that both have the same kind of ids; if truly none of them is in the file, leave it out.",
        )
    unknown = np.flatnonzero(~one.found)
    near = pc.is_in(_loose(one.ids.take(unknown)), value_set=_loose(ids), skip_nulls=True).to_numpy(
        zero_copy_only=False
    )
    if near.any():
        raise InputError(
            "Ids of the list are in the file but for letter case, signs or leading zeros, and would not be excluded.",
            where=f"{one.path}, {'rows' if near.sum() > 1 else 'row'} {_some(one.rows[unknown[near]])}",
            remedy="Write them as they stand in the file, or remove them from the list if they are others.",
        )
    first = int(one.rows[unknown[0]]) if len(unknown) else None
    return ListUse(one.path, len(one.ids), int(one.found.sum()), first)


def _loose(ids: Any) -> Any:
    """Ids without what a person or a spreadsheet changes in copying; null for what has nothing else."""
    plain = pc.utf8_ltrim(pc.utf8_lower(pc.replace_substring_regex(ids, r"[^\pL\pN]", "")), "0")
    return pc.if_else(pc.equal(plain, ""), pa.scalar(None, pa.string()), plain)


def _some(rows: NDArray[np.int64], most: int = 5) -> str:
    shown = ", ".join(str(row) for row in rows[:most].tolist())
    return shown + (" and others" if len(rows) > most else "")
