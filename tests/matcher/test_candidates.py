"""Every pair at or above the floor, no other, whatever the way of getting there."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher import kernel
from matcher.candidates import chunks, find_pairs, join, similarities
from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.measures import Measure
from matcher.pairs import BYTES_PER_PAIR, Pairs
from tests.matcher.samples import MEASURES, assert_same, encodings, holders, naive_pairs, similarity_table

FLOORS = st.one_of(st.sampled_from((0.5, 0.6, 2 / 3, 0.75, 0.8, 0.9, 1.0)), st.floats(0.4, 1.0))
measures = st.sampled_from(MEASURES)


@settings(max_examples=150, deadline=None)
@given(holders(), measures, FLOORS, st.integers(1, 3))
def test_the_pairs_are_those_of_the_definition(
    sides: tuple[Encodings, Encodings], measure: Measure, floor: float, threads: int
) -> None:
    found = find_pairs(*sides, measure=measure, floor=floor, threads=threads)
    assert_same(found, naive_pairs(*sides, measure, floor))


@settings(max_examples=80, deadline=None)
@given(holders(), measures, st.data())
def test_a_pair_on_the_floor_is_found(
    sides: tuple[Encodings, Encodings], measure: Measure, data: st.DataObject
) -> None:
    """The floor is a similarity that some pair has exactly."""
    table = similarity_table(*sides, measure)
    candidates = np.unique(table[table > 0])
    floor = float(data.draw(st.sampled_from(candidates.tolist()))) if len(candidates) else 0.5
    assert_same(find_pairs(*sides, measure=measure, floor=floor), naive_pairs(*sides, measure, floor))


@settings(max_examples=80, deadline=None)
@given(holders(), measures, FLOORS, st.data())
def test_neither_sketch_length_nor_buffers_change_the_pairs(
    sides: tuple[Encodings, Encodings], measure: Measure, floor: float, data: st.DataObject
) -> None:
    a, b = sides
    words = data.draw(st.integers(1, a.words))
    rows_at_once, panel_bytes, buffer = data.draw(
        st.tuples(st.integers(1, 20), st.integers(1, 20_000), st.integers(1, 99))
    )
    comparison = kernel.prepare(a, b, measure=measure, floor=floor, words=words)
    found = kernel.compare(comparison, range(a.rows), buffer=buffer, rows_at_once=rows_at_once, panel_bytes=panel_bytes)
    order = np.lexsort((found.right, found.left))
    assert_same(
        Pairs(found.left[order], found.right[order], found.similarity[order]), naive_pairs(a, b, measure, floor)
    )


@settings(max_examples=60, deadline=None)
@given(holders(), measures, FLOORS, st.integers(1, 2000))
def test_chunks_joined_are_the_whole(
    sides: tuple[Encodings, Encodings], measure: Measure, floor: float, pairs: int
) -> None:
    a, b = sides
    parts = chunks(a.rows, b.rows, pairs)
    assert [row for part in parts for row in part] == list(range(a.rows))
    assert all(len(part) * b.rows <= max(pairs, b.rows) for part in parts)
    found = join([find_pairs(a, b, measure=measure, floor=floor, rows=part) for part in parts])
    assert_same(found, naive_pairs(a, b, measure, floor))


@settings(max_examples=60, deadline=None)
@given(holders(), measures, st.data())
def test_given_pairs_are_scored_alike(
    sides: tuple[Encodings, Encodings], measure: Measure, data: st.DataObject
) -> None:
    a, b = sides
    count = data.draw(st.integers(0, 50)) if a.rows and b.rows else 0
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    left, right = rng.integers(0, max(1, a.rows), count), rng.integers(0, max(1, b.rows), count)
    table = np.where(a.present[:, None] & b.present[None, :], similarity_table(a, b, measure), np.nan)
    np.testing.assert_array_equal(similarities(a, b, left, right, measure), table[left, right].astype(np.float32))


def test_pairs_of_many_rows_fill_the_buffers_and_resume() -> None:
    rng = np.random.default_rng(1)
    a, b = (encodings(rng.random((rows, 64)) < 0.5) for rows in (kernel.ROWS_AT_ONCE + 77, 9_001))
    found = find_pairs(a, b, measure="hamming", floor=44 / 64, threads=2)
    expected = 0
    for start in range(0, a.rows, 1000):
        part = np.bitwise_count(a.bits[start : start + 1000] ^ b.bits.T)
        left, right = np.nonzero(part <= 20)
        inside = (found.left >= start) & (found.left < start + 1000)
        np.testing.assert_array_equal(found.left[inside] - start, left)
        np.testing.assert_array_equal(found.right[inside], right)
        expected += len(left)
    assert len(found) == expected > 1 << 16


def test_progress_counts_up_to_all_comparisons() -> None:
    rng = np.random.default_rng(1)
    a = encodings(rng.random((3 * kernel.ROWS_AT_ONCE, 64)) < 0.5)
    b = encodings(rng.random((50, 64)) < 0.5)
    heard: list[tuple[int, int]] = []
    find_pairs(a, b, measure="hamming", floor=1.0, progress=lambda done, total: heard.append((done, total)))
    assert heard == sorted(heard)
    assert len(heard) > 1
    assert heard[-1] == (a.rows * b.rows, a.rows * b.rows)


@pytest.mark.parametrize("measure", MEASURES)
def test_a_floor_that_would_flood_is_refused_with_one_that_fits(measure: Measure) -> None:
    rng = np.random.default_rng(1)
    a, b = (encodings(rng.random((1500, 512)) < 0.5) for _ in range(2))
    budget = 20_000 * BYTES_PER_PAIR
    with pytest.raises(FloodError) as caught:
        find_pairs(a, b, measure=measure, floor=0.4, budget=budget)
    advised = re.search(r"floor of (0\.\d+), or", caught.value.remedy)
    assert advised is not None
    assert 0 < len(find_pairs(a, b, measure=measure, floor=float(advised[1]), budget=budget)) <= 20_000


def test_a_flood_that_no_sample_foretells_stops_the_work() -> None:
    """All similar rows sit where the sample does not look."""
    rng = np.random.default_rng(1)
    bits = rng.random((1000, 256)) < 0.5
    bits[1::2][:300] = True
    side = encodings(bits)
    with pytest.raises(FloodError, match="memory budget"):
        find_pairs(side, side, measure="hamming", floor=0.9, budget=1000 * BYTES_PER_PAIR)
    assert len(find_pairs(side, side, measure="hamming", floor=0.9, budget=100_000 * BYTES_PER_PAIR)) == 90_700


@pytest.mark.parametrize("floor", [0.0, -0.1, 1.01, float("nan")])
def test_a_floor_that_is_no_similarity_is_refused(floor: float) -> None:
    side = encodings(np.ones((2, 64), np.bool_))
    with pytest.raises(MatcherError, match="floor"):
        find_pairs(side, side, measure="dice", floor=floor)


@pytest.mark.parametrize("rows", [range(3), range(-1, 1), range(0, 2, 2), range(2, 1)])
def test_a_range_beyond_the_rows_is_refused(rows: range) -> None:
    side = encodings(np.ones((2, 64), np.bool_))
    with pytest.raises(MatcherError, match="range"):
        find_pairs(side, side, measure="dice", floor=0.5, rows=rows)


def test_different_lengths_are_refused() -> None:
    short, long = encodings(np.ones((2, 64), np.bool_)), encodings(np.ones((2, 128), np.bool_))
    with pytest.raises(MatcherError, match="64 bits"):
        find_pairs(short, long, measure="dice", floor=0.5)
    with pytest.raises(MatcherError, match="64 bits"):
        similarities(short, long, np.array([0]), np.array([0]), "dice")


def test_a_row_that_is_not_there_is_not_scored() -> None:
    side = encodings(np.ones((2, 64), np.bool_))
    with pytest.raises(IndexError):
        similarities(side, side, np.array([0]), np.array([2]), "dice")
