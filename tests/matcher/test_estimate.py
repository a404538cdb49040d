"""Chance pairs, against counting and against what the kernel finds."""

from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.candidates import find_pairs
from matcher.errors import MatcherError
from matcher.estimate import noise_floor, noise_pairs
from tests.matcher.samples import encodings


@settings(deadline=None)
@given(st.integers(1, 80), st.floats(0, 1))
def test_the_tail_is_the_binomials(length: int, floor: float) -> None:
    tail = sum(comb(length, agreeing) for agreeing in range(length + 1) if agreeing / length >= floor)
    assert noise_pairs(3, 7, length, floor) == pytest.approx(21 * tail / 2**length, rel=1e-12)


@settings(deadline=None)
@given(st.integers(1, 10**6), st.integers(1, 10**7), st.sampled_from((512, 1024, 2048)), st.floats(1e-6, 1e6))
def test_the_floor_is_the_lowest_that_chance_respects(rows_a: int, rows_b: int, length: int, expected: float) -> None:
    floor = noise_floor(rows_a, rows_b, length, expected)
    assert noise_pairs(rows_a, rows_b, length, floor) <= expected
    if floor > 0:
        assert noise_pairs(rows_a, rows_b, length, floor - 1 / length) > expected


def test_a_tail_too_small_for_a_double_is_no_error() -> None:
    assert 0 <= noise_pairs(10**6, 10**6, 2048, 1.0) < 1e-300


def test_encodings_too_short_for_so_many_rows_are_refused() -> None:
    with pytest.raises(MatcherError, match="16 bits"):
        noise_floor(10**6, 10**6, 16, 1)


def test_the_kernel_finds_as_many_chance_pairs_as_foretold() -> None:
    rng = np.random.default_rng(3)
    a, b = (encodings(rng.random((2000, 512)) < 0.5) for _ in range(2))
    for floor in (0.55, 0.575, 0.5801):
        expected = noise_pairs(2000, 2000, 512, floor)
        found = len(find_pairs(a, b, measure="hamming", floor=floor))
        assert abs(found - expected) < 6 * expected**0.5
