"""Pairs a piece at a time: the same pairs, whatever memory there is, and an end when it is asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernel
from matcher.candidates import find_pairs, join, stream_pairs
from matcher.encodings import Encodings
from matcher.forecast import forecast
from matcher.measures import Measure
from matcher.pairs import BYTES_PER_PAIR
from tests.matcher.samples import MEASURES, assert_same, encodings, holders, naive_pairs


@settings(max_examples=80, deadline=None)
@given(holders(), st.sampled_from(MEASURES), st.floats(0.3, 1.0), st.integers(0, 400), st.integers(1, 3))
def test_pieces_joined_are_the_whole_whatever_the_budget(
    sides: tuple[Encodings, Encodings], measure: Measure, floor: float, pairs: int, threads: int
) -> None:
    budget = pairs * BYTES_PER_PAIR
    pieces = list(stream_pairs(*sides, measure=measure, floor=floor, budget=budget, threads=threads))
    assert_same(join(pieces), naive_pairs(*sides, measure, floor))
    share = pairs // (2 * threads + 1)
    assert all(len(piece) <= max(share, len(set(piece.left)) * sides[1].rows) for piece in pieces)


def test_a_floor_that_lets_everything_through_never_holds_more_than_the_budget() -> None:
    rng = np.random.default_rng(3)
    a, b = (encodings(rng.random((rows, 64)) < 0.5) for rows in (900, 700))
    budget = 20_000 * BYTES_PER_PAIR
    pieces = list(stream_pairs(a, b, measure="hamming", floor=0.01, budget=budget, threads=2))
    assert sum(map(len, pieces)) == a.rows * b.rows
    assert max(map(len, pieces)) <= 20_000
    assert len(pieces) > 30


@pytest.mark.parametrize("threads", [1, 2])
def test_halting_ends_the_work_at_once(threads: int) -> None:
    rng = np.random.default_rng(4)
    a, b = (encodings(rng.random((rows, 2048)) < 0.5) for rows in (4 * kernel.ROWS_AT_ONCE, 20_000))
    asked = 0

    class Halted(Exception):
        """The work is to end."""

    def halt() -> None:
        nonlocal asked
        asked += 1
        if asked > 5:
            raise Halted

    with pytest.raises(Halted):
        list(stream_pairs(a, b, measure="hamming", floor=0.9, budget=1 << 30, threads=threads, halt=halt))
    assert asked <= 5 + 4 * threads  # of some forty panels


@pytest.mark.parametrize("measure", MEASURES)
def test_a_forecast_is_near_what_comes(measure: Measure) -> None:
    rng = np.random.default_rng(5)
    a, b = (encodings(rng.random((rows, 512)) < 0.5, rng.random(rows) < 0.8) for rows in (20_000, 9_000))
    floor = 0.56 if measure == "hamming" else 0.555
    found = len(find_pairs(a, b, measure=measure, floor=floor))
    foreseen = forecast(a, b, measure=measure, floor=floor)
    assert found > 10_000
    assert abs(foreseen.pairs - found) < 0.1 * found
    assert foreseen.floods(0.8 * found)
    assert not foreseen.floods(1.2 * found)
    fitting = foreseen.fitting_floor(found / 10)
    assert len(find_pairs(a, b, measure=measure, floor=fitting)) <= found / 10


def test_a_forecast_of_few_rows_is_exact() -> None:
    rng = np.random.default_rng(6)
    a, b = (encodings(rng.random((rows, 64)) < 0.5) for rows in (200, 900))
    for floor in (0.5, 0.7, 0.99):
        assert forecast(a, b, measure="hamming", floor=floor).pairs == pytest.approx(
            len(naive_pairs(a, b, "hamming", floor))
        )


def test_a_forecast_for_nobody_is_of_nothing() -> None:
    nobody = Encodings(np.zeros((3, 1), np.uint64), np.zeros(3, np.bool_))
    assert forecast(nobody, nobody, measure="dice", floor=0.5).pairs == 0
    assert forecast(nobody, nobody, measure="dice", floor=0.5).fitting_floor(10) == 0.51
