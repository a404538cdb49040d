"""A hardening recovered from outside: which base bits make each bit of the encoding, by elimination modulo 2.

Diffusion is linear, so enough rows whose base filters are known (they are to whoever has the secret) give the draw away
whole, whatever code made it. This serves to check the code that runs, and attacks nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]


@dataclass(frozen=True, repr=False)
class Diffusion:
    """``takes``: bool (base bits, bits), which base bits are in each bit. ``mask``: bool (bits,), which bits are turned
    over in every row. ``exact``: whether this explains every bit of every row."""

    takes: NDArray[np.bool_]
    mask: NDArray[np.bool_]
    exact: bool


def recover(base: NDArray[np.uint8], encodings: NDArray[np.uint8]) -> Diffusion:
    """``base``: uint8 (rows, base bits / 8); ``encodings``: uint8 (rows, bits / 8). Raises ValueError when the rows do
    not span all base bits: give more, or more varied ones."""
    rows, width = base.shape
    bits = 8 * width
    if rows <= bits:
        raise ValueError("the rows do not span the base filter")
    known = np.zeros((rows, 8 * -(-(width + 1) // 8)), np.uint8)
    known[:, :width], known[:, width] = base, 0x80  # one more bit, set in every row, stands for the mask
    made = np.zeros((rows, 8 * -(-encodings.shape[1] // 8)), np.uint8)
    made[:, : encodings.shape[1]] = encodings
    left, right = known.view(np.uint64).copy(), made.view(np.uint64).copy()
    for bit in range(bits + 1):
        pivot = bit + int(np.argmax(_bit(known=left, at=bit)[bit:]))
        if not _bit(known=left, at=bit)[pivot]:
            raise ValueError("the rows do not span the base filter")
        left[[bit, pivot]], right[[bit, pivot]] = left[[pivot, bit]], right[[pivot, bit]]
        others = _bit(known=left, at=bit)
        others[bit] = False
        left[others] ^= left[bit]
        right[others] ^= right[bit]
    solved = np.unpackbits(right.view(np.uint8), axis=1)[:, : 8 * encodings.shape[1]].astype(np.bool_)
    return Diffusion(solved[:bits], solved[bits], not right[bits + 1 :].any())


def _bit(*, known: Words, at: int) -> NDArray[np.bool_]:
    """One bit of every row, bit 0 being 0x80 of byte 0."""
    return np.asarray(known.view(np.uint8)[:, at // 8] >> (7 - at % 8) & 1, dtype=np.bool_)
