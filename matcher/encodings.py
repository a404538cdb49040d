"""The encodings of one holder for one match-key, in the form that the kernel compares."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError

WORD_BITS = 64


@dataclass(frozen=True, repr=False)
class Encodings:
    """Encodings of equal length, one per row.

    ``bits`` is uint64 ``(rows, words)``, C-contiguous. ``present`` is bool ``(rows,)``: a row without an
    encoding for this match-key is absent, whatever its bits say, and never pairs. Raises MatcherError when
    the two do not fit together.
    """

    bits: NDArray[np.uint64]
    present: NDArray[np.bool_]

    def __post_init__(self) -> None:
        if self.bits.dtype != np.uint64 or self.bits.ndim != 2 or not self.bits.flags.c_contiguous:
            raise MatcherError(
                "The bits of encodings are not a contiguous table of 64-bit words.",
                remedy="Build encodings with Encodings.from_bytes.",
            )
        if self.present.dtype != np.bool_ or self.present.shape != self.bits.shape[:1]:
            raise MatcherError(
                "The encodings do not say for each row whether it is present.",
                remedy="Give one true or false per row.",
            )
        if self.words == 0:
            raise MatcherError("The encodings have no bits.", remedy="Give at least 64 bits per row.")
        if self.rows >= 2**31:
            raise MatcherError(
                "One holder has more rows than a 32-bit row number can count.",
                remedy="Split the holder's rows over several runs.",
            )

    @classmethod
    def from_bytes(cls, packed: NDArray[np.uint8], present: NDArray[np.bool_]) -> Self:
        """Take encodings as bytes: uint8 ``(rows, bytes)``, where ``bytes`` is a multiple of 8.

        The order of bits within an encoding does not matter to any measure, so none is prescribed. Raises
        MatcherError for a length that is not a multiple of 64 bits.
        """
        if packed.dtype != np.uint8 or packed.ndim != 2 or packed.shape[1] % 8:
            raise MatcherError(
                "The encodings are not rows of bytes whose length is a multiple of 64 bits.",
                remedy="Give one row of 8, 16, 24, ... bytes per encoding.",
            )
        contiguous = np.ascontiguousarray(packed)
        words = contiguous.view(np.uint64) if packed.size else np.empty((len(packed), packed.shape[1] // 8), np.uint64)
        return cls(words, np.ascontiguousarray(present))

    @property
    def rows(self) -> int:
        """How many rows there are, absent ones included."""
        return len(self.bits)

    @property
    def words(self) -> int:
        """How many 64-bit words an encoding has."""
        return int(self.bits.shape[1])

    @property
    def length(self) -> int:
        """How many bits an encoding has."""
        return self.words * WORD_BITS

    def __repr__(self) -> str:
        return f"Encodings(rows={self.rows}, length={self.length}, present={int(self.present.sum())})"
