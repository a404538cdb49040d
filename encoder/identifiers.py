"""What normalising makes of a file: one column per identifier, each distinct value kept once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keys.terms import IdentifierField

FIELDS = tuple(field.value for field in IdentifierField)
"""Normalised fields. ``day``, ``month`` and ``year`` are the parts of ``date_of_birth`` (ISO, whole dates only)."""

SHOWN = {
    "forename": "Forename",
    "surname": "Surname",
    "names": "Names",
    "sex": "Sex",
    "day": "Day of birth",
    "month": "Month of birth",
    "year": "Year of birth",
    "date_of_birth": "Date of birth",
    "postcode": "Postcode",
    "nhs_number": "NHS number",
    "upn": "UPN",
}
"""What people call a field."""


def in_sentence(field: str) -> str:
    """The same within a sentence."""
    name = SHOWN[field]
    return name if name[1].isupper() else name.lower()


@dataclass(frozen=True, repr=False)
class Column:
    """One field of every row. ``values[codes[i]]`` is row ``i``'s value; the empty string means missing.

    ``codes``: int32, shape (rows,). ``values``: distinct strings, any order, may hold unused ones.
    """

    codes: NDArray[np.int32]
    values: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Column(rows={len(self.codes)}, distinct={len(self.values)})"


@dataclass(frozen=True)
class Identifiers:
    """The normalised identifiers of ``rows`` rows, in file order. A field that no column feeds is absent."""

    rows: int
    columns: Mapping[str, Column]

    def followed_by(self, other: Identifiers) -> Identifiers:
        """The rows of both, these first, in the columns that both have."""
        both = [name for name in self.columns if name in other.columns]
        columns = {name: _followed(self.columns[name], other.columns[name]) for name in both}
        return Identifiers(self.rows + other.rows, columns)


def _followed(first: Column, second: Column) -> Column:
    place = {value: code for code, value in enumerate(first.values)}
    codes = np.fromiter((place.setdefault(value, len(place)) for value in second.values), np.int32, len(second.values))
    return Column(np.concatenate([first.codes, codes[second.codes]]), tuple(place))
