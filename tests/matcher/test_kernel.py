"""The kernel finds the pairs of a naive loop, at the edges too; ``test_compiled`` runs this for other processors."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher import kernel, measures
from matcher._kernel_jit import compilations
from matcher._kernel_rows import score
from matcher._kernel_scan import scan
from matcher.encodings import Encodings
from matcher.measures import Measure
from matcher.pairs import Pairs
from tests.matcher.samples import MEASURES, assert_same, encodings, naive_pairs, similarity_table

WORDS = (1, 2, 3, 5, 7, 16, 31, 32, 33)
SIZES = (1, 2, 3, 5, 7, 8, 9, 13, 16, 17, 31, 61)
FLOORS = (0.3, 0.5, 2 / 3, 0.7, 0.75, 0.8, 0.85, 0.9, 1.0)
some = settings(max_examples=60, deadline=None)
each_measure = pytest.mark.parametrize("measure", MEASURES)


def pairs_of(a: Encodings, b: Encodings, measure: Measure, floor: float, words: int | None = None) -> Pairs:
    """The kernel's pairs, in order."""
    found = kernel.compare(kernel.prepare(a, b, measure=measure, floor=floor, words=words), range(a.rows))
    order = np.lexsort((found.right, found.left))
    return Pairs(found.left[order], found.right[order], found.similarity[order])


def at_distance(row: NDArray[np.bool_], added: int, removed: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """A copy with so many bits more and so many fewer, as far as there are any."""
    copy = row.copy()
    for value, count in ((False, added), (True, removed)):
        places = rng.permutation(np.flatnonzero(row == value))[:count]
        copy[places] = not value
    return copy


@st.composite
def around_the_floor(draw: st.DrawFn, measure: Measure, floor: float) -> tuple[Encodings, Encodings]:
    """Pairs whose distance is the largest allowed, one bit nearer, or one or two bits farther."""
    length = 64 * draw(st.sampled_from(WORDS))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = draw(st.sampled_from(SIZES))
    a = rng.random((rows, length)) < draw(st.sampled_from((0.1, 0.3, 0.5)))
    limit = measures.allowed(length, floor)
    copies = []
    for row in a:
        size = int(row.sum())
        for off in (-1, 0, 1, 2):
            if measure == "hamming":
                added = max(0, min(limit[length] + off, length - size))
                removed = max(0, limit[length] + off - added)
            else:  # bits only added: d = added, S = 2 * size + added
                fitting = [d for d in range(length - size + 1) if d <= limit[2 * size + d]]
                added, removed = max(0, (fitting or [0])[-1] + off), 0
            copies.append(at_distance(row, added, removed, rng))
    b = np.array(copies)[rng.permutation(4 * rows)]
    return encodings(a), encodings(b)


@some
@given(st.data(), st.sampled_from(MEASURES), st.sampled_from(FLOORS))
def test_pairs_at_the_floor_and_beside_it(data: st.DataObject, measure: Measure, floor: float) -> None:
    a, b = data.draw(around_the_floor(measure, floor))
    assert_same(pairs_of(a, b, measure, floor), naive_pairs(a, b, measure, floor))


@each_measure
@pytest.mark.parametrize("words", [1, 3, 16, 32])
def test_ties_at_the_floor_are_found_by_every_sketch_length(measure: Measure, words: int) -> None:
    """Every other row of b has exactly the similarity 3/4, the others just less."""
    length, rng = 64 * words, np.random.default_rng(words)
    a = np.zeros((5, length), np.bool_)
    for row in a:
        row[rng.permutation(length)[: length // 2]] = True
    moved = length // 8
    b = np.array([at_distance(row, moved, moved + more, rng) for row in a for more in (0, 1)])
    sides = encodings(a), encodings(b)
    assert (similarity_table(*sides, measure) == 0.75).sum() >= 5
    expected = naive_pairs(*sides, measure, 0.75)
    for sketch in range(1, words + 1):
        assert_same(pairs_of(*sides, measure, 0.75, words=sketch), expected)


@each_measure
@pytest.mark.parametrize("words", WORDS)
def test_empty_and_full_rows(measure: Measure, words: int) -> None:
    length = 64 * words
    rows = np.zeros((9, length), np.bool_)
    rows[3:6] = True
    rows[6, 0], rows[7, -1], rows[8, : length // 2] = True, True, True
    side = encodings(rows)
    for floor in (0.01, 0.5, 1.0):
        assert_same(pairs_of(side, side, measure, floor), naive_pairs(side, side, measure, floor))


@each_measure
def test_all_sizes_around_those_of_a_tile(measure: Measure) -> None:
    rng = np.random.default_rng(5)
    a, b = (rng.random((max(SIZES), 192)) < 0.5 for _ in range(2))
    for rows_a, rows_b in product(SIZES, SIZES):
        sides = encodings(a[:rows_a]), encodings(b[:rows_b])
        assert_same(pairs_of(*sides, measure, 0.55), naive_pairs(*sides, measure, 0.55))


@each_measure
def test_no_rows(measure: Measure) -> None:
    none, two = encodings(np.zeros((0, 64), np.bool_)), encodings(np.ones((2, 64), np.bool_))
    assert [len(pairs_of(*sides, measure, 0.5)) for sides in ((none, two), (two, none), (none, none))] == [0, 0, 0]


@some
@given(st.sampled_from(MEASURES), st.sampled_from(SIZES), st.sampled_from(SIZES), st.integers(0, 2**32 - 1))
def test_an_absent_row_never_pairs_whatever_its_bits(measure: Measure, rows_a: int, rows_b: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    sides = [encodings(np.ones((rows, 128), np.bool_), rng.random(rows) < 0.5) for rows in (rows_a, rows_b)]
    a, b = sides
    found = pairs_of(a, b, measure, 0.5)
    assert_same(found, naive_pairs(a, b, measure, 0.5))
    assert len(found) == a.present.sum() * b.present.sum()


@some
@given(st.sampled_from(MEASURES), st.sampled_from(WORDS), st.integers(0, 2**32 - 1))
def test_every_sketch_length_gives_the_same_pairs(measure: Measure, words: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    bits = rng.random((23, 64 * words)) < 0.4
    sides = encodings(bits), encodings(bits[::-1] ^ (rng.random(bits.shape) < rng.random((23, 1)) / 3))
    expected = naive_pairs(*sides, measure, 0.7)
    for sketch in range(1, words + 1):
        assert_same(pairs_of(*sides, measure, 0.7, words=sketch), expected)


@each_measure
@pytest.mark.parametrize("words", [2, 31, 61, 62, 63, 64, 65, 126, 131])
def test_only_what_is_near_is_verified(measure: Measure, words: int) -> None:
    """Differences that fall in every second word, so many that a byte could not count them, and equal rows."""
    rows = np.zeros((9, 64 * words), np.bool_)
    rows[::2] = True
    one, other = encodings(rows), encodings(np.vstack([~rows[:1], rows[:1]]))
    comparison = kernel.prepare(one, other, measure=measure, floor=0.9)
    assert kernel.compare(comparison, range(9)).verified == 9


@pytest.mark.parametrize("words", [*WORDS, 62, 63, 65, 131])
def test_a_whole_sketch_tells_the_distance_to_a_bit(words: int) -> None:
    rng = np.random.default_rng(words)
    a, b = (encodings(rng.random((rows, 64 * words)) < 0.5) for rows in (61, 67))
    comparison = kernel.prepare(a, b, measure="hamming", floor=0.5)
    distance = a.length - similarity_table(a, b, "hamming") * a.length
    found = kernel.compare(comparison, range(a.rows))
    assert (distance <= a.length // 2).sum() == len(found.left) <= found.verified
    assert found.verified <= (distance <= a.length // 2 + 1).sum()


def test_a_sketch_folds_all_words_into_its_few() -> None:
    """Sparse rows are too alike in their first words, and far apart when all their words are in the sketch."""
    rng = np.random.default_rng(1)
    a, b = (encodings(rng.random((64, 1024)) < 0.1) for _ in range(2))
    found = kernel.compare(kernel.prepare(a, b, measure="dice", floor=0.8, words=4), range(64))
    assert (len(found.left), found.verified) == (0, 0)


def test_pairs_of_read_only_rows_need_no_other_code() -> None:
    kernel.warm()
    before = compilations(scan), compilations(score)
    bits = np.arange(64, dtype=np.uint64).reshape(8, 8)
    held = Encodings(bits.copy(), np.ones(8, np.bool_))
    bits.flags.writeable = False
    fixed = Encodings(bits, np.ones(8, np.bool_))
    for sides, measure in product(((fixed, held), (held, fixed), (fixed, fixed)), MEASURES):
        assert len(pairs_of(*sides, measure, 1.0)) == 8
        assert kernel.similarities(*sides, np.arange(8), np.arange(8), measure).tolist() == [1.0] * 8
    assert (compilations(scan), compilations(score)) == before
