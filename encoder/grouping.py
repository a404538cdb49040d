"""Rows that are alike in several columns at once."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoder.identifiers import Column, Identifiers
from encoder.match_keys import given


def together(columns: Sequence[Column], rows: int) -> NDArray[np.int64]:
    """One number for each row, shape (rows,): the same for rows that are alike in all columns, rising from 0 without
    gaps. Missing values are alike."""
    joint = np.zeros(rows, dtype=np.int64)
    for column in columns:
        _, joint = np.unique(joint * (len(column.values) + 1) + column.codes, return_inverse=True)
    return joint


def complete(identifiers: Identifiers, fields: Sequence[str]) -> NDArray[np.int64]:
    """The places of the rows that have all these fields, which must be there as columns."""
    has = np.ones(identifiers.rows, dtype=np.bool_)
    for field in fields:
        has &= given(identifiers.columns[field])
    return np.flatnonzero(has)


def different_in(groups: NDArray[np.int64], column: Column) -> NDArray[np.bool_]:
    """Which rows are in a group with two values or more of the column. Missing values differ from nothing."""
    has = given(column)
    pairs = np.unique(groups[has] * (len(column.values) + 1) + column.codes[has])
    values = np.bincount(pairs // (len(column.values) + 1), minlength=int(groups.max(initial=-1)) + 1)
    return np.asarray(values[groups] > 1)
