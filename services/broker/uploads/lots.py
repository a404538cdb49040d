"""A random sample of rows that pass by: each as likely as any other, and nobody foresees which."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class Lots:
    """Each row that comes draws a lot of 64 random bits; the ``size`` rows with the lowest are the sample."""

    def __init__(self, size: int, random: Callable[[int], bytes]) -> None:
        self._size = size
        self._random = random
        self._came = 0
        self._lots = np.empty(0, np.uint64)
        self.rows = np.empty(0, np.int64)
        """The numbers of the rows of the sample; int64 (at most ``size``,)."""
        self.records = np.empty(0, np.void)
        """Their records, in the same order."""

    def add(self, block: NDArray[np.void], which: NDArray[np.bool_]) -> None:
        """Let the rows of a block that are ``which``, bool (rows,), draw. Holds ``size`` records, whatever comes."""
        drawing = np.flatnonzero(which)
        lots = np.frombuffer(self._random(8 * len(drawing)), np.uint64)
        if len(self._lots) == self._size:
            low = lots < self._lots.max()
            drawing, lots = drawing[low], lots[low]
        every = np.concatenate([self._lots, lots])
        rows = np.concatenate([self.rows, drawing + self._came])
        records = np.concatenate([self.records, block[drawing]]) if self._came else block[drawing]
        if len(every) > self._size:
            kept = np.argpartition(every, self._size)[: self._size]
            every, rows, records = every[kept], rows[kept], records[kept]
        self._lots, self.rows, self.records = every, rows, records
        self._came += len(block)
