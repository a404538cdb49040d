"""What "similar enough" means in whole bits, for each measure.

Both measures are put in one form, so that the kernel needs no case for either. Every row has a *weight*; for
a pair at Hamming distance ``d`` whose weights add up to ``S``, the similarity is ``(S - d) / S``.

- Dice: the weight is the number of set bits. ``2 * |a & b| / (|a| + |b|)`` is ``(S - d) / S``, because
  ``d = |a| + |b| - 2 * |a & b|``.
- Hamming: the weight is the length in one holder and 0 in the other, so ``S`` is the length and the
  similarity is the share of bits that agree.

A pair is similar enough when that quotient, rounded once to a double, is not below the floor. This is the
comparison that anonlink makes, so a pair that lies exactly on the floor is decided alike; ``allowed`` makes
it once per possible ``S`` and leaves the kernel a comparison of whole numbers.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError

Measure = Literal["hamming", "dice"]


def check_floor(floor: float) -> None:
    """Raise MatcherError unless ``0 < floor <= 1``."""
    if not 0.0 < floor <= 1.0:
        raise MatcherError(
            f"A floor of {floor} is not a similarity above 0 and up to 1.",
            remedy="Give a floor such as 0.8.",
        )


def weights(measure: Measure, bits: NDArray[np.uint64], *, first: bool) -> NDArray[np.int64]:
    """Weigh each row of ``bits`` (uint64 ``(rows, words)``); ``first`` tells the two holders apart."""
    if measure == "dice":
        counts: NDArray[np.int64] = np.bitwise_count(bits).sum(axis=1, dtype=np.int64)
        return counts
    return np.full(len(bits), bits.shape[1] * 64 if first else 0, np.int64)


def allowed(length: int, floor: float) -> NDArray[np.int64]:
    """Give the largest distance that is similar enough, for ``S`` from 0 to ``2 * length``; -1 where none is.

    A pair with ``S = 0`` (two empty encodings) has similarity 0.0 and never pairs. For Dice ``S - d`` is even
    by nature, so the parity of the limit needs no care.
    """
    check_floor(floor)
    total = np.arange(2 * length + 1, dtype=np.int64)
    limit: NDArray[np.int64] = np.minimum(total, np.floor(total * (1.0 - floor)).astype(np.int64) + 2)
    divisor = np.maximum(total, 1).astype(np.float64)
    for _ in range(4):  # the guess is at most three too high: 2 for safety and 1 for rounding
        limit -= (limit >= 0) & ((total - limit) / divisor < floor)
    return limit


def slack(measure: Measure, weight: NDArray[np.int64], length: int, floor: float, *, first: bool) -> NDArray[np.int64]:
    """Split the allowed distance between the two rows of a pair, never giving less than ``allowed`` does.

    The kernel's first pass compares with the sum of both rows' slack; what passes is decided by ``allowed``.
    """
    if measure == "dice":
        share: NDArray[np.int64] = np.floor(weight * (1.0 - floor) + 1e-6).astype(np.int64) + 1
        return share
    return np.full(len(weight), int(allowed(length, floor)[length]) if first else 0, np.int64)
