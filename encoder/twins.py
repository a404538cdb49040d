"""Children with one surname, date of birth and postcode: their forenames must tell them apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from encoder.grouping import complete, different_in, together
from encoder.identifiers import Identifiers
from encoder.match_keys import given, rows_of

HOUSEHOLD = ("surname", "date_of_birth", "postcode")


@dataclass(frozen=True)
class Twins:
    """``rows`` rows in ``sets`` groups of equal surname, date of birth and postcode with two forenames or more;
    ``larger`` of the sets have three or more. ``nameless``: rows without a forename that have such a neighbour, so
    that nothing tells which of two children they are."""

    rows: int
    sets: int
    larger: int
    nameless: int


def twins(identifiers: Identifiers) -> Twins | None:
    """``None`` for a file that lacks one of the fields."""
    if not {"forename", *HOUSEHOLD} <= set(identifiers.columns):
        return None
    kept = rows_of(identifiers, complete(identifiers, HOUSEHOLD))
    groups = together([kept.columns[field] for field in HOUSEHOLD], kept.rows)
    forename = kept.columns["forename"]
    has = given(forename)
    in_set = different_in(groups, forename)
    names = together([forename], kept.rows)
    pairs = np.unique(np.stack([groups[in_set & has], names[in_set & has]], axis=1), axis=0)[:, 0]
    sizes = np.bincount(pairs)
    neighbours = np.bincount(groups)[groups] > 1
    return Twins(
        int(np.count_nonzero(in_set)),
        int(np.count_nonzero(sizes > 1)),
        int(np.count_nonzero(sizes > 2)),
        int(np.count_nonzero(neighbours & ~has)),
    )
