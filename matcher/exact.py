"""Rows with equal tokens, for exact match-keys: as pairs, and as numbers."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from matcher.encodings import Encodings
from matcher.errors import FloodError, MatcherError
from matcher.pairs import BYTES_PER_PAIR, Pairs

MOST_PER_TOKEN = 1000


def find_exact(a: Encodings, b: Encodings, *, most: int = MOST_PER_TOKEN, budget: int = 1 << 30) -> Pairs:
    """Find every pair of present rows with equal tokens, by sorting; similarity is 1.0.

    A token that ``n`` rows of A and ``m`` rows of B share stands for ``n * m`` pairs, of which at most
    ``min(n, m)`` can be right. Where ``n * m`` exceeds ``most``, the token says next to nothing about any one
    pair, and none of its pairs is listed: all or none, so the result does not depend on the order of rows.
    ``Pairs.left_out`` counts them, ``Pairs.rows_left_out`` the rows that have such a token.

    Raises FloodError when the pairs do not fit ``budget`` (bytes), MatcherError when the lengths differ.
    """
    if a.words != b.words:
        raise MatcherError(
            f"Tokens of {a.length} bits cannot equal tokens of {b.length} bits.",
            remedy="Encode both holders' rows under the same agreement.",
        )
    rows_a, rows_b = np.flatnonzero(a.present), np.flatnonzero(b.present)
    group = _groups(np.concatenate([a.bits[rows_a], b.bits[rows_b]]))
    order_a, order_b = np.argsort(group[: len(rows_a)], kind="stable"), np.argsort(group[len(rows_a) :], kind="stable")
    groups = int(group.max(initial=-1)) + 1
    size_a = np.bincount(group[: len(rows_a)], minlength=groups)
    size_b = np.bincount(group[len(rows_a) :], minlength=groups)
    sizes = size_a * size_b
    common = sizes > most
    listed = np.where(common, 0, sizes)
    total = int(listed.sum())
    if total * BYTES_PER_PAIR > budget:
        raise FloodError(
            f"{total} pairs of rows have equal tokens, more than the memory budget holds.",
            remedy="Choose an exact match-key that fewer rows share, or give the run a larger memory budget.",
        )
    # Number the pairs of a group 0 .. n*m-1: pair p joins the group's row p // m of A with its row p % m of B.
    of_group = np.repeat(np.arange(groups), listed)
    place = np.arange(total) - np.repeat(np.cumsum(listed) - listed, listed)
    start_a, start_b = np.cumsum(size_a) - size_a, np.cumsum(size_b) - size_b
    left = rows_a[order_a[start_a[of_group] + place // np.maximum(size_b[of_group], 1)]]
    right = rows_b[order_b[start_b[of_group] + place % np.maximum(size_b[of_group], 1)]]
    order = np.lexsort((right, left))
    return Pairs(
        left[order].astype(np.int32),
        right[order].astype(np.int32),
        np.ones(total, np.float32),
        left_out=int(sizes.sum()) - total,
        rows_left_out=(int(size_a[common].sum()), int(size_b[common].sum())),
    )


def compare(a: Encodings, b: Encodings, left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.int8]:
    """What tokens say of pairs of rows, int8 (pairs,): 1 where both are there and equal, -1 where both are there and
    differ, else 0."""
    both = a.present[left] & b.present[right]
    equal = (a.bits[left] == b.bits[right]).all(axis=1)
    return np.where(both, np.where(equal, 1, -1), 0).astype(np.int8)


def token_codes(
    holders: Sequence[Mapping[str, Encodings]], keys: Sequence[str], rows: Sequence[int]
) -> list[NDArray[np.int64]]:
    """Number the tokens of exact match-keys, so that rows can be told apart without them.

    ``holders``: each one's encodings by match-key; ``keys``: the exact match-keys; ``rows``: each one's number of rows.
    Per holder int64 ``(rows, keys)``: equal numbers in a column are equal tokens, whoever holds them; -1 where a row or
    its holder has no token. Raises MatcherError when the tokens of one match-key differ in length or are not one per
    row.
    """
    codes = [np.full((count, len(keys)), -1, np.int64) for count in rows]
    for column, key in enumerate(keys):
        having = [(code, of_holder[key]) for code, of_holder in zip(codes, holders, strict=True) if key in of_holder]
        if len({one.words for _, one in having}) > 1 or any(len(code) != one.rows for code, one in having):
            raise MatcherError(
                "The tokens of one match-key differ in length between holders, or are not one per row.",
                remedy="Encode all holders' rows under the same agreement.",
            )
        if having:
            group = _groups(np.concatenate([one.bits[one.present] for _, one in having]))
            ends = np.cumsum([int(one.present.sum()) for _, one in having])
            for (code, one), part in zip(having, np.split(group, ends[:-1]), strict=True):
                code[one.present, column] = part
    return codes


def _groups(tokens: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Number equal tokens (uint64 ``(rows, words)``) alike: int64 ``(rows,)``."""
    order = np.lexsort(tuple(tokens.T))
    ranked = tokens[order]
    fresh = np.ones(len(ranked), np.bool_)
    fresh[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    group = np.empty(len(tokens), np.int64)
    group[order] = np.cumsum(fresh) - 1
    return group
