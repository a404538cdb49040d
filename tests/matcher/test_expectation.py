"""What is expected of links, against the same pair by pair, and against made-up pairs whose probabilities are right."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import MatcherError
from matcher.expectation import expect

EDGES = (0.0, 2.0, 5.0)
pairs = st.lists(st.tuples(st.floats(0, 40), st.floats(0, 1)), max_size=40)


@given(pairs, st.floats(0, 60))
def test_it_is_what_adding_up_pair_by_pair_gives(some: list[tuple[float, float]], matches: float) -> None:
    weight, probability = (np.array([one[at] for one in some], dtype=np.float64) for at in (0, 1))
    found = expect(weight, probability, edges=EDGES, matches=matches)
    bands = [(0.0, 2.0), (2.0, 5.0), (5.0, np.inf)]
    assert found.links == tuple(sum(low <= one < high for one, _ in some) for low, high in bands)
    assert found.false == pytest.approx(sum(1 - one for _, one in some), abs=1e-9)
    assert found.missed == pytest.approx(max(0.0, matches - sum(one for _, one in some)), abs=1e-9)


def test_as_many_are_false_and_missed_as_expected_where_probabilities_are_right() -> None:
    rng = np.random.default_rng(3)
    weight = rng.normal(3, 4, 200_000)
    probability = 1 / (1 + np.exp2(-weight))
    same = rng.random(len(weight)) < probability
    linked = weight >= 0
    found = expect(weight[linked], probability[linked], edges=EDGES, matches=float(probability.sum()))
    assert found.false == pytest.approx((~same[linked]).sum(), rel=0.03)
    assert found.missed == pytest.approx(same[~linked].sum(), rel=0.03)


@pytest.mark.parametrize("edges", [(), (1.0, 1.0), (2.0, 1.0)])
def test_edges_that_do_not_rise_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(MatcherError, match="do not rise"):
        expect(np.empty(0), np.empty(0), edges=edges, matches=0.0)


def test_a_pair_that_is_no_link_is_refused() -> None:
    with pytest.raises(MatcherError, match="less than the threshold"):
        expect(np.array([3.0, -0.1]), np.array([0.9, 0.4]), edges=EDGES, matches=1.0)
