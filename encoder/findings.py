"""What normalising says about one value, a row, or a whole field."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Kind(StrEnum):
    """Why a value is missing after normalising, or what is worth knowing about one that is kept."""

    MISSING = "missing"  # the cell is empty
    PLACEHOLDER = "placeholder"  # it stands for "not known"
    INVALID = "invalid"  # it cannot be what it should be
    NOTED = "noted"  # it is kept


class Reading(NamedTuple):
    """A normalised value (empty: missing) and what was found in reading it (no kind: nothing)."""

    value: str
    kind: Kind | None = None
    reason: str = ""


EMPTY = Reading("", Kind.MISSING, "empty")


def placeholder(reason: str) -> Reading:
    """A missing value that the file writes as something else."""
    return Reading("", Kind.PLACEHOLDER, reason)


def invalid(reason: str) -> Reading:
    """A value that cannot be right, so it is missing."""
    return Reading("", Kind.INVALID, reason)


@dataclass(frozen=True, repr=False)
class Judged:
    """What was found in one field, row by row: for row ``i`` it is ``verdicts[codes[i]]``, a kind and a reason.

    ``codes``: uint16, shape (rows,). The first verdict has no kind: there is nothing to say of the row.
    """

    codes: NDArray[np.uint16]
    verdicts: tuple[tuple[Kind | None, str], ...]

    def rows(self, kind: Kind) -> int:
        """How many rows are of this kind."""
        counts = np.bincount(self.codes, minlength=len(self.verdicts)).tolist()
        return sum(count for count, (found, _) in zip(counts, self.verdicts, strict=True) if found is kind)


@dataclass(frozen=True)
class Finding:
    """How many rows of a field have one kind of fault, for one reason, and the number of the first."""

    field: str
    kind: Kind
    reason: str
    rows: int
    first_row: int


@dataclass(frozen=True)
class Rejection:
    """A row that cannot link. ``index``: its place in the columns, from 0. ``row``: its number in the file."""

    index: int
    row: int
    reason: str
