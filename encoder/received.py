"""A holder's attribute file as the recipient got it: read, checked, every row with its link key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from encoder.errors import InputError
from encoder.results import VALUE_COLUMNS
from encoder.sheet import Sheet, read_sheet, repeated, sha256_of
from keys.errors import TokenError

OpenTokens = Callable[[list[str]], list[str]]
"""Takes tokens, gives the link key of each. Raises ``TokenError``."""

RowsOfOneHolder = Literal["one per link", "any number"]
"""What the agreement says of the rows of one holder in one link."""

_LINK_KEY = "^[0-9a-f]{32}$"
_ASK_AGAIN = "ask its holder for it again."


@dataclass(frozen=True, repr=False)
class Received:
    """``values``: the column of tokens or link keys; ``keys``: the link key of each row. Both are ``pyarrow`` string
    arrays. Every token stands once, and so does every link key where the agreement says one row per link.
    ``attributes``: the headers of all other columns."""

    sheet: Sheet
    sha256: str
    column: str
    keys: Any

    @property
    def values(self) -> Any:
        return self.sheet.table.column(self.column)

    @property
    def attributes(self) -> list[str]:
        return [name for name in self.sheet.table.column_names if name != self.column]


def receive(
    path: Path, *, open_tokens: OpenTokens | None, rows_of_one_holder: RowsOfOneHolder = "one per link"
) -> Received:
    """Read a holder's file; without ``open_tokens`` its link keys are in it (open release).

    Raises ``InputError`` or ``TokenError`` with the row for a value that is missing, damaged or of another run, for a
    token that stands twice, for a link key that does where a link has one row of a holder, and ``InputError`` for a
    file that cannot be read, has no such column or no rows.
    """
    sha256 = sha256_of(path)
    sheet = read_sheet(path, known=VALUE_COLUMNS)
    column, other = VALUE_COLUMNS if open_tokens else reversed(VALUE_COLUMNS)
    if column not in sheet.table.column_names:
        found = f", but one {other}: it is of another release" if other in sheet.table.column_names else ""
        raise InputError(
            f"The attribute file has no column {column}{found}.",
            where=str(path),
            remedy="Ask its holder for the file that `counterfoil results --attributes` wrote.",
        )
    if not len(sheet.rows):
        raise InputError("The attribute file has no rows.", where=str(path), remedy=f"It was cut: {_ASK_AGAIN}")
    sheet = _with_text(sheet, column)
    values = sheet.table.column(column)
    one_each = rows_of_one_holder == "one per link"
    if open_tokens or one_each:
        _refuse_repeated(sheet, values, column, f"Two rows hold the same {column.replace('_', ' ')}.")
    if open_tokens is None:
        _refuse_first(sheet, pc.match_substring_regex(values, _LINK_KEY), column, "The cell holds no link key.")
        return Received(sheet, sha256, column, values.combine_chunks())
    keys = pa.array(_opened(sheet, values.to_pylist(), column, open_tokens), pa.string())
    if one_each:
        _refuse_repeated(sheet, keys, column, "Two rows have tokens of one link, but a link has one row of a holder.")
    return Received(sheet, sha256, column, keys)


def refuse_shared(first: Received, second: Received) -> None:
    """Raise ``InputError`` if a value stands in both files."""
    shared = pc.is_in(second.values, value_set=first.values)
    place = pc.index(shared, True).as_py()
    if place >= 0:
        raise InputError(
            f"This {first.column} stands in {first.sheet.path} too ({pc.sum(shared).as_py():,} do).",
            where=second.sheet.where(place, column=second.column),
            remedy="Every token belongs to one row of one holder: ask both holders for their files again.",
        )


def _with_text(sheet: Sheet, column: str) -> Sheet:
    """The same with this column as text, of which every cell is filled."""
    place = sheet.table.column_names.index(column)
    try:
        text = sheet.table.column(place).cast(pa.string())
    except pa.ArrowException:
        raise InputError(
            f"Column {column} holds no text.", where=str(sheet.path), remedy=f"The file was changed: {_ASK_AGAIN}"
        ) from None
    _refuse_first(sheet, pc.fill_null(pc.not_equal(text, ""), False), column, f"The row has no {column}.")
    return Sheet(sheet.path, sheet.table.set_column(place, column, text), sheet.rows)


def _opened(sheet: Sheet, tokens: list[str], column: str, open_tokens: OpenTokens) -> list[str]:
    try:
        return open_tokens(tokens)
    except TokenError:
        for place, token in enumerate(tokens):
            try:
                open_tokens([token])
            except TokenError as error:
                raise TokenError(error.what, where=sheet.where(place, column=column), remedy=error.remedy) from None
        raise


def _refuse_first(sheet: Sheet, good: Any, column: str, what: str) -> None:
    place = pc.index(good, False).as_py()
    if place >= 0:
        raise InputError(
            what, where=sheet.where(place, column=column), remedy=f"The file was edited or damaged: {_ASK_AGAIN}"
        )


def _refuse_repeated(sheet: Sheet, values: Any, column: str, what: str) -> None:
    rows = len(values) - pc.count_distinct(values).as_py()
    if rows and (places := repeated(values.to_pylist())):
        raise InputError(
            f"{what} {rows:,} rows repeat an earlier one." if rows > 1 else what,
            where=sheet.where(*places, column=column),
            remedy=f"The file was doubled, put together from several or edited: {_ASK_AGAIN}",
        )
