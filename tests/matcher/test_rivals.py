"""Rows match at most once: the probabilities of pairs beside their rivals."""

import itertools
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matcher.rivals import Rivals


def by_counting(pairs: list[tuple[int, int]], odds: list[float]) -> list[float]:
    """The probability of every pair in a random matching, each weighed by the product of its pairs' odds."""
    total, of_pair = 0.0, [0.0] * len(pairs)
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(range(len(pairs)), size):
            ends = [[pairs[one][side] for one in chosen] for side in (0, 1)]
            if any(len(set(each)) < size for each in ends):
                continue
            weight = math.exp(sum(odds[one] for one in chosen))
            total += weight
            for one in chosen:
                of_pair[one] += weight
    return [one / total for one in of_pair]


def compete(pairs: list[tuple[int, int]], odds: list[float], sweeps: int = 60) -> tuple[list[float], list[float]]:
    left, right = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    beside, first, second = Rivals(left, right, (10, 10)).compete(np.array(odds), sweeps=sweeps)
    return (1 / (1 + np.exp(-beside))).tolist(), (first * second).tolist()


@given(st.data())
def test_probabilities_are_those_of_all_matchings_where_pairs_form_a_chain(data: st.DataObject) -> None:
    length = data.draw(st.integers(1, 7))
    chain = [(step // 2, (step + 1) // 2) for step in range(length)]
    odds = data.draw(st.lists(st.floats(-6, 6), min_size=length, max_size=length))
    found, _ = compete(chain, odds)
    assert np.allclose(found, by_counting(chain, odds), atol=1e-6)


def test_a_rival_whose_partner_is_known_elsewhere_is_none() -> None:
    """Row 1 of the second holder surely belongs to row 1 of the first: it takes nothing from row 0."""
    alone, _ = compete([(0, 0)], [0.0])
    beside, free = compete([(0, 0), (0, 1), (1, 1)], [0.0, 3.0, 20.0])
    assert abs(beside[0] - alone[0]) < 1e-4
    assert beside[2] > 0.999
    assert free[1] < 1e-4


@given(st.lists(st.floats(-40, 40), min_size=9, max_size=9))
def test_no_row_matches_more_than_once_in_all(odds: list[float]) -> None:
    pairs = list(itertools.product(range(3), range(3)))
    found, free = compete(pairs, odds, sweeps=200)
    assert all(0 <= one <= 1 for one in (*found, *free))
    for side, row in itertools.product((0, 1), range(3)):
        total = sum(one for one, pair in zip(found, pairs, strict=True) if pair[side] == row)
        assert total < 1 + 1e-3


def test_odds_that_moved_a_little_need_few_sweeps_more() -> None:
    rng = np.random.default_rng(1)
    left, right, odds = rng.integers(0, 30, 200), rng.integers(0, 30, 200), rng.normal(0, 2, 200)
    rivals = Rivals(left, right, (30, 30))
    rivals.compete(odds, sweeps=100)
    again, *_ = rivals.compete(odds + 0.01, sweeps=3)
    afresh, *_ = Rivals(left, right, (30, 30)).compete(odds + 0.01, sweeps=100)
    assert np.allclose(again, afresh, atol=1e-2)
