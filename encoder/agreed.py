"""What of a holder's columns an agreement uses."""

from pathlib import Path
from typing import Any

from encoder.columns import CELL_FIELDS, Columns, DateParts
from encoder.errors import ColumnsError
from keys.terms import HolderTerms, Identifier


def identifiers_of(columns: Columns) -> list[str]:
    """The identifiers that a columns file names, in the agreement's words."""
    return [one.value for one in Identifier if one.value in columns.fields]


def restrict(columns: Columns, terms: HolderTerms, where: Path) -> Columns:
    """Only the columns that the agreement uses. Raises ``ColumnsError`` when one of them is not there."""
    wanted = {one.value for one in terms.identifiers}
    missing = wanted - set(identifiers_of(columns))
    if missing:
        raise ColumnsError(
            f"The agreement asks {terms.name} for {', '.join(sorted(missing))}, for which no column is named.",
            where=str(where),
            remedy="Name the column, or agree to do without it.",
        )
    others = {one.value: None for one in Identifier if one.value not in wanted}
    other = columns.other
    if other is not None:
        other = other.model_copy(update={field: None for field in others if field in CELL_FIELDS})
        other = other if other.sources else None
    changes: dict[str, Any] = {**others, "other": other}
    if "date_of_birth" in others:
        changes["date_order"] = None
    return columns.model_copy(update=changes)


def headers_of(columns: Columns) -> list[str]:
    """The headers of every column of the holder's own file that the columns file names as an identifier, and of the
    one by which a second file is joined: it holds an id too."""
    headers: list[str] = []
    for one in Identifier:
        value = getattr(columns, one.value)
        if isinstance(value, DateParts):
            headers += [value.day, value.month, value.year]
        elif value is not None:
            headers.append(value)
    if columns.other is not None and columns.other.here not in (columns.id, *headers):
        headers.append(columns.other.here)
    return headers
