"""A second file beside a holder's first: what it says of each row of the first.

1. A row belongs to the row of the first file whose cell in the join column is the same, white space around it aside.
2. Of several rows for one cell, the newest by a column of dates counts, if the columns file names one.
3. Several that count must say the same, but for case and white space; if not, the file is refused.
4. A row of the first file without a row here has these fields missing, and is counted. If no row has one, the files
   do not belong together and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.columns import Columns, Other
from encoder.date_column import read_column
from encoder.errors import ColumnsError, InputError, ValueRefused
from encoder.formats import open_table
from encoder.headers import places_of
from encoder.table import PIECE_ROWS, Layout, Tell
from encoder.wording import counted


@dataclass(frozen=True)
class Beside:
    """The second file, as a person gave it."""

    path: Path
    layout: Layout | None = None


class Second:
    """What a second file says by the cells of the join column. ``keys`` are distinct, none is empty; ``values``: one
    pyarrow string array, as long, for each field."""

    def __init__(self, path: Path, keys: Any, values: Mapping[str, Any]):
        self._path, self._keys, self._values = path, keys, values
        self._rows = self._without = 0
        self._used = np.zeros(len(keys), dtype=np.bool_)

    def find(self, keys: Any) -> dict[str, Any]:
        """The values of rows with these cells in the join column (a pyarrow string array); empty where there is no
        row."""
        places = pc.index_in(keys, value_set=self._keys)
        self._rows += len(keys)
        self._without += places.null_count
        self._used[places.drop_null().to_numpy()] = True
        return {field: pc.fill_null(column.take(places), "") for field, column in self._values.items()}

    def close(self, first: Path, tell: Tell | None) -> None:
        """Once all rows were asked for: say how many had no row here, and how many rows here were not asked for.

        Raises ``InputError`` if no row had one.
        """
        if self._rows == self._without:
            raise InputError(
                f"No row belongs to a row of {first}.",
                where=str(self._path),
                remedy="Check that this is the right file, and that [other] in the columns file joins it by the same "
                "ids, written alike.",
            )
        unused = int(np.count_nonzero(~self._used))
        if tell is not None:
            fields = " and ".join(self._values)
            tell(f"{self._rows - self._without:,} of {self._rows:,} rows have their {fields} from {self._path}.")
            if self._without:
                tell(f"{counted(self._without, 'row has', 'rows have')} no row there: {fields} missing.")
            if unused:
                tell(f"{counted(unused, 'id')} of {self._path} without a row here.")
            tell(f"Rows are numbered as in {first}, unless a message names the other file.")


def refuse_unmatched(path: Path, columns: Columns, beside: Beside | None) -> None:
    """Raise ``ColumnsError`` if a second file is declared and not given, or the reverse."""
    if columns.other is not None and beside is None:
        fields = " and ".join(columns.other.sources)
        raise ColumnsError(
            f"The columns file says under [other] that {fields} stands in a second file, which was not given.",
            where=str(path),
            remedy="Give that file with --with, or remove [other] from the columns file.",
        )
    if columns.other is None and beside is not None:
        raise ColumnsError(
            "A second file was given, but the columns file does not say what is in it.",
            where=str(beside.path),
            remedy="Say it in a table [other] of the columns file, or leave --with out.",
        )


def read_second(beside: Beside, other: Other, *, tell: Tell | None = None) -> Second:
    """Read the second file whole; memory holds the named columns of it.

    Raises ``InputError``, ``ColumnsError`` and ``ValueRefused`` as ``read_rows`` does, each naming the second file,
    and for rules 2 and 3.
    """
    wanted = {"other.on": other.there, **{f"other.{field}": name for field, name in other.sources.items()}}
    if other.newest_by is not None:
        wanted["other.newest_by"] = other.newest_by
    with with_options():
        rows, columns = _columns(beside, wanted, tell)
    on = columns["other.on"]
    if tell is not None and (empty := pc.sum(pc.equal(on, "")).as_py()):
        have = counted(empty, f"row of {beside.path} has", f"rows of {beside.path} have")
        tell(f"{have} no {other.there!r}, and so no row to belong to.")
    filled = pc.not_equal(on, "")
    rows = rows[np.asarray(filled)]
    columns = {field: column.filter(filled) for field, column in columns.items()}
    if not len(rows):
        raise InputError(
            f"No row has a {other.there!r}.", where=str(beside.path), remedy="Check the export that made the file."
        )
    keys = columns["other.on"].dictionary_encode()
    codes = keys.indices.to_numpy()
    newest = _newest(columns.get("other.newest_by"), other, beside.path, rows)
    counts = newest == _largest(newest, codes, len(keys.dictionary))
    first = np.zeros(len(keys.dictionary), dtype=np.int64)
    standing = np.flatnonzero(counts)
    first[codes[standing][::-1]] = standing[::-1]  # of several writes to one place the last one stays
    for field, name in other.sources.items():
        _refuse_differing(columns[f"other.{field}"], standing, first[codes[standing]], rows, beside.path, name, other)
    values = {field: columns[f"other.{field}"].take(pa.array(first)) for field in other.sources}
    return Second(beside.path, keys.dictionary, values)


def _columns(beside: Beside, wanted: Mapping[str, str], tell: Tell | None) -> tuple[NDArray[np.int64], dict[str, Any]]:
    """The numbers of all rows, and the wanted columns without white space around the cells."""
    told = None if tell is None else lambda sentence: tell(f"{beside.path}: {sentence}")
    with open_table(beside.path, layout=beside.layout, known=set(wanted.values()), tell=told) as table:
        places = places_of(table.header, wanted, table.where)
        pieces = list(table.pieces(list(places.values()), PIECE_ROWS))
    if not pieces:
        raise InputError(
            "The file has a header but no rows.",
            where=str(beside.path),
            remedy="Check the export that made it; the first row must be the header.",
        )
    columns = {
        field: pc.utf8_trim_whitespace(pa.concat_arrays([piece.columns[place] for piece in pieces]))
        for place, field in enumerate(places)
    }
    return np.concatenate([piece.rows for piece in pieces]), columns


@contextmanager
def with_options() -> Iterator[None]:
    """Let errors advise the options that are for the second file."""
    try:
        yield
    except InputError as error:
        what, remedy = (
            re.sub(r"--(encoding|delimiter|sheet)\b", r"--with-\1", text) for text in (error.what, error.remedy)
        )
        raise type(error)(what, where=error.where, remedy=remedy) from error.__cause__


def _newest(dates: Any, other: Other, path: Path, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each row that is larger the newer it is; an empty date is the oldest of all."""
    if dates is None:
        return np.zeros(len(rows), dtype=np.int64)
    header = str(other.newest_by)
    encoded = dates.dictionary_encode()
    codes = encoded.indices.to_numpy()
    first_rows = np.zeros(len(encoded.dictionary), dtype=np.int64)
    first_rows[codes[::-1]] = rows[::-1]
    try:
        written = read_column(
            encoded.dictionary.to_pylist(), first_rows, declared=other.date_order, file=str(path), header=header
        )
    except ValueRefused as error:
        remedy = 'Correct the dates, or say their order under [other], as in date_order = "dmy".'
        raise ValueRefused(error.what, where=error.where, remedy=remedy) from None
    numbers = []
    for one, row in zip(written, first_rows.tolist(), strict=True):
        if (one.year, one.month, one.day) == (None, None, None):
            numbers.append(-1)
        elif one.year is None or one.month is None or one.day is None:
            raise ValueRefused(
                "Only a part of the date is given, so it does not say which row is the newest.",
                where=f"{path}, row {row}, column {header!r}",
                remedy="Complete the date, or empty the cell: an empty date is the oldest.",
            )
        else:
            numbers.append(one.year * 10_000 + one.month * 100 + one.day)
    return np.asarray(np.array(numbers, dtype=np.int64)[codes])


def _largest(numbers: NDArray[np.int64], codes: NDArray[np.int32], size: int) -> NDArray[np.int64]:
    """For each row, the largest number among the rows of its code."""
    largest = np.full(size, -1, dtype=np.int64)
    np.maximum.at(largest, codes, numbers)
    return largest[codes]


def _refuse_differing(
    column: Any,
    standing: NDArray[np.int64],
    first: NDArray[np.int64],
    rows: NDArray[np.int64],
    path: Path,
    header: str,
    other: Other,
) -> None:
    """Raise ``InputError`` if a row that counts says something else than the first that counts for the same id."""
    plain = pc.utf8_lower(pc.replace_substring_regex(column, r"\s+", ""))
    codes = plain.dictionary_encode().indices.to_numpy()
    differing = np.flatnonzero(codes[standing] != codes[first])
    if len(differing):
        place = differing[0]
        ids = len(np.unique(first[differing]))
        newest = "the newest rows" if other.newest_by else "several rows"
        raise InputError(
            f"For {ids:,} {'id' if ids == 1 else 'ids'}, {newest} do not say the same.",
            where=f"{path}, rows {rows[first[place]]} and {rows[standing[place]]}, column {header!r}",
            remedy="Leave one row for each id"
            + ("." if other.newest_by else ', or say which counts under [other], as in newest_by = "StartDate".'),
        )
