"""The same pairs and the same links as anonlink, for plain CLKs compared by Dice."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher._anonlink import cross_check, find_pairs_anonlink, solve_anonlink
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from matcher.pairs import Pairs
from matcher.solve import PairSet, solve
from tests.matcher.samples import assert_same, encodings, holders


@settings(max_examples=150, deadline=None)
@given(holders(), st.one_of(st.sampled_from((0.5, 0.7, 0.75, 0.8, 0.9, 1.0)), st.floats(0.3, 1.0)))
def test_the_pairs_are_anonlinks(sides: tuple[Encodings, Encodings], floor: float) -> None:
    found = find_pairs(*sides, measure="dice", floor=floor)
    difference = cross_check(found, *sides, floor)
    assert difference.unexplained == 0
    if difference.lost_on_floor == 0:
        assert_same(found, find_pairs_anonlink(*sides, floor))


def test_random_clks_give_the_very_same_pairs() -> None:
    rng = np.random.default_rng(5)
    for fill in (0.2, 0.3, 0.4):
        a = rng.random((700, 1024)) < fill
        b = np.concatenate([a[:350] ^ (rng.random((350, 1024)) < 0.06), rng.random((400, 1024)) < fill])
        sides = encodings(a), encodings(b)
        found = find_pairs(*sides, measure="dice", floor=0.75)
        assert len(found) > 100
        assert_same(found, find_pairs_anonlink(*sides, 0.75))


def test_a_pair_that_anonlink_loses_on_its_floor_is_known_for_it() -> None:
    """3 bits within 5: Dice is 2 * 3 / 8 = 0.75, but anonlink's bound on the sizes comes out one too small."""
    bits = np.zeros((2, 64), np.bool_)
    bits[0, :3] = bits[1, :5] = True
    a, b = encodings(bits[:1]), encodings(bits[1:])
    found = find_pairs(a, b, measure="dice", floor=0.75)
    assert len(found) == 1
    difference = cross_check(found, a, b, 0.75)
    assert (len(difference.ours), len(difference.anonlinks)) == (1, 0)
    assert (difference.lost_on_floor, difference.unexplained) == (1, 0)


def test_a_real_difference_is_told() -> None:
    rng = np.random.default_rng(5)
    bits = rng.random((40, 128)) < 0.4
    side = encodings(bits)
    found = find_pairs(side, side, measure="dice", floor=0.9)
    fewer = Pairs(found.left[1:], found.right[1:], found.similarity[1:])
    assert cross_check(fewer, side, side, 0.9).unexplained == 1
    wrong = Pairs(found.left, found.right, found.similarity - np.float32(0.2))
    assert cross_check(wrong, side, side, 0.9).unexplained >= len(found)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 300), st.sampled_from((2, 5, 1000)))
def test_two_holders_are_linked_as_anonlink_links_them(seed: int, pairs: int, levels: int) -> None:
    """With ``levels`` different scores, so that few levels mean many ties."""
    rng = np.random.default_rng(seed)
    chosen = np.unique(rng.integers(0, 40, (pairs, 2)), axis=0)
    left, right = chosen[:, 0], chosen[:, 1]
    score = rng.integers(0, levels, len(chosen)) / levels
    scored = PairSet(0, 1, left, right, score)
    ours, theirs = solve([scored], 0.2).between(0, 1), solve_anonlink(scored, 0.2)
    assert sorted(zip(*(rows.tolist() for rows in ours), strict=True)) == list(
        zip(*(rows.tolist() for rows in theirs), strict=True)
    )


def test_importing_anonlink_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    find_pairs_anonlink(encodings(np.ones((1, 64), np.bool_)), encodings(np.ones((1, 64), np.bool_)), 0.5)
    assert not recwarn.list
