"""What normalising makes of a file: one column per identifier, each distinct value kept once."""

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
