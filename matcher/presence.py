"""Which match-keys the rows of two holders have: how many of all pairs of rows can show what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, repr=False)
class Presence:
    """Of all pairs of rows, listed or not, the share that has each pattern of fuzzy match-keys.

    ``patterns``: bool (patterns, fuzzy keys), which keys both rows have, each pattern once; ``share``: float64
    (patterns,), sum 1. ``exact``: float64 (exact keys,), the share of pairs in which both rows have a token.
    """

    patterns: Flags
    share: Floats
    exact: Floats

    @classmethod
    def of(cls, fuzzy: tuple[Flags, Flags], exact: tuple[Flags, Flags]) -> Self:
        """From what each row of the two holders has: bool (rows, keys) each, with rows of at least one holder."""
        (ours, our_rows), (theirs, their_rows) = (np.unique(one, axis=0, return_counts=True) for one in fuzzy)
        both = (ours[:, None] & theirs[None, :]).reshape(-1, ours.shape[1])
        pairs = np.outer(our_rows.astype(np.float64), their_rows).ravel()
        patterns, place = np.unique(both, axis=0, return_inverse=True)
        share = np.bincount(place.ravel(), weights=pairs, minlength=len(patterns)) / pairs.sum()
        tokens = [one.sum(axis=0) / max(1, len(one)) for one in exact]
        return cls(patterns, share, tokens[0] * tokens[1])

    @classmethod
    def everywhere(cls, fuzzy: int, exact: int) -> Self:
        """Every row has every match-key."""
        return cls(np.ones((1, fuzzy), np.bool_), np.ones(1), np.ones(exact))

    def place(self, there: Flags) -> NDArray[np.int64]:
        """The pattern of each line of ``there``, bool (lines, fuzzy keys); -1 where there is no such pattern."""
        equal = (there[:, None, :] == self.patterns[None, :, :]).all(axis=2)
        return np.where(equal.any(axis=1), equal.argmax(axis=1), -1).astype(np.int64)
