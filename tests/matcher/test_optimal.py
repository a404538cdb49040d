"""Greedy links beside the optimal assignment of SciPy: where nothing competes they are the same, else each is best at
what it is for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from matcher.solve import PairSet, solve

ROWS = 7


def links(score: NDArray[np.float64]) -> list[tuple[int, int]]:
    """What the solver links of a table of scores, ``(rows, rows)``, from 0 on."""
    left, right = np.nonzero(~np.isnan(score))
    linked = solve([PairSet(0, 1, left, right, score[left, right])], 0.0).between(0, 1)
    return sorted(zip(*(rows.tolist() for rows in linked), strict=True))


def optimal(score: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The largest total of scores above 0, one to one."""
    gain = np.where(score > 0, score, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    return [(a, b) for a, b in zip(rows.tolist(), columns.tolist(), strict=True) if gain[a, b] > 0]


def total(score: NDArray[np.float64], chosen: list[tuple[int, int]]) -> float:
    return float(sum(score[one] for one in chosen))


tables = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).permutation(np.linspace(-4.95, 5.05, ROWS * ROWS)).reshape(ROWS, ROWS)
)


@settings(max_examples=100, deadline=None)
@given(tables)
def test_greedy_links_leave_no_two_rows_that_are_better_off_together(score: NDArray[np.float64]) -> None:
    chosen = links(score)
    of_left = {a: score[a, b] for a, b in chosen}
    of_right = {b: score[a, b] for a, b in chosen}
    for (a, b), value in np.ndenumerate(score):
        assert value < 0 or value <= max(of_left.get(a, -1.0), of_right.get(b, -1.0))


@settings(max_examples=100, deadline=None)
@given(tables)
def test_the_optimum_has_the_larger_total_but_never_twice_that_of_greedy_links(score: NDArray[np.float64]) -> None:
    ours, best = total(score, links(score)), total(score, optimal(score))
    assert ours <= best + 1e-9
    assert best <= 2 * ours + 1e-9


@settings(max_examples=100, deadline=None)
@given(tables, st.integers(0, 2**32 - 1))
def test_both_are_the_same_where_the_pairs_above_the_threshold_do_not_compete(
    score: NDArray[np.float64], seed: int
) -> None:
    partner = np.random.default_rng(seed).permutation(ROWS)
    alone = np.where(np.arange(ROWS)[None, :] == partner[:, None], score, np.minimum(score, -0.1))
    assert links(alone) == optimal(alone)


def test_one_strong_link_is_not_given_up_for_two_weak_ones() -> None:
    score = np.array([[10.0, 6.0], [6.0, np.nan]])
    assert links(score) == [(0, 0)]
    assert optimal(score) == [(0, 1), (1, 0)]
