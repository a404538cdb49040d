"""Shares beside their 95 % intervals, and the bounds of a number that is expected.

1. Wilson's interval (E. B. Wilson, 1927, Probable inference) for a share of counts.
2. A number of independent trials that succeed, each with its own probability, spreads at most as wide as a binomial of
   the same mean (W. Hoeffding, 1956, On the distribution of the number of successes in independent trials), and that at
   most as wide as a Poisson distribution (T. W. Anderson and S. M. Samuels, 1967, Some inequalities among binomial and
   Poisson probabilities). So the quantiles of the latter bound it, from the mean alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log, sqrt

Z = 1.959963984540054
"""The normal deviate that 95 % of values lie within."""
MISS = 0.05
"""How often the truth may lie outside."""


@dataclass(frozen=True)
class Estimate:
    """A share between 0 and 1, and its interval."""

    value: float
    low: float
    high: float


def wilson(part: int, whole: int) -> Estimate | None:
    """The share of ``part`` in ``whole`` and its Wilson 95 % interval; ``None`` where there is nothing."""
    if whole == 0:
        return None
    value = part / whole
    spread = Z * Z / whole
    middle = value + spread / 2
    half = Z * sqrt(value * (1 - value) / whole + spread / (4 * whole))
    low, high = ((middle + sign * half) / (1 + spread) for sign in (-1, 1))
    return Estimate(value, 0.0 if part == 0 else low, 1.0 if part == whole else high)


def bounds(least: float, most: float, *, miss: float = MISS) -> tuple[int, int]:
    """Between which numbers lies, but for ``miss`` of cases, one whose mean is between ``least`` and ``most``."""
    return _quantile(least, miss / 2), _quantile(most, 1 - miss / 2)


def _quantile(mean: float, share: float) -> int:
    """The smallest number that at least this share of a Poisson distribution reaches at most."""
    if mean <= 0:
        return 0
    number = max(0, int(mean - 12 * sqrt(mean) - 12))
    whole = 0.0
    while True:
        whole += exp(number * log(mean) - mean - lgamma(number + 1))
        if whole >= share:
            return number
        number += 1
