"""Pairs of two holders' rows, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BYTES_PER_PAIR = 32  # 12 in the result, the rest while parts are sorted and joined


@dataclass(frozen=True, repr=False)
class Pairs:
    """Pairs of rows, sorted by ``left``, then ``right``, none twice.

    ``left`` int32 ``(pairs,)`` is the row of A, ``right`` int32 ``(pairs,)`` the row of B, ``similarity``
    float32 ``(pairs,)`` lies in 0 to 1. ``left_out`` counts the pairs that
    ``find_exact`` did not list, ``rows_left_out`` the rows of A and of B in them.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    similarity: NDArray[np.float32]
    left_out: int = 0
    rows_left_out: tuple[int, int] = (0, 0)

    def take(self, which: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Pairs:
        """Some of the pairs, by their places in an order that stays sorted, or by one true or false for each."""
        left, right, similarity = self.left[which], self.right[which], self.similarity[which]
        return Pairs(left, right, similarity, self.left_out, self.rows_left_out)

    def __len__(self) -> int:
        return len(self.left)

    def __repr__(self) -> str:
        return f"Pairs({len(self)}, left_out={self.left_out})"


def join(parts: list[Pairs]) -> Pairs:
    """Concatenate the pairs of consecutive chunks."""
    if not parts:
        return Pairs(np.empty(0, np.int32), np.empty(0, np.int32), np.empty(0, np.float32))
    return Pairs(
        np.concatenate([part.left for part in parts]),
        np.concatenate([part.right for part in parts]),
        np.concatenate([part.similarity for part in parts]),
        sum(part.left_out for part in parts),
    )
