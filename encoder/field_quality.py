"""One identifier in a whole file: how many rows have it, how well it tells them apart, what is common.

Common values are shown only if they are no longer about single people:

1. A value that fewer than ten rows hold, or fewer than one in a thousand, is never shown, nor is an NHS number or a UPN
   however often it stands.
2. Ten rows may be one child, in a file of visits. So the rows must have ten different dates of birth (or, where that
   is not to be had or is the field in question, numbers or names). Where nothing tells people apart, nothing is shown.
3. Sex has two values: where one may not be shown, the other is not either, from which it would follow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.findings import Finding, Kind
from encoder.identifiers import Column, Identifiers
from encoder.match_keys import given

FEWEST = 10
"""A value must be held by so many rows, and so many people, to be shown."""
COMMON = 1000
"""And by one row in so many: a rarer one says nothing about the file."""
MOST = 5
"""Common values of one field that are shown."""
NEVER_SHOWN = frozenset({"nhs_number", "upn"})
TELLING_APART = ("date_of_birth", "nhs_number", "upn", "forename", "surname")

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Reason:
    """Why so many rows of a field lack a value, or what is worth knowing of values that are kept."""

    kind: Kind
    reason: str
    rows: int


@dataclass(frozen=True)
class Common:
    """A value, normalised, that many rows hold."""

    value: str
    rows: int


@dataclass(frozen=True)
class FieldQuality:
    """All counts but ``distinct`` are rows. ``usable + partial + missing + placeholder + invalid`` are all rows;
    ``partial`` is a date of which only parts are known, ``noted`` a part of ``usable`` and ``partial``.

    ``distinct``: different values. ``bits``: Shannon entropy of the values of usable rows; ``effective``: two to that
    power, so many equally common values would tell rows apart as well. ``alone``: rows whose value no other row has.
    """

    field: str
    header: str
    usable: int
    partial: int
    missing: int
    placeholder: int
    invalid: int
    noted: int
    reasons: tuple[Reason, ...]
    distinct: int
    bits: float
    effective: float
    alone: int
    common: tuple[Common, ...]

    @property
    def unusable(self) -> int:
        return self.partial + self.missing + self.placeholder + self.invalid


def measure_field(field: str, header: str, identifiers: Identifiers, findings: Sequence[Finding]) -> FieldQuality:
    """The quality of one identifier of ``keys.terms.Identifier``; ``findings``: those of all fields."""
    column = identifiers.columns[field]
    own = [one for one in findings if one.field == field]
    rows_of = {kind: sum(one.rows for one in own if one.kind is kind) for kind in Kind}
    counts = _counts(column)
    usable = int(counts.sum())
    lost = rows_of[Kind.MISSING] + rows_of[Kind.PLACEHOLDER]
    # An impossible date may keep its year: it counts as invalid, not as a part.
    partial = identifiers.rows - usable - lost - rows_of[Kind.INVALID]
    bits = entropy(counts)
    return FieldQuality(
        field,
        header,
        usable,
        partial,
        rows_of[Kind.MISSING],
        rows_of[Kind.PLACEHOLDER],
        rows_of[Kind.INVALID],
        rows_of[Kind.NOTED],
        tuple(Reason(one.kind, one.reason, one.rows) for one in own if one.kind is not Kind.MISSING),
        int(np.count_nonzero(counts)),
        bits,
        2.0**bits if usable else 0.0,
        int(np.count_nonzero(counts == 1)),
        _common(field, identifiers),
    )


def entropy(counts: Counts) -> float:
    """Shannon entropy in bits of values that stand so often (Shannon, 1948)."""
    held = counts[counts > 0].astype(np.float64)
    if len(held) == 0:
        return 0.0
    total = float(held.sum())
    return max(0.0, math.log2(total) - float((held * np.log2(held)).sum()) / total)


def _counts(column: Column) -> Counts:
    """How many rows hold each value; none hold the empty one."""
    counts = np.bincount(column.codes, minlength=len(column.values))
    if "" in column.values:
        counts[column.values.index("")] = 0
    return counts


def _common(field: str, identifiers: Identifiers) -> tuple[Common, ...]:
    other = next((one for one in TELLING_APART if one != field and one in identifiers.columns), None)
    if field in NEVER_SHOWN or other is None:
        return ()
    column = identifiers.columns[field]
    rows = _counts(column)
    people = _different(column, identifiers.columns[other])
    fewest = max(FEWEST, -(-identifiers.rows // COMMON))
    shown = np.flatnonzero((rows >= fewest) & (people >= FEWEST)).tolist()
    if field == "sex" and len(shown) < np.count_nonzero(rows):  # 3
        return ()
    shown.sort(key=lambda code: (-rows[code], column.values[code]))
    return tuple(Common(column.values[code], int(rows[code])) for code in shown[:MOST])


def people(column: Column, identifiers: Identifiers) -> Counts:
    """How many people hold each value at least: the most different values that its rows have of a field that tells
    people apart."""
    nobody = np.zeros(len(column.values), dtype=np.int64)
    there = [identifiers.columns[one] for one in TELLING_APART if one in identifiers.columns]
    return np.asarray(np.maximum.reduce([nobody, *(_different(column, one) for one in there)]), dtype=np.int64)


def _different(column: Column, telling: Column) -> Counts:
    """How many different values of ``telling`` the rows of each value of ``column`` have."""
    has = given(telling)
    pairs = np.unique(column.codes[has].astype(np.int64) * len(telling.values) + telling.codes[has])
    return np.bincount(pairs // max(1, len(telling.values)), minlength=len(column.values))
