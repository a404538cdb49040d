"""Our software and anonlink write the same bytes for any two sets of plain CLKs, pairs and links."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher._anonlink import find_all_pairs_anonlink, find_pairs_anonlink
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.pairs import BYTES_PER_PAIR, Pairs
from services.assurance.match import HEADER, Engine, decimal, lines, links_of, pairs_of
from tests.matcher.samples import LENGTHS, assert_same, encodings, naive_pairs

SETS = 1_000
BUDGET = 1 << 24
FLOORS = (0.3, 0.4, 0.5, 2 / 3, 0.7, 0.72, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1.0)


def text(pairs: Pairs) -> bytes:
    return b"".join(lines(pairs))


def found(a: Encodings, b: Encodings, floor: float, engine: Engine) -> tuple[Pairs, bytes]:
    """The pairs, and the text of pairs and links."""
    pairs = pairs_of(a, b, floor, engine, budget=BUDGET)
    return pairs, text(pairs) + text(links_of(pairs, engine))


def random_sets(rng: np.random.Generator) -> tuple[Encodings, Encodings, float]:
    """Two small sets: of any fill, with near copies, contained CLKs, repeated, empty and full ones."""
    length = int(rng.choice(LENGTHS))
    fill = rng.choice((0.0, 0.02, 0.1, 0.3, 0.5, 0.9, 1.0, rng.random()))
    a, b = (rng.random((rng.integers(1, 25), length)) < fill for _ in range(2))
    for row in range(len(b)):
        one = a[rng.integers(len(a))]
        match rng.integers(8):
            case 0:
                b[row] = one
            case 1:
                b[row] = one ^ (rng.random(length) < 0.05)
            case 2:
                b[row] = one & (rng.random(length) < 0.7)
            case 3:
                b[row] = one | (rng.random(length) < 0.2)
            case 4:
                b[row] = rng.integers(2)
    return encodings(a), encodings(b), floor_for(a, b, rng)


def floor_for(a: NDArray[np.bool_], b: NDArray[np.bool_], rng: np.random.Generator) -> float:
    """A usual floor, one that a pair of the sets lies on exactly, its neighbours among doubles, or any."""
    one, other = a[rng.integers(len(a))], b[rng.integers(len(b))]
    exact = 2 * int((one & other).sum()) / max(1, int(one.sum() + other.sum()))
    chosen = (
        exact,
        np.nextafter(exact, 1),
        np.nextafter(exact, 0),
        rng.choice(FLOORS),
        rng.choice(FLOORS),
        rng.random(),
    )
    floor = float(rng.choice(chosen))
    return floor if 0 < floor <= 1 else 0.75


def test_a_thousand_random_sets_give_the_same_bytes() -> None:
    rng = np.random.default_rng(24)
    seen: Counter[str] = Counter()
    for number in range(SETS):
        a, b, floor = random_sets(rng)
        pairs, ours = found(a, b, floor, Engine.COUNTERFOIL)
        assert found(a, b, floor, Engine.ANONLINK)[1] == ours, (number, floor)
        seen["pairs"] += len(pairs) > 0
        seen["none"] += len(pairs) == 0
        seen["on the floor"] += bool((pairs.similarity == np.float32(floor)).any())
        seen["lost by anonlink's first search"] += len(find_pairs_anonlink(a, b, floor)) < len(pairs)
        seen["tied"] += len(np.unique(pairs.similarity)) < len(pairs)
    assert all(seen[kind] > SETS // 10 for kind in ("pairs", "none", "on the floor", "tied")), seen
    assert seen["lost by anonlink's first search"] > 10, seen


@pytest.mark.parametrize("floor", [floor for floor in FLOORS if floor >= 0.7] + [74 / 92])
def test_no_size_is_lost_on_the_floor(floor: float) -> None:
    """CLKs of every number of bits, each within the next: all that a search can lose for its rounding."""
    nested = encodings(np.tri(321, 320, -1, dtype=np.bool_))
    pairs = find_all_pairs_anonlink(nested, nested, floor)
    assert_same(pairs, naive_pairs(nested, nested, "dice", floor))
    lost = len(pairs) - len(find_pairs_anonlink(nested, nested, floor))
    assert (lost > 0) == (floor in (0.72, 0.75, 0.95, 74 / 92))


@given(st.integers(0, 2**32 - 1), st.integers(1, 1 << 16))
@settings(max_examples=100, deadline=None)
def test_blocks_of_any_size_give_the_same(seed: int, budget: int) -> None:
    rng = np.random.default_rng(seed)
    a, b, floor = random_sets(rng)
    whole = find_all_pairs_anonlink(a, b, floor)
    heard: list[int] = []
    try:
        parts = find_all_pairs_anonlink(a, b, floor, budget=budget, progress=lambda done, _: heard.append(done))
    except FloodError:
        assert len(whole) > budget // BYTES_PER_PAIR
    else:
        assert len(whole) <= budget // BYTES_PER_PAIR
        assert_same(parts, whole)
        assert heard == sorted(set(heard))
        assert heard[-1] == a.rows * b.rows
        assert max(np.diff([0, *heard])) <= max(1, budget // 256)  # so many pairs fit, if all are found


def test_absent_rows_and_holders_without_rows() -> None:
    rng = np.random.default_rng(3)
    bits = rng.random((9, 128)) < 0.5
    some, none = encodings(bits, np.arange(9) % 2 == 0), encodings(bits[:0])
    for sides in ((some, some), (some, none), (none, some), (none, none)):
        assert_same(find_all_pairs_anonlink(*sides, 0.5), find_pairs(*sides, measure="dice", floor=0.5))
    assert text(links_of(find_all_pairs_anonlink(none, none, 0.5), Engine.ANONLINK)) == HEADER


def test_lengths_that_differ_and_floors_that_are_none_are_refused_by_both() -> None:
    sides = encodings(np.ones((1, 64), np.bool_)), encodings(np.ones((1, 128), np.bool_))
    for engine in Engine:
        with pytest.raises(MatcherError, match=r"64 bits cannot be compared with .* of 128 bits"):
            pairs_of(*sides, 0.5, engine, budget=BUDGET)
        for floor in (0.0, 1.1, float("nan")):
            with pytest.raises(MatcherError, match="is not a similarity above 0 and up to 1"):
                pairs_of(sides[0], sides[0], floor, engine, budget=BUDGET)


@given(st.integers(1, 1 << 17), st.integers(1, 1 << 17))
def test_a_similarity_is_written_shortest_and_reads_back(common: int, more: int) -> None:
    value = np.float32(common / (common + more))
    written = decimal(value)
    assert np.float32(written) == value
    digits = written.removeprefix("0.")
    assert digits.isdigit()
    for fewer in (int(digits[:-1] or 0), int(digits[:-1] or 0) + 1):  # the neighbours that are shorter by a digit
        assert len(digits) == 1 or np.float32(Fraction(fewer, 10 ** (len(digits) - 1))) != value


def test_a_long_list_is_written_whole() -> None:
    count = (1 << 16) + 3
    rows = np.arange(count, dtype=np.int32)
    many = Pairs(rows, rows[::-1].copy(), (rows / np.float32(count)).astype(np.float32))
    read = np.loadtxt(text(many).decode().splitlines(), delimiter=",", skiprows=1)
    np.testing.assert_array_equal(read[:, 0], many.left)
    np.testing.assert_array_equal(read[:, 1], many.right)
    np.testing.assert_array_equal(read[:, 2].astype(np.float32), many.similarity)
