"""What pairs that share a row say about each other: a row matches at most once.

The pairs are a random matching in which each occurs by its own odds, given that both rows are free. The probability of
a pair in it is found by belief propagation: each row tells every pair of it how likely it is free of the others,
judged by the pairs in turn. Exact where pairs form no cycles; source: L. Zdeborova and M. Mezard, The number of
matchings in random graphs, 2006.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGEST = 25.0
"""Log odds are cut here, so that the odds of one pair can be subtracted from those of all without loss."""


@dataclass(repr=False)
class Rivals:
    """``left`` and ``right``: int64 (pairs,), the rows of each pair; ``rows``: how many there are on each side.

    It remembers what the rows said last, so that odds that changed a little need few more ``sweeps``.
    """

    left: Ints
    right: Ints
    rows: tuple[int, int]
    _free: Floats = field(init=False)

    def __post_init__(self) -> None:
        self._free = np.ones(len(self.left))

    def compete(self, odds: Floats, *, sweeps: int) -> tuple[Floats, Floats, Floats]:
        """Log odds of every pair beside its rivals, and the probabilities that its left and its right row are free of
        these.

        ``odds``: float64 (pairs,), log odds of each pair, given that both rows are free.
        """
        own, right = np.exp(np.clip(odds, -LARGEST, LARGEST)), self._free
        left = right
        for _ in range(sweeps):
            left = _free(own * right, self.left, self.rows[0])
            right = _free(own * left, self.right, self.rows[1])
        self._free = right
        return np.log(own) + np.log(left) + np.log(right), left, right


def _free(offered: Floats, row: Ints, rows: int) -> Floats:
    """For every pair, the probability that none of the other pairs of its row is a match."""
    others = np.bincount(row, weights=offered, minlength=rows)[row] - offered
    return 1 / (1 + np.maximum(others, 0.0))
