"""A file of any format as one Arrow table whose rows keep their numbers, and such a table as a file."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from encoder.errors import InputError, OutputError
from encoder.formats import PARQUET, format_of_content, open_table
from encoder.table import PIECE_ROWS, Layout, Tell
from keys.files import whole_file

FORMATS = {".csv": "csv", ".parquet": "parquet", ".pq": "parquet"}

# Types of which arrow has a plain form that none of its other functions lacks.
_PLAIN_FORM = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}


@dataclass(frozen=True, repr=False)
class Sheet:
    """``table``: a ``pyarrow.Table`` with distinct headers, all text but for columns of Parquet that kept their type.
    ``rows``: int64, shape (n,), the number of each row: as a spreadsheet shows it (the header is row 1), counted
    from 1 in Parquet."""

    path: Path
    table: Any
    rows: NDArray[np.int64]

    def where(self, *places: int, column: str) -> str:
        """The file, the rows that stand at these places (from 0), and the column, as messages name them."""
        rows = " and ".join(str(self.rows[place]) for place in places)
        return f"{self.path}, row{'s' if len(places) > 1 else ''} {rows}, column {column!r}"


def read_sheet(path: Path, *, known: Collection[str] = ()) -> Sheet:
    """Read CSV, an Excel workbook or Parquet: the content says which it is, not the name. Parquet keeps its types.

    A column without a header gets its place as its name. Raises ``InputError`` for all that ``open_table`` refuses,
    for a Parquet file that is damaged, and for two columns with the same header. Only ``known`` headers are shown in
    messages.
    """
    return _read_parquet(path) if format_of_content(path) == PARQUET else read_text(path, known=known)


def read_text(
    path: Path, *, layout: Layout | None = None, known: Collection[str] = (), tell: Tell | None = None
) -> Sheet:
    """The same, where every column becomes text as in encoding: Parquet too. ``layout`` and ``tell`` as for
    ``open_table``."""
    with open_table(path, layout=layout, known=known, tell=tell) as opened:
        header = _distinct(opened.header, path)
        pieces = list(opened.pieces(range(len(header)), PIECE_ROWS))
    schema = pa.schema([(name, pa.string()) for name in header])
    table = pa.Table.from_batches([pa.record_batch(piece.columns, schema) for piece in pieces], schema)
    return Sheet(path, table, np.concatenate([np.empty(0, dtype=np.int64), *(piece.rows for piece in pieces)]))


def take(sheet: Sheet, places: Any, headers: Sequence[str]) -> list[Any]:
    """Columns of these headers with the rows at ``places`` (a ``pyarrow`` integer array; null gives an empty row)."""
    columns = []
    for header in headers:
        try:
            columns.append(sheet.table.column(header).take(places))
        except pa.ArrowException:
            raise InputError(
                f"Column {header!r} is of a type that cannot be handled ({sheet.table.schema.field(header).type}).",
                where=str(sheet.path),
                remedy="Ask its holder to leave the column out, or to write it as text or numbers.",
            ) from None
    return columns


def repeated(values: Sequence[str]) -> tuple[int, int] | None:
    """The first place (from 0) whose value stood before, after the place where it did; ``None`` if all differ."""
    first: dict[str, int] = {}
    for place, value in enumerate(values):
        if first.setdefault(value, place) != place:
            return first[value], place
    return None


def format_of(path: Path) -> str:
    """``csv`` or ``parquet`` by the name of a file to be written. Raises ``OutputError`` for any other name."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise OutputError(
            "The name does not say in which format to write.", where=str(path), remedy="End it in .csv or .parquet."
        ) from None


def write_sheet(table: Any, path: Path) -> None:
    """Write a ``pyarrow.Table`` as the file's name says, whole or not at all, for the owner only.

    CSV has an empty text in quotes and a missing value without. Raises ``OutputError`` for a column that CSV cannot
    hold, ``OutputRefused`` when the file cannot be written.
    """
    table = table.replace_schema_metadata(None)  # what other programs noted about the rows is not ours to pass on
    if format_of(path) == "csv":
        table = table.cast(pa.schema([(field.name, _without_dictionary(field.type)) for field in table.schema]))
        for field in table.schema:
            if not _has_text_form(field.type):
                raise OutputError(
                    f"Column {field.name!r} cannot be written to CSV ({field.type}).",
                    where=str(path),
                    remedy="Give the output a name that ends in .parquet.",
                )
        with whole_file(path, replace=True, private=True) as stream:
            pa_csv.write_csv(table, stream)
    else:
        with whole_file(path, replace=True, private=True) as stream:
            pq.write_table(_without_leftovers(table), stream)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes in hexadecimal. Raises ``InputError`` when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError):
        raise InputError(
            "The file cannot be opened.", where=str(path), remedy="Check the path and your right to read it."
        ) from None


def refuse_overwriting(out: Path, *inputs: Path) -> None:
    """Raise ``OutputError`` if ``out`` is one of the files that are read."""
    if out.resolve() in {path.resolve() for path in inputs}:
        raise OutputError(
            "The output file is one of the inputs.", where=str(out), remedy="Choose another name for the output."
        )


def _read_parquet(path: Path) -> Sheet:
    try:
        with pq.ParquetFile(path) as file:  # unlike read_table, it takes no columns from names of folders
            table = file.read()
    except (OSError, pa.ArrowException):
        raise InputError(
            "The Parquet file is damaged or was cut short.", where=str(path), remedy="Fetch or make it again."
        ) from None
    table = table.rename_columns(_distinct(table.column_names, path))
    table = table.cast(pa.schema([(field.name, _PLAIN_FORM.get(field.type, field.type)) for field in table.schema]))
    return Sheet(path, table, np.arange(1, len(table) + 1))


def _distinct(header: Sequence[str], path: Path) -> list[str]:
    named = [name or f"column {place}" for place, name in enumerate(header, start=1)]
    for place, name in enumerate(named):
        if name in named[:place]:
            raise InputError(
                "Two columns have the same header.",
                where=f"{path}, columns {named.index(name) + 1} and {place + 1}",
                remedy="Rename or remove one of them.",
            )
    return named


def _without_dictionary(kind: Any) -> Any:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _without_leftovers(table: Any) -> Any:
    """The same with fresh dictionaries: those of a column whose rows were picked still hold every value."""
    for place, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            fresh = table.column(place).cast(field.type.value_type).dictionary_encode().cast(field.type)
            table = table.set_column(place, field, fresh)
    return table


def _has_text_form(kind: Any) -> bool:
    is_a = pa.types
    return any(
        test(kind)
        for test in (
            is_a.is_string,
            is_a.is_large_string,
            is_a.is_boolean,
            is_a.is_integer,
            is_a.is_floating,
            is_a.is_decimal,
            is_a.is_temporal,
            is_a.is_null,
        )
    )
