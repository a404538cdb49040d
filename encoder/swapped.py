"""Rows whose forename and surname look as if they had changed places.

A name that many children of the file have as a surname and none as a forename, beside one with which it is the other
way round. Each row is judged by all others, so that it does not speak for itself. Some children are really called like
that; whether a whole file has its two columns swapped cannot be told in this way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from encoder.identifiers import Column, Identifiers
from encoder.match_keys import given

ODDS = 100.0
"""So many times likelier the other way round."""


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


def _first_words(column: Column, words: dict[str, int]) -> NDArray[np.int64]:
    """The number of each row's first word."""
    heads = [words.setdefault(value.partition(" ")[0], len(words)) for value in column.values]
    return np.array(heads, dtype=np.int64)[column.codes]
