"""The listed pairs as the mixture model sees them: in cells of nearly equal evidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from matcher.changes import Changes
from matcher.presence import Presence

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_WEIGHT = 1e30
"""So that sums of likelihoods stay within float32."""


@dataclass(frozen=True)
class Sample:
    """Pairs, each in one cell of equal evidence.

    ``cell``, ``left``, ``right``: int64 (pairs,). ``likelihood``: float32 (cells, changes), of a cell's
    similarities and tokens of tuples given a change, scaled per cell. ``agreement``: int8 (cells, exact keys), of those
    of which the changes do not tell. ``pattern``: int64 (cells,), which of the other keys both rows have; rising.
    ``seen``: float64 (patterns, changes), the share above a floor or with an equal token. ``both``: float64 (exact
    keys,), the share of pairs of rows in which both have a token; ``number``: bool (exact keys,), whether it is of a
    number that one child alone has.
    """

    changes: Changes
    cell: Ints
    left: Ints
    right: Ints
    rows: tuple[int, int]
    likelihood: NDArray[np.float32]
    agreement: NDArray[np.int8]
    pattern: Ints
    seen: Floats
    presence: Presence
    both: Floats
    number: NDArray[np.bool_]

    @property
    def cells(self) -> int:
        return len(self.likelihood)

    @cached_property
    def _places(self) -> list[slice]:
        ends = np.searchsorted(self.pattern, np.arange(len(self.seen) + 1))
        return [slice(first, last) for first, last in pairwise(ends.tolist())]

    @property
    def every(self) -> Floats:
        """How many pairs of rows there are of each pattern, listed or not; float64 (patterns,)."""
        return self.presence.share * float(math.prod(self.rows))

    def given(self, share: Floats) -> Floats:
        """Likelihood of every cell under shares of changes: float64 (patterns, changes, kinds) to (cells, kinds)."""
        light = share.astype(np.float32)
        parts = [self.likelihood[here] @ one for here, one in zip(self._places, light, strict=True)]
        return np.concatenate(parts).astype(np.float64)

    def gathered(self, weight: Floats) -> Floats:
        """The other way: weights of cells, times likelihoods, summed; float64 (cells, kinds) to (patterns, changes,
        kinds)."""
        light = np.minimum(weight, MOST_WEIGHT).astype(np.float32)
        return np.stack([self.likelihood[here].T @ light[here] for here in self._places]).astype(np.float64)

    def per_cell(self, weight: Floats) -> Floats:
        """Weights of pairs, summed by cell."""
        return np.bincount(self.cell, weights=weight, minlength=self.cells).astype(np.float64)
