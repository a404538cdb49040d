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
    """Of all pairs of rows, listed or not, the share that has each pattern of match-keys.

    ``patterns``: bool (patterns, keys), which keys both rows have, each pattern once; ``share``: float64 (patterns,),
    sum 1.
    """

    patterns: Flags
    share: Floats

    @classmethod
    def of(cls, ours: Flags, theirs: Flags) -> Self:
        """From what each row of the two holders has: bool (rows, keys) each, with rows of at least one holder."""
        (mine, my_rows), (other, other_rows) = (np.unique(one, axis=0, return_counts=True) for one in (ours, theirs))
        both = (mine[:, None] & other[None, :]).reshape(-1, ours.shape[1])
        pairs = np.outer(my_rows.astype(np.float64), other_rows).ravel()
        return cls(both, pairs / pairs.sum())._united()

    @classmethod
    def everywhere(cls, keys: int) -> Self:
        """Every row has every match-key."""
        return cls(np.ones((1, keys), np.bool_), np.ones(1))

    @property
    def both(self) -> Floats:
        """Of each match-key the share of pairs in which both rows have it, float64 (keys,)."""
        return np.asarray(self.share @ self.patterns.astype(np.float64))

    def over(self, which: Flags) -> Self:
        """The same of some of the match-keys, bool (keys,), in their order."""
        return type(self)(self.patterns[:, which], self.share)._united()

    def place(self, there: Flags) -> NDArray[np.int64]:
        """The pattern of each line of ``there``, bool (lines, keys); -1 where there is no such pattern."""
        equal = (there[:, None, :] == self.patterns[None, :, :]).all(axis=2)
        return np.where(equal.any(axis=1), equal.argmax(axis=1), -1).astype(np.int64)

    def _united(self) -> Self:
        """Each pattern once."""
        patterns, place = np.unique(self.patterns, axis=0, return_inverse=True)
        share = np.bincount(place.ravel(), weights=self.share, minlength=len(patterns))
        return type(self)(patterns, share.astype(np.float64))
