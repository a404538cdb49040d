"""What the rows of a list hold under a fuzzy match-key, as its tokens: whole values or q-grams of one field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.identifiers import Identifiers
from encoder.match_keys import base_schema
from keys.terms import Encoding, FuzzyKey


@dataclass(frozen=True, repr=False)
class Held:
    """``has``: bool (rows, tokens), which rows hold which token. ``feature``: int64 (tokens,), the feature that a token
    is of, by its place in the match-key. ``tokens``: (feature, token), in the order of the columns."""

    has: NDArray[np.bool_]
    feature: NDArray[np.int64]
    tokens: tuple[tuple[int, str], ...]

    def counts(self, feature: int) -> NDArray[np.int64]:
        """How many distinct tokens of a feature each row has."""
        return np.asarray(self.has[:, self.feature == feature].sum(axis=1), dtype=np.int64)


def held(identifiers: Identifiers, key: FuzzyKey, encoding: Encoding) -> Held:
    """The tokens that the base filter of a match-key is made of, cut as the encoder cuts them."""
    schema = base_schema(key, encoding)
    tables, tokens = [], []
    for place, (feature, cut) in enumerate(zip(key.features, schema.features, strict=True)):
        column = identifiers.columns[feature.field.value]
        known: dict[str, int] = {}
        of_value = [
            [known.setdefault(one, len(known)) for one in cut.tokens(value)] if value else [] for value in column.values
        ]
        table = np.zeros((len(column.values), len(known)), np.bool_)
        for value, some in enumerate(of_value):
            table[value, some] = True
        tables.append(table[column.codes])
        tokens += [(place, token) for token in known]
    features = np.array([place for place, _ in tokens], np.int64)
    return Held(np.concatenate(tables, axis=1), features, tuple(tokens))
