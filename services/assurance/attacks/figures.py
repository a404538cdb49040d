"""Figures that attacks are measured by, each with its 95 % interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh

import numpy as np
from numpy.typing import NDArray

from encoder.intervals import Estimate, Z, wilson

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """One figure among those that a finding is the worst of."""

    what: str
    estimate: Estimate


def share(part: int, whole: int) -> Estimate:
    """A share with its Wilson interval; of nothing, 0 with the widest interval."""
    return wilson(part, whole) or Estimate(0.0, 0.0, 1.0)


def exactly(value: float) -> Estimate:
    """A figure that no chance is in."""
    return Estimate(value, value, value)


def worst(parts: Sequence[Measured]) -> Estimate:
    """The largest of several figures, with its own interval."""
    return max((one.estimate for one in parts), key=lambda one: one.value)


def correlation(rho: float, count: int) -> Estimate:
    """The size of a rank correlation over ``count`` rows, with its interval by Fisher's transform, wider by the factor
    of Bonett and Wright (2000, Sample size requirements for estimating correlations)."""
    if count < 4:
        return Estimate(abs(rho), 0.0, 1.0)
    at = atanh(min(abs(rho), 1 - 1e-9))
    half = Z * sqrt((1 + rho * rho / 2) / (count - 3))
    return Estimate(abs(rho), max(0.0, tanh(at - half)), tanh(at + half))


def ranks(values: NDArray[np.generic]) -> Floats:
    """Rank from 0, ties at their mean: float64, as many as values."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - counts / 2 - 0.5)[place], dtype=np.float64)


def pearson(one: Floats, other: Floats) -> float:
    """0 where one of the two does not vary."""
    one, other = one - one.mean(), other - other.mean()
    size = sqrt(float(one @ one) * float(other @ other))
    return float(one @ other) / size if size > 0 else 0.0


def auc(hits: NDArray[np.generic], others: NDArray[np.generic]) -> Estimate:
    """How often a hit is above another, ties for half (Mann, Whitney), and its interval (DeLong and others, 1988)."""
    both = ranks(np.concatenate([hits, others]))
    many, more = len(hits), len(others)
    of_hits = (both[:many] - ranks(hits)) / more
    of_others = 1 - (both[many:] - ranks(others)) / many
    value = float(of_hits.mean())
    half = Z * sqrt(float(of_hits.var(ddof=1)) / many + float(of_others.var(ddof=1)) / more)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))
