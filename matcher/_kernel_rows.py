"""What is done to single rows and single pairs: fold, count, score."""

from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from matcher._kernel_jit import compiled


@intrinsic
def count_bits(_context: Any, _word: Any) -> Any:
    """Count the set bits of a 64-bit word."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@compiled
def distance(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> int:
    """Count the bits in which two encodings (uint64 ``(words,)``) differ."""
    total = 0
    for word in range(len(a)):
        total += count_bits(a[word] ^ b[word])  # type: ignore[call-arg]
    return total


@compiled
def sketch(bits: NDArray[np.uint64], words: int, width: int, out: NDArray[np.uint64]) -> None:
    """Fold the rows of ``bits`` to ``words`` prefix parities, laid out ``(tile, word, width)`` in ``out``."""
    rows, whole = bits.shape
    out[:] = np.uint64(0)
    for row in range(rows):
        tile, place = row // width, row % width
        for word in range(whole):
            out[tile, word % words, place] ^= bits[row, word]
        for word in range(1, words):
            out[tile, word, place] ^= out[tile, word - 1, place]


@compiled
def score(
    a_bits: NDArray[np.uint64],
    b_bits: NDArray[np.uint64],
    a_weight: NDArray[np.int64],
    b_weight: NDArray[np.int64],
    left: NDArray[np.int64],
    right: NDArray[np.int64],
    where: NDArray[np.int64],
    out: NDArray[np.float32],
) -> None:
    """Write the similarity of pair ``(left[n], right[n])`` to ``out[n]`` for every n in ``where``."""
    for n in where:
        i, j = left[n], right[n]
        together = a_weight[i] + b_weight[j]
        apart = distance(a_bits[i], b_bits[j])
        out[n] = (together - apart) / together if together > 0 else 0.0
