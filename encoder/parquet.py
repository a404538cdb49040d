"""A Parquet file as a table: typed columns become the text that they would be in CSV, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from encoder.errors import InputError
from encoder.figures import EXACT, figures
from encoder.table import Piece, Table, Tell
from encoder.text_file import open_bytes

_ROUNDED_FROM = {pa.float16(): 2**11, pa.float32(): 2**24}
"""From here on a whole number of the type may stand for others too."""


class NoText(Exception):
    """A column, or its cell at ``place``, has no form as text."""

    def __init__(self, what: str, place: int | None = None):
        super().__init__(what)
        self.what, self.place = what, place


@contextmanager
def open_parquet(path: Path, *, tell: Tell | None = None) -> Iterator[Table]:
    """Open a Parquet file. Its rows count from 1.

    Raises ``InputError`` for a damaged or encrypted file and, while its rows are read, for columns that have no
    text (lists, structures, times of day, bytes) and cells whose text is not in UTF-8 or holds a NUL byte.
    """
    with open_bytes(path) as raw:
        size = path.stat().st_size
        with _sound(path):
            file = pq.ParquetFile(raw)
            names = file.schema_arrow.names
        total, done = file.metadata.num_rows, 0

        def pieces(places: Sequence[int], rows: int) -> Iterator[Piece]:
            nonlocal done
            batches = file.iter_batches(rows, columns=[names[place] for place in places])
            while True:
                with _sound(path):
                    batch = next(batches, None)
                if batch is None:
                    return
                numbers = np.arange(done + 1, done + 1 + len(batch), dtype=np.int64)
                columns = [_column(batch.column(names[place]), names[place], path, done) for place in places]
                done += len(batch)
                yield Piece(numbers, columns)

        if tell is not None:
            tell("Read as Parquet.")
        yield Table(
            where=str(path),
            header=[name.strip() for name in names],
            pieces=pieces,
            progress=lambda: (size * done // total if total else size, size),
        )


def as_text(column: Any) -> Any:
    """A pyarrow array as the text that it would be in CSV, without null: whole numbers as digits alone, dates as
    ISO 8601, a date at midnight without the time. Raises ``NoText``."""
    kind = column.type
    is_a = pa.types
    if is_a.is_dictionary(kind):
        try:
            column = pc.take(column.dictionary, column.indices)
        except pa.ArrowIndexError:
            raise NoText("The column names values that the file does not hold.") from None
        return as_text(column)
    if not any(
        test(kind)
        for test in (
            is_a.is_string,
            is_a.is_large_string,
            is_a.is_string_view,
            is_a.is_binary,
            is_a.is_large_binary,
            is_a.is_boolean,
            is_a.is_integer,
            is_a.is_floating,
            is_a.is_decimal,
            is_a.is_date,
            is_a.is_timestamp,
            is_a.is_null,
        )
    ):
        raise NoText(f"The column holds no text, number or date, but {kind}.")
    if is_a.is_floating(kind):
        exact = _ROUNDED_FROM.get(kind, EXACT)
        text = pa.array([None if x is None else figures(x, exact=exact) for x in column.to_pylist()], pa.string())
    else:
        text = _cast(column)
    if is_a.is_timestamp(kind):
        text = pc.replace_substring_regex(text, r"\.0+(Z|[+-]\d{4})?$", r"\1")
        text = pc.replace_substring_regex(text, r" 00:00:00(Z|[+-]\d{4})?$", "")
    elif is_a.is_decimal(kind):
        text = pc.replace_substring_regex(text, r"(\.\d*[1-9])0+$|\.0+$", r"\1")
    text = pc.fill_null(text, "")
    nul = pc.index(pc.match_substring(text, "\0"), True).as_py()
    if nul >= 0:
        raise NoText("The cell holds a NUL byte.", nul)
    return text


def _cast(column: Any) -> Any:
    """Arrow reads texts without a look at their bytes: here they are checked."""
    try:
        text = pc.cast(column, pa.string())
        text.validate(full=True)
    except pa.ArrowInvalid:
        for place, cell in enumerate(pc.cast(column, pa.binary()) if _has_bytes(column.type) else ()):
            try:
                (cell.as_py() or b"").decode()
            except UnicodeDecodeError:
                raise NoText("The cell is not in UTF-8.", place) from None
        raise NoText(f"The column, {column.type}, cannot be written as text.") from None
    return text


def _has_bytes(kind: Any) -> bool:
    return not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind))


def _column(column: Any, name: str, path: Path, before: int) -> Any:
    try:
        return as_text(column)
    except NoText as fault:
        row = "" if fault.place is None else f"row {before + 1 + fault.place}, "
        raise InputError(
            fault.what,
            where=f"{path}, {row}column {name!r}",
            remedy="Write it again as text in UTF-8, as a number or as a date.",
        ) from None


@contextmanager
def _sound(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, pa.ArrowException):
        raise InputError(
            "The Parquet file is damaged, encrypted or was cut short.",
            where=str(path),
            remedy="Make or fetch it again.",
        ) from None
