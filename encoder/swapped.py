"""Rows whose forename and surname look as if they had changed places.

A name that many children of the file have as a surname and none as a forename, beside one with which it is the other
way round. Each row is judged by all others, so that it does not speak for itself. Some children are really called like
that. Whether the whole columns have changed places cannot be told in this way, but by families: brothers and sisters
share a surname and a postcode, and hardly ever a forename.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoder.forename_forms import first_forms
from encoder.identifiers import Column, Identifiers
from encoder.match_keys import given

ODDS = 100.0
"""So many times likelier the other way round."""
FEWEST_PAIRS = 10
TIMES = 5
"""So many pairs of rows of one postcode, and so many times more of them, share the forename rather than the surname.
They must also be so many times more than chance would give, since forenames are fewer than surnames anyway."""
COLUMNS_SWAPPED = (
    "the columns of forenames and surnames look as if they had changed places: rows of one postcode share the forename "
    "much more often than the surname."
)
"""What is said when `columns_swapped`."""


def swapped(identifiers: Identifiers) -> NDArray[np.bool_] | None:
    """Which rows, shape (rows,); ``None`` for a file without both names."""
    forename, surname = identifiers.columns.get("forename"), identifiers.columns.get("surname")
    if forename is None or surname is None:
        return None
    words: dict[str, int] = {}
    first, last = _first_words(forename, words), _first_words(surname, words)
    both = given(forename) & given(surname)
    first, last = first[both], last[both]
    as_first, as_last = (np.bincount(one, minlength=len(words)) for one in (first, last))
    straight = (as_first[first] - 0.5) * (as_last[last] - 0.5)  # without the row itself, and half a row for luck
    other_way = (as_last[first] + 0.5) * (as_first[last] + 0.5)
    suspects = np.zeros(identifiers.rows, dtype=np.bool_)
    suspects[both] = other_way >= ODDS * straight
    return suspects


def columns_swapped(identifiers: Identifiers) -> bool:
    """Whether the whole columns look as if they had changed places; False for a file without names or postcodes."""
    columns = [identifiers.columns.get(field) for field in ("postcode", "forename", "surname")]
    there = [column for column in columns if column is not None]
    if len(there) < len(columns):
        return False
    rows = np.logical_and.reduce([given(column) for column in there])
    postcode, forename, surname = (column.codes[rows].astype(np.int64) for column in there)
    if not len(postcode):
        return False
    by_forename = _pairs(postcode * (forename.max() + 1) + forename)
    by_surname = _pairs(postcode * (surname.max() + 1) + surname)
    all_pairs = len(postcode) * (len(postcode) - 1) / 2
    by_chance = _pairs(postcode) * _pairs(forename) / max(1.0, all_pairs)
    return by_forename >= max(FEWEST_PAIRS, TIMES * by_surname, TIMES * by_chance)


def _pairs(values: NDArray[np.int64]) -> int:
    """How many pairs of rows have the same value."""
    sizes = np.unique(values, return_counts=True)[1]
    return int((sizes * (sizes - 1) // 2).sum())


def _first_words(column: Column, words: dict[str, int]) -> NDArray[np.int64]:
    """The number of each row's first word; forms of one forename have one: they may be joined in one column alone."""
    firsts = [value.partition(" ")[0] for value in column.values]
    heads = [words.setdefault(first_forms().get(word, word), len(words)) for word in firsts]
    return np.array(heads, dtype=np.int64)[column.codes]
