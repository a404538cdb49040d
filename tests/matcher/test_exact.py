"""Equal tokens: their pairs, their codes, and those that say too little."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.exact import find_exact, token_codes


def tokens(values: list[tuple[int, int]], absent: frozenset[int] = frozenset()) -> Encodings:
    table = np.array(values, np.uint64).reshape(-1, 2)
    return Encodings(table, np.array([row not in absent for row in range(len(table))], np.bool_))


values = st.lists(st.tuples(st.integers(0, 2), st.sampled_from((0, 1, 2**63, 2**64 - 1))), max_size=30)


@settings(max_examples=200, deadline=None)
@given(values, values, st.frozensets(st.integers(0, 29)), st.integers(1, 20))
def test_all_equal_tokens_pair_unless_too_many_share_one(
    left: list[tuple[int, int]], right: list[tuple[int, int]], absent: frozenset[int], most: int
) -> None:
    found = find_exact(tokens(left, absent), tokens(right), most=most)
    by_token: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for i, one in enumerate(left):
        for j, other in enumerate(right):
            if one == other and i not in absent:
                by_token.setdefault(one, []).append((i, j))
    listed = sorted(pair for pairs in by_token.values() if len(pairs) <= most for pair in pairs)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == listed
    left_out = [pair for pairs in by_token.values() if len(pairs) > most for pair in pairs]
    assert found.left_out == len(left_out)
    assert found.rows_left_out == (len({i for i, _ in left_out}), len({j for _, j in left_out}))
    assert (found.similarity == 1.0).all()


def test_a_token_shared_by_everybody_costs_nothing() -> None:
    side = tokens([(7, 7)] * 30_000)
    found = find_exact(side, side)
    assert (len(found), found.left_out) == (0, 900_000_000)


def test_more_pairs_than_the_budget_holds_are_refused() -> None:
    side = tokens([(row // 10, 0) for row in range(1000)])
    with pytest.raises(FloodError):
        find_exact(side, side, budget=10_000)
    assert len(find_exact(side, side)) == 10_000


def test_different_lengths_are_refused() -> None:
    with pytest.raises(MatcherError, match="128 bits"):
        find_exact(tokens([(1, 1)]), Encodings(np.ones((1, 1), np.uint64), np.ones(1, np.bool_)))


@settings(max_examples=100, deadline=None)
@given(values, values, st.frozensets(st.integers(0, 29)))
def test_equal_tokens_have_equal_codes_whoever_holds_them(
    left: list[tuple[int, int]], right: list[tuple[int, int]], absent: frozenset[int]
) -> None:
    """The third holder does not have the match-key."""
    holders = [{"nhs": tokens(left, absent), "upn": tokens(left)}, {"nhs": tokens(right)}, {"names": tokens(left)}]
    rows = [len(left), len(right), len(left)]
    codes = token_codes(holders, ["nhs", "upn"], rows)
    assert [one.shape for one in codes] == [(count, 2) for count in rows]
    known = {(0, i): one for i, one in enumerate(left) if i not in absent} | {
        (1, j): one for j, one in enumerate(right)
    }
    for h, count in enumerate(rows):
        for row in range(count):
            assert (codes[h][row, 0] >= 0) == ((h, row) in known)
    for (h, i), one in known.items():
        for (k, j), other in known.items():
            assert (codes[h][i, 0] == codes[k][j, 0]) == (one == other)
    assert (codes[0][:, 1] >= 0).all()
    assert (codes[1][:, 1] == -1).all()
    assert (codes[2] == -1).all()


def test_codes_need_one_token_per_row_and_one_length() -> None:
    with pytest.raises(MatcherError, match="one per row"):
        token_codes([{"nhs": tokens([(1, 1)])}], ["nhs"], [2])
    shorter = Encodings(np.ones((1, 1), np.uint64), np.ones(1, np.bool_))
    with pytest.raises(MatcherError, match="length"):
        token_codes([{"nhs": tokens([(1, 1)])}, {"nhs": shorter}], ["nhs"], [1, 1])
