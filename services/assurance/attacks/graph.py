"""The graph of the rows under attack: which of them are more alike than chance makes them.

Two sides that do not share a secret share no bits, but their similarities are near each other. The agreeing bits of two
unrelated hardened rows are binomial(length, 1/2), so a pair's similarity is written as a z-score against that, per
match-key. No table of pairs is held: a pair's z-scores are worked out from its bits when they are wanted.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from matcher._kernel_rows import count_bits
from matcher.encodings import WORD_BITS, Encodings

Numbers = NDArray[np.int64]
Reals = NDArray[np.float32]

_SAMPLED = 1 << 14  # pairs that tell what is usual


class Side(NamedTuple):
    """Rows under attack, and how alike they usually are under K match-keys.

    ``bits`` is uint64 (rows, K, words), ``present`` bool (rows, K). ``usual``, float32 (K,), is the mean z-score of
    pairs, which ``scores`` takes off, and ``spread``, float32 (K,), the variance, 1 at least. ``unit`` turns 1 - 2d
    into a z-score. ``token``, bool (K,): of an exact match-key the score is ``unit`` for equal tokens, and else 0.
    """

    bits: NDArray[np.uint64]
    present: NDArray[np.bool_]
    usual: Reals
    spread: Reals
    unit: float
    token: NDArray[np.bool_]

    @property
    def rows(self) -> int:
        return len(self.bits)

    def __repr__(self) -> str:
        return f"Side(rows={self.rows}, keys={len(self.usual)})"


class Strong(NamedTuple):
    """Pairs of rows that stand out, each once from either end, sorted by ``row``, then ``other``.

    ``row`` and ``other`` are int64 (edges,), ``z`` float32 (edges, K), NaN without an encoding, ``weight`` float32
    (edges,): half the sum of squared z-scores. ``back`` is the place of the same pair from its other end. The edges of
    row i are from ``begins[i]`` to ``begins[i + 1]``.
    """

    row: Numbers
    other: Numbers
    z: Reals
    weight: Reals
    back: Numbers
    begins: Numbers

    def __repr__(self) -> str:
        return f"Strong(edges={len(self.row)})"


def structure(victim: Mapping[str, Encodings], keys: Sequence[str], *, tokens: Collection[str] = ()) -> Side:
    """The side under attack, under ``keys``, whose encodings must be of one length; some of them are ``tokens``."""
    present = np.stack([victim[key].present for key in keys], axis=1)
    bits = np.stack([victim[key].bits for key in keys], axis=1)
    rows, unit = len(bits), float(np.sqrt(bits.shape[2] * WORD_BITS))
    token = np.array([key in tokens for key in keys], np.bool_)
    nothing = Side(bits, present, np.zeros(len(keys), np.float32), np.ones(len(keys), np.float32), unit, token)
    if rows < 2:
        return nothing
    usual, spread = nothing.usual.copy(), nothing.spread.copy()
    sampled = scores_of(nothing, *drawn(rows))
    for k, of_key in enumerate(sampled.T):
        there = of_key[~np.isnan(of_key)]
        if len(there) and not token[k]:
            usual[k] = there.mean()
            spread[k] = max(1, (there - usual[k]).var())
    return nothing._replace(usual=usual, spread=spread)


def strongest(side: Side, *, most: int, least: float) -> Strong:
    """Pairs whose ``weight`` is at least ``least``: the ``most`` heaviest of each row, and those of their partners."""
    heaviest = np.full((side.rows, most), -1, np.int64)
    _heaviest(side, least, np.zeros((side.rows, most), np.float32), heaviest)
    one, other = np.repeat(np.arange(side.rows), most), heaviest.ravel()
    one, other = one[other >= 0], other[other >= 0]
    pairs = np.unique(np.minimum(one, other) * side.rows + np.maximum(one, other))
    row, other, _ = from_both_ends(pairs // max(1, side.rows), pairs % max(1, side.rows))
    z = scores_of(side, row, other)
    weight = np.zeros(len(row), np.float32)
    for k, spread in enumerate(side.spread):
        weight += np.nan_to_num(np.maximum(z[:, k], 0)) ** 2 / (2 * spread)
    back = np.lexsort((row, other))  # the n-th pair by its other end is the n-th pair, seen from there
    return Strong(row, other, z, weight, back, np.searchsorted(row, np.arange(side.rows + 1)))


def drawn(rows: int) -> tuple[Numbers, Numbers]:
    """Pairs of different rows, the same ones for the same number of rows, which must be two at least."""
    rng = np.random.default_rng(rows)
    row = rng.integers(0, rows, _SAMPLED)
    return row, (row + rng.integers(1, rows, _SAMPLED)) % rows


def scores_of(side: Side, row: Numbers, other: Numbers) -> Reals:
    """The z-scores of pairs: float32 (pairs, K), less what is usual; NaN where a row has no encoding."""
    out = np.empty((len(row), len(side.usual)), np.float32)
    _scores_of(side, row, other, out)
    return out


def from_both_ends(row: Numbers, other: Numbers, then_by: NDArray[Any] | None = None) -> tuple[Numbers, ...]:
    """The pairs from either end, sorted by row, then as told, then by the other row; and which pair each one is."""
    ends, others = np.concatenate([row, other]), np.concatenate([other, row])
    which = np.tile(np.arange(len(row)), 2)
    order = np.lexsort((others, ends) if then_by is None else (others, then_by[which], ends))
    return ends[order], others[order], which[order]


@compiled
def score(side: Side, i: int, j: int, k: int) -> np.float32:
    """The z-score of one pair under one match-key, NaN without an encoding."""
    if not (side.present[i, k] and side.present[j, k]):
        return np.float32(np.nan)
    apart, words = 0, side.bits.shape[2]
    for word in range(words):
        apart += count_bits(side.bits[i, k, word] ^ side.bits[j, k, word])  # type: ignore[call-arg]
    if side.token[k]:
        return np.float32(side.unit if apart == 0 else 0)
    return np.float32(np.float32(side.unit * (1 - 2 * apart / (words * WORD_BITS))) - side.usual[k])


@compiled
def scores(side: Side, i: int, j: int, out: Reals) -> None:
    """The z-scores of one pair into ``out``, float32 (K,)."""
    for k in range(len(out)):
        out[k] = score(side, i, j, k)


@compiled
def _scores_of(side: Side, row: Numbers, other: Numbers, out: Reals) -> None:
    for pair in range(len(row)):
        scores(side, row[pair], other[pair], out[pair])


@compiled
def _heaviest(side: Side, least: float, weight: Reals, other: Numbers) -> None:
    """The pairs of each row by falling weight; of equal ones, that which is found first."""
    rows, most = other.shape
    z = np.empty(len(side.usual), np.float32)
    for i in range(rows):
        for step in range(1, rows):
            j = (i + step) % rows
            scores(side, i, j, z)
            found = np.float32(0)
            for k in range(len(z)):
                if z[k] > 0:
                    found += z[k] * z[k] / (np.float32(2) * side.spread[k])
            if found < least or (other[i, most - 1] >= 0 and found <= weight[i, most - 1]):
                continue
            place = most - 1
            while place > 0 and (other[i, place - 1] < 0 or weight[i, place - 1] < found):
                weight[i, place], other[i, place] = weight[i, place - 1], other[i, place - 1]
                place -= 1
            weight[i, place], other[i, place] = found, j
