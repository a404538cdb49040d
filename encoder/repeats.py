"""Rows of one file that share what should be one child's alone, and how far identifiers together tell rows apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from encoder.field_quality import entropy
from encoder.grouping import complete, different_in, together
from encoder.identifiers import Identifiers
from encoder.match_keys import rows_of

PERSON = ("forename", "surname", "date_of_birth", "postcode")

KEYS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("nhs_number",), "date_of_birth"),
    (("upn",), "date_of_birth"),
    (PERSON, "nhs_number"),
)
"""What should stand once, and what then ought not to differ."""

SETS: tuple[tuple[str, ...], ...] = (
    ("date_of_birth", "sex"),
    ("date_of_birth", "postcode"),
    ("date_of_birth", "sex", "postcode"),
    ("forename", "surname"),
    ("surname", "date_of_birth"),
    ("forename", "surname", "date_of_birth"),
    PERSON,
)


@dataclass(frozen=True)
class Repeat:
    """``rows`` rows share their values of ``fields`` with another row, in ``groups`` groups. ``differing``: those of
    them in a group whose rows differ in ``differ_in``; ``None`` if the file has no such field."""

    fields: tuple[str, ...]
    groups: int
    rows: int
    differ_in: str
    differing: int | None


@dataclass(frozen=True)
class Combination:
    """Several fields together. ``complete``: rows that have them all; ``distinct``: different combinations among
    them, of so many ``bits`` of entropy; ``shared``: rows whose combination another row has too."""

    fields: tuple[str, ...]
    complete: int
    distinct: int
    shared: int
    bits: float


def repeats(identifiers: Identifiers) -> tuple[Repeat, ...]:
    """Rows that look like the same child, by every key of ``KEYS`` that the file has."""
    return tuple(
        _repeat(identifiers, fields, differ_in) for fields, differ_in in KEYS if set(fields) <= set(identifiers.columns)
    )


def _repeat(identifiers: Identifiers, fields: Sequence[str], differ_in: str) -> Repeat:
    kept = rows_of(identifiers, complete(identifiers, fields))
    groups = together([kept.columns[field] for field in fields], kept.rows)
    sizes = np.bincount(groups)
    differing = None
    if differ_in in kept.columns:
        differing = int(np.count_nonzero(different_in(groups, kept.columns[differ_in])))
    repeated = sizes > 1
    return Repeat(tuple(fields), int(np.count_nonzero(repeated)), int(sizes[repeated].sum()), differ_in, differing)


def combinations(identifiers: Identifiers) -> tuple[Combination, ...]:
    """How well the sets of ``SETS`` tell rows apart, and all fields but numbers where that is yet another set."""
    names = [one for one in ("forename", "surname", "sex", "date_of_birth", "postcode") if one in identifiers.columns]
    sets = [fields for fields in SETS if set(fields) <= set(names)]
    if len(names) > 1 and not any(set(names) == set(fields) for fields in sets):
        sets.append(tuple(names))
    return tuple(_combination(identifiers, fields) for fields in sets)


def _combination(identifiers: Identifiers, fields: Sequence[str]) -> Combination:
    kept = rows_of(identifiers, complete(identifiers, fields))
    sizes = np.bincount(together([kept.columns[field] for field in fields], kept.rows))
    return Combination(
        tuple(fields), kept.rows, int(np.count_nonzero(sizes)), int(sizes[sizes > 1].sum()), entropy(sizes)
    )
