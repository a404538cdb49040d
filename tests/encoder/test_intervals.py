"""Bounds of an expected number against the whole distribution, and against sums of unequal probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from encoder.intervals import bounds


@given(st.floats(0.01, 3000), st.sampled_from([0.05, 0.025, 0.2]))
def test_bounds_are_the_quantiles_of_a_poisson_distribution(mean: float, miss: float) -> None:
    low, high = bounds(mean, mean, miss=miss)
    assert poisson.cdf(low - 1, mean) <= miss / 2 + 1e-9
    assert poisson.sf(high, mean) <= miss / 2 + 1e-9
    assert poisson.cdf(low, mean) >= miss / 2 - 1e-9
    assert high == 0 or poisson.sf(high - 1, mean) >= miss / 2 - 1e-9


def test_a_very_large_number_has_bounds_too() -> None:
    assert bounds(1e6, 1e6) == tuple(poisson.ppf([0.025, 0.975], 1e6))


def test_nothing_expected_is_nothing_found() -> None:
    assert bounds(0.0, 0.0) == (0, 0)


@pytest.mark.parametrize("shape", [(0.2, 2.0), (1.0, 1.0), (5.0, 1.0), (0.1, 0.1)])
def test_the_number_of_unequal_trials_that_succeed_lies_within(shape: tuple[float, float]) -> None:
    """Also where probabilities are large, and the number spreads much less than a Poisson distribution says."""
    rng = np.random.default_rng(5)
    chances = rng.beta(*shape, size=400)
    low, high = bounds(chances.sum(), chances.sum())
    found = (rng.random((4000, 400)) < chances).sum(axis=1)
    assert np.mean((low <= found) & (found <= high)) >= 0.95
