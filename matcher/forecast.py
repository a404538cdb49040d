"""How many pairs a floor will let through, foreseen from a sample before the work."""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matcher import kernel
from matcher.encodings import Encodings
from matcher.measures import Measure

SAMPLE_A, SAMPLE_B = 256, 1024
"""Rows of the first look, of which every similarity is worked out."""
LARGE_SAMPLE = 8192
"""Rows of either holder in the second look, at most, of which the pairs at or above the floor are found."""
SMALL_PART = 50
"""The second look takes at most one part of so many of the whole work."""
ENOUGH = 1000
"""So many pairs above the floor in the first look say their number to a few in a hundred."""


@dataclass(frozen=True)
class Forecast:
    """``similarities``: float32, falling, of the sampled pairs at or above ``floor``; ``compared`` were sampled.

    ``total`` comparisons will be made. The standard error of ``pairs`` is about its share 1 / sqrt(sampled pairs).
    """

    similarities: NDArray[np.float32] = field(repr=False)
    compared: int
    total: int
    floor: float

    @property
    def pairs(self) -> float:
        """How many pairs the floor will let through."""
        return len(self.similarities) / max(1, self.compared) * self.total

    def floods(self, capacity: float) -> bool:
        """Whether more than ``capacity`` pairs must be expected. A handful of sampled pairs foretells nothing."""
        return len(self.similarities) > 10 and self.pairs > capacity

    def fitting_floor(self, capacity: float) -> float:
        """The lowest floor, in hundredths and above this one, that at most about ``capacity`` pairs will reach; above
        1 where there is none."""
        place = int(capacity / max(1, self.total) * self.compared)
        fitting = float(self.similarities[place]) if place < len(self.similarities) else self.floor
        return max(math.floor(fitting * 100 + 1), math.floor(self.floor * 100 + 1)) / 100


def forecast(a: Encodings, b: Encodings, *, measure: Measure, floor: float, total: int | None = None) -> Forecast:
    """Look at a small sample, and at a larger one where the small one shows few pairs; takes below a second.

    ``total``: the comparisons that will be made, all of A's rows with all of B's unless given. Raises as
    ``kernel.prepare`` does.
    """
    total = a.rows * b.rows if total is None else total
    few_a, few_b = sample(a, SAMPLE_A), sample(b, SAMPLE_B)
    left, right = np.indices((few_a.rows, few_b.rows), np.int32).reshape(2, -1)
    scores = kernel.similarities(few_a, few_b, left, right, measure)
    found, compared = scores[scores >= np.float32(floor)], len(scores)
    most = min(LARGE_SAMPLE, math.isqrt(a.rows * b.rows // SMALL_PART))
    if len(found) < ENOUGH and compared < most * most:
        many_a, many_b = sample(a, most), sample(b, most)
        comparison = kernel.prepare(many_a, many_b, measure=measure, floor=floor)
        found, compared = kernel.compare(comparison, range(many_a.rows)).similarity, many_a.rows * many_b.rows
    # Rows that are absent are in no sample, but in the total: they pair with nobody.
    there = a.present.mean() * b.present.mean() if a.rows and b.rows else 0.0
    return Forecast(np.sort(found)[::-1], compared, int(total * there), floor)


def sample(encodings: Encodings, most: int) -> Encodings:
    """Every n-th present row, at most ``most`` of them."""
    present = np.flatnonzero(encodings.present)
    rows = present[:: max(1, -(-len(present) // most))]
    return Encodings(encodings.bits[rows], np.ones(len(rows), np.bool_))
