"""Which places of a table's header the columns have that somebody named."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from encoder.errors import ColumnsError


def places_of(header: Sequence[str], wanted: Mapping[str, str], where: str) -> dict[str, int]:
    """Where the column of each field stands. ``wanted``: field -> its header.

    Raises ``ColumnsError`` for a header that is missing, or that stands twice whether wanted or not.
    """
    refuse_repeated(header, where)
    for field, name in wanted.items():
        if name not in header:
            raise ColumnsError(
                f"The file has no column {name!r}, which the columns file names for {field}.",
                where=where,
                remedy=_which_header(name, header, wanted.values()),
            )
    return {field: header.index(name) for field, name in wanted.items()}


def refuse_repeated(header: Sequence[str], where: str) -> None:
    """Raise ``ColumnsError`` if two columns have the same header, unless they have none."""
    for place, name in enumerate(header):
        if name and name in header[:place]:
            raise ColumnsError(
                "Two columns have the same header.",
                where=f"{where}, columns {header.index(name) + 1} and {place + 1}",
                remedy="Rename or remove one of them.",
            )


def _which_header(name: str, header: Sequence[str], wanted: Iterable[str]) -> str:
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
