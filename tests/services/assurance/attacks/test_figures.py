"""Figures and their intervals, against another implementation and against what they count."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from services.assurance.attacks.figures import Measured, auc, correlation, pearson, ranks, share, worst

FEW = st.lists(st.integers(0, 4), min_size=2, max_size=30)


@given(FEW)
def test_ranks_are_those_of_scipy_counted_from_zero(values: list[int]) -> None:
    assert ranks(np.array(values)).tolist() == (stats.rankdata(values) - 1).tolist()


@given(FEW, FEW)
def test_an_auc_counts_pairs_and_ties_for_half(hits: list[int], others: list[int]) -> None:
    counted = sum((hit > other) + (hit == other) / 2 for hit in hits for other in others) / (len(hits) * len(others))
    found = auc(np.array(hits), np.array(others))
    assert found.value == pytest.approx(counted)
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_the_interval_of_an_auc_holds_one_half_for_nineteen_of_twenty() -> None:
    rng = np.random.default_rng(3)
    found = [auc(rng.normal(size=200), rng.normal(size=300)) for _ in range(400)]
    assert 0.92 < np.mean([one.low <= 0.5 <= one.high for one in found]) < 0.98


def test_the_interval_of_a_correlation_holds_the_true_one_for_nineteen_of_twenty() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for _ in range(400):
        one = rng.normal(size=300)
        other = 0.5 * one + np.sqrt(0.75) * rng.normal(size=300)
        found = correlation(pearson(ranks(one), ranks(other)), 300)
        hits += found.low <= 6 / np.pi * np.arcsin(0.25) <= found.high
    assert 0.92 < hits / 400 < 0.98


def test_a_correlation_is_told_by_its_size_and_what_does_not_vary_has_none() -> None:
    rising = np.arange(50.0)
    assert correlation(pearson(rising, -rising), 50).value == pytest.approx(1)
    assert pearson(rising, np.ones(50)) == 0
    assert correlation(0.9, 3) == correlation(-0.9, 3)
    assert (correlation(0.9, 3).low, correlation(0.9, 3).high) == (0, 1)


def test_the_worst_is_the_largest_with_its_own_interval() -> None:
    small, large = Measured("small", share(1, 10)), Measured("large", share(5, 1000))
    assert worst([large, small]) == small.estimate
    assert (share(0, 0).low, share(0, 0).high) == (0, 1)
