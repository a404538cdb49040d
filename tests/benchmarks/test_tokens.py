"""What tokens show at most: classes of rows that nobody can tell apart."""

import json
import sys
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import tokens
from benchmarks.tokens import classes, tuples

ROWS = 5
groups = st.lists(st.integers(0, ROWS - 1), min_size=ROWS, max_size=ROWS).map(lambda found: np.array(found, np.int64))


def test_rows_that_share_nothing_are_one_class() -> None:
    assert classes([np.arange(6), np.arange(6)]).tolist() == [0] * 6


def test_pairs_by_one_tuple_are_told_from_pairs_by_another_and_from_a_chain() -> None:
    first = np.array([0, 0, 1, 2, 3, 4, 4, 5, 6])
    second = np.array([0, 1, 2, 2, 3, 4, 5, 5, 6])
    found = classes([first, second])
    pair, other, alone, chain = found[[0, 1]], found[[2, 3]], found[[4, 8]], found[[5, 6, 7]]
    assert len({*pair}) == len({*other}) == len({*alone}) == 1
    assert len({*chain}) == 3
    assert len({*found}) == 6


@given(groups, groups)
def test_rows_that_a_renaming_of_rows_swaps_are_of_one_class(first: np.ndarray, second: np.ndarray) -> None:
    found = classes([first, second])
    for order in map(list, permutations(range(ROWS))):
        if all(_same(one[order], one) for one in (first, second)):
            assert np.array_equal(found[order], found)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return bool(((one[:, None] == one[None, :]) == (other[:, None] == other[None, :])).all())


def test_the_command_tells_a_share_for_each_tuple_that_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tokens", "--rows", "300", "1000", "--json"])
    assert tokens.main() == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found) == {"all", *(f"without {name}" for name in tuples())}
    for one in found.values():
        assert all(1 / int(rows.replace(",", "")) <= share <= found["all"][rows] for rows, share in one.items())
