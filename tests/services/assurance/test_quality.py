"""The figures of a linkage against the same ones counted pair by pair, and small groups kept from subtraction."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoder.intervals import Estimate, wilson
from encoder.traits import Trait
from services.assurance.quality import Holding, f1, measure, untold

ROWS = (9, 7)
LABELS = ("red", "green", "blue", "grey")
Pairs = set[tuple[int, int]]
pairs = st.sets(st.tuples(st.integers(0, ROWS[0] - 1), st.integers(0, ROWS[1] - 1)), max_size=25)
codes = [st.lists(st.integers(0, len(LABELS) - 1), min_size=rows, max_size=rows) for rows in ROWS]


def places(some: Pairs) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.array(sorted(some), dtype=np.int64).reshape(-1, 2)


def holding(name: str, of_rows: list[int]) -> Holding:
    return Holding(name, len(of_rows), (Trait("colour", LABELS, np.array(of_rows, dtype=np.int64)),))


@given(pairs, pairs, *codes)
def test_every_figure_is_what_counting_pair_by_pair_gives(
    links: Pairs, truth: Pairs, first: list[int], second: list[int]
) -> None:
    found = measure([holding("a", first), holding("b", second)], places(links), places(truth), below=0)
    right = {pair for pair in links if pair in truth}
    assert (found.links, found.true_links, found.right) == (len(links), len(truth), len(right))
    assert (found.missed, found.false) == (len(truth - links), len(links - truth))
    assert found.precision == wilson(len(right), len(links))
    assert found.recall == wilson(len(right), len(truth))
    if links or truth:
        assert found.f1 is not None
        assert found.f1.value == pytest.approx(2 * len(right) / (len(links) + len(truth)))
    for at, (side, of_rows) in enumerate(zip(found.holders, (first, second), strict=True)):
        linked = {pair[at] for pair in links}
        assert (side.rows, side.linked) == (len(of_rows), len(linked))
        groups = {group.label: group for group in side.breakdowns[0].groups}
        assert list(groups) == [label for code, label in enumerate(LABELS) if code in of_rows]
        for label, group in groups.items():
            mine = {row for row, code in enumerate(of_rows) if LABELS[code] == label}
            true, met = ({pair for pair in some if pair[at] in mine} for some in (truth, links))
            assert (group.rows, group.linked) == (len(mine), len(linked & mine))
            assert (group.true_links, group.missed) == (len(true), len(true - links))
            assert (group.links, group.false) == (len(met), len(met - truth))
            assert group.recall == wilson(len(true & links), len(true))
            assert group.precision == wilson(len(met & truth), len(met))
            assert group.match_rate == wilson(len(linked & mine), len(mine))
            assert group.of_linked == (len(linked & mine) / len(linked) if linked else None)
            unlinked = set(range(len(of_rows))) - linked
            assert group.of_unlinked == (len(unlinked & mine) / len(unlinked) if unlinked else None)


@given(pairs, pairs, *codes, st.integers(1, 6))
def test_no_small_group_follows_from_the_others(
    links: Pairs, truth: Pairs, first: list[int], second: list[int], below: int
) -> None:
    found = measure([holding("a", first), holding("b", second)], places(links), places(truth), below=below)
    for at, (side, of_rows) in enumerate(zip(found.holders, (first, second), strict=True)):
        groups = side.breakdowns[0].groups
        assert all(group.rows >= below and group.true_links >= below for group in groups)
        if groups:
            assert sum(group.rows for group in groups) == len(of_rows)
            assert sum(group.true_links for group in groups) == len(truth)
        for group in groups:
            if " or " not in group.label:
                assert group.true_links == sum(LABELS[of_rows[pair[at]]] == group.label for pair in truth)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=6), st.integers(1, 12))
def test_what_is_untold_is_two_groups_and_large_together_or_all(sizes: list[tuple[int, int]], below: int) -> None:
    hidden = untold(sizes, below)
    assert hidden >= {place for place, size in enumerate(sizes) if min(size) < below}
    if hidden and len(hidden) < len(sizes):
        assert len(hidden) > 1
        assert all(sum(sizes[place][what] for place in hidden) >= below for what in range(2))


def test_one_small_group_takes_the_next_smallest_with_it() -> None:
    assert untold([(100,), (3,), (20,), (9,)], 8) == {1, 3}
    assert untold([(100,), (3,), (2,), (9,)], 8) == {1, 2, 3}
    assert untold([(100,), (5,), (4,), (9,)], 8) == {1, 2}
    assert untold([(100,), (3,)], 8) == {0, 1}
    assert untold([(100,), (8,)], 8) == set()


@given(st.integers(0, 60), st.integers(1, 60))
def test_the_interval_ends_where_the_score_test_does(part: int, more: int) -> None:
    """Wilson's interval holds exactly the rates that the observed one is at most 1.96 standard errors away from."""
    whole = part + more
    found = wilson(part, whole)
    assert found is not None
    assert found.value == Fraction(part, whole).__float__()
    assert 0 <= found.low <= found.value <= found.high <= 1
    for end in (found.low, found.high):
        if 0 < end < 1:
            assert abs(found.value - end) == pytest.approx(1.959964 * sqrt(end * (1 - end) / whole), rel=1e-5)


def test_figures_by_hand() -> None:
    """The first is the example of R. G. Newcombe, 1998: 81 of 263."""
    found = wilson(81, 263)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 0) is None
    half = f1(right=1, wrong=2)
    assert half is not None
    assert half.value == pytest.approx(0.5)
    assert f1(right=0, wrong=0) is None
    whole = wilson(10, 10)
    assert whole is not None
    assert (whole.value, whole.high) == (1.0, 1.0)


@given(st.integers(0, 40), st.integers(0, 40))
def test_f1_lies_within_its_interval(right: int, wrong: int) -> None:
    found = f1(right=right, wrong=wrong)
    if right + wrong:
        assert isinstance(found, Estimate)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.value == pytest.approx(2 * right / (2 * right + wrong))


def test_the_pairs_of_a_row_with_several_links_are_all_counted() -> None:
    links, truth = set(product([0], range(3))), {(0, 0), (0, 1)}
    found = measure([holding("a", [0] * 9), holding("b", [1] * 7)], places(links), places(truth), below=1)
    assert (found.links, found.false, found.holders[0].linked, found.holders[1].linked) == (3, 1, 1, 3)
