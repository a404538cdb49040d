"""What of a holder's columns an agreement uses."""

from pathlib import Path

from encoder.columns import Columns, DateParts
from encoder.errors import ColumnsError
from keys.terms import HolderTerms, Identifier


def identifiers_of(columns: Columns) -> list[str]:
    """The identifiers that a columns file names, in the agreement's words."""
    return [one.value for one in Identifier if getattr(columns, one.value) is not None]


def restrict(columns: Columns, terms: HolderTerms, where: Path) -> Columns:
    """Only the columns that the agreement uses. Raises ``ColumnsError`` when one of them is not there."""
    wanted = {one.value for one in terms.identifiers}
    missing = wanted - set(identifiers_of(columns))
    if missing:
        raise ColumnsError(
            f"The agreement asks {terms.name} for {', '.join(sorted(missing))}, which the columns file does not name.",
            where=str(where),
            remedy="Name the column, or agree to do without it.",
        )
    others = {one.value: None for one in Identifier if one.value not in wanted}
    if "date_of_birth" in others:
        others["date_order"] = None
    return columns.model_copy(update=others)


def headers_of(columns: Columns) -> list[str]:
    """The headers of every column that the columns file names as an identifier."""
    headers: list[str] = []
    for one in Identifier:
        value = getattr(columns, one.value)
        if isinstance(value, DateParts):
            headers += [value.day, value.month, value.year]
        elif value is not None:
            headers.append(value)
    return headers
