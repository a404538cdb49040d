"""Files as clkhash's users have them: a CSV file of a linkage schema's columns in, ``{"clks": [...]}`` out.

Read as clkhash reads: comma and double quotes, the header compared exactly and in order, white space around a
value dropped and nothing else done to it. Stricter in one thing: a quotation mark out of place is an error,
where clkhash would take the rest of the file for one value.
"""

import base64
import csv
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from encoder.clk import Schema, base_filters
from encoder.errors import InputError, ValueRefused
from encoder.identifiers import Column
from encoder.text_file import SAVE_AS_UTF8, open_utf8

Progress = Callable[[int, int], None]
"""Called now and then with how much is done, and of how much."""

_STEP = 1 << 16  # rows between two calls of progress


def read_columns(
    path: Path, schema: Schema, *, header: bool = True, progress: Progress | None = None
) -> tuple[int, list[Column | None]]:
    """The number of rows, and the columns of a CSV file, None for those that the schema ignores.

    Every row counts, a repeated one too; rows are numbered as a spreadsheet shows them, from 1, with the header.
    Raises InputError: not a readable CSV file in UTF-8, another header than the schema's, a row with more or
    fewer values than the schema has features, or no row at all.
    """
    names = [feature.name for feature in schema.features]
    known: list[dict[str, int]] = [{} for _ in names]
    codes = [array("i") for _ in names]
    wanted = [(place, codes[place], known[place]) for place, each in enumerate(schema.features) if not each.ignored]
    rows = 0
    size = path.stat().st_size if path.is_file() else 0
    with open_utf8(path, errors="surrogateescape") as (text, raw):
        records = _records(text, path)
        if header:
            _compare_header(next(records)[1], names, path)
        for number, cells in records:
            if len(cells) != len(names):
                raise InputError(
                    f"The row has {len(cells):,} values, but the schema has {len(names):,} features.",
                    where=f"{path}, row {number}",
                    remedy="Give every row one value per feature, also for the ignored ones, and leave no blank lines.",
                )
            for place, column, values in wanted:
                column.append(values.setdefault(cells[place].strip(), len(values)))
            rows += 1
            if progress is not None and rows % _STEP == 0:
                progress(raw.tell(), size)
    if not rows:
        raise InputError("The file has a header but no rows.", where=str(path), remedy="Check the export that made it.")
    columns: list[Column | None] = [None] * len(names)
    for place, column, values in wanted:
        columns[place] = Column(np.asarray(column, np.int32), tuple(values))
    return rows, columns


def refuse_invalid(columns: Sequence[Column | None], schema: Schema, path: Path, *, header: bool = True) -> None:
    """Raise ValueRefused, without the value, for the first row that clkhash would not take by this schema."""
    faults: list[tuple[int, int, str]] = []  # row counted from 0, feature, value
    refused: set[int] = set()
    for place, (column, feature) in enumerate(zip(columns, schema.features, strict=True)):
        if column is None:
            continue
        bad = np.array([not feature.accepts(value) for value in column.values], np.bool_)
        rows = np.flatnonzero(bad[column.codes])
        if len(rows):
            first = int(rows[0])
            faults.append((first, place, column.values[column.codes[first]]))
            refused.update(rows.tolist())
    if not faults:
        return
    first, place, value = min(faults)
    feature = schema.features[place]
    where = f"{path}, row {first + 1 + header}, column {feature.name!r}"
    more = f" The schema refuses values in {len(refused):,} rows in all." if len(refused) > 1 else ""
    if re.search("[\ud800-\udfff]", value):
        raise ValueRefused("The value is not in UTF-8." + more, where=where, remedy=SAVE_AS_UTF8)
    if not value:
        raise ValueRefused(
            f"The value is missing, but the schema asks for {feature.rule}." + more,
            where=where,
            remedy="Fill it in, or declare an empty missingValue in the schema, at every partner alike.",
        )
    raise ValueRefused(
        f"The value is not {feature.rule}, as the schema asks." + more,
        where=where,
        remedy="Correct it where it comes from; clkhash would refuse the file too.",
    )


def filters_of(
    columns: Sequence[Column | None], rows: int, schema: Schema, *, secret: bytes
) -> Iterator[NDArray[np.uint8]]:
    """The base filters in blocks of rows, in file order, so that memory is bounded by one block."""
    for start in range(0, rows, _STEP):
        some = slice(start, start + _STEP)
        yield base_filters(
            [None if column is None else Column(column.codes[some], column.values) for column in columns],
            schema,
            secret=secret,
        )


def write_clks(blocks: Iterable[NDArray[np.uint8]], stream: BinaryIO) -> None:
    """Write what anonlink-client writes: one JSON object, each row's filter in base64 (RFC 4648, with padding)."""
    stream.write(b'{"clks": [')
    separator = b""
    for block in blocks:
        stream.write(separator)
        stream.write(b", ".join(b'"%b"' % base64.b64encode(row) for row in np.ascontiguousarray(block)))
        separator = b", "
    stream.write(b"]}")


def _records(text: Iterable[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    number = 0
    try:
        for number, cells in enumerate(csv.reader(text, strict=True), start=1):
            yield number, cells
    except csv.Error as error:
        raise InputError(
            "A quotation mark here is not closed or is out of place, or a value is longer than 131,072 characters.",
            where=f"{path}, row {number + 1}",
            remedy='Close every quoted value, and write a quotation mark inside one twice ("").',
        ) from error


def _compare_header(found: Sequence[str], names: Sequence[str], path: Path) -> None:
    """Refuse another header; show the schema's names only, because the first row may be a person's."""
    if list(found) == list(names):
        return
    missing = [name for name in names if name not in found]
    if missing:
        what = f"The header lacks {', '.join(map(repr, missing))}."
    elif len(found) > len(names):
        what = f"The header has {len(found):,} columns, but the schema has {len(names):,} features."
    else:
        what = "The columns are in another order than in the schema."
    raise InputError(
        what,
        where=f"{path}, row 1",
        remedy="The header must hold the schema's identifiers exactly and in order, the ignored ones too."
        " If the file has no header, say --no-header.",
    )
