"""Graphs of rows that are more alike than chance makes them: of the encodings under attack, and of the attacker's list.

Two sides that do not share a secret share no bits, but their similarities are near each other. The agreeing bits of two
unrelated hardened rows are binomial(length, 1/2), so a pair's similarity is written as a z-score against that, per
match-key. Of its own list the attacker knows what z-score to expect and how far it varies, from base filters under
secrets of its own and the lift that diffusion gives: a fraction d of differing bits becomes (1 - (1 - 2d)^t) / 2
(Armknecht, Heng, Schnell, PoPETs 2023/054).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from matcher._kernel_rows import distance
from matcher.candidates import find_pairs
from matcher.encodings import WORD_BITS, Encodings

Numbers = NDArray[np.int64]
Reals = NDArray[np.float32]

_SAMPLED = 1 << 14  # pairs that tell what is usual
_BINS = 32
_LEAST_VARIANCE = 0.02
_LIFT = 0.25  # the least z-score that is worth expecting


@dataclass(frozen=True, repr=False)
class Side:
    """How alike the rows under attack are, under K match-keys.

    ``z`` is float32 (rows, rows, K), less what is usual; NaN where a row has no encoding. ``spread``, float32 (K,),
    is its variance, 1 at least. ``unit`` turns 1 - 2d into a z-score.
    """

    z: Reals
    spread: Reals
    unit: float

    @property
    def rows(self) -> int:
        return len(self.z)


@dataclass(frozen=True, repr=False)
class Strong:
    """Pairs of rows that stand out, each once from either end, sorted by ``row``, then ``other``.

    ``row`` and ``other`` are int64 (edges,), ``z`` float32 (edges, K), NaN without an encoding, ``weight`` float32
    (edges,): half the sum of squared z-scores. ``back`` is the place of the same pair from its other end.
    """

    row: Numbers
    other: Numbers
    z: Reals
    weight: Reals
    back: Numbers


@dataclass(frozen=True, repr=False)
class Expected:
    """What the attacker expects: for row c the edges ``start[c]`` to ``start[c + 1]``, the most telling ones first.

    The evidence that a pair of the victim with z-scores z is the pair of an edge, against its being any pair, is the
    sum over match-keys of ``constant + linear * z + square * z**2``, in nats: all three float32 (edges, K).
    ``telling``, float32 (edges,), is what that comes to where it is true.
    """

    start: Numbers
    other: NDArray[np.int32]
    constant: Reals
    linear: Reals
    square: Reals
    telling: Reals

    @property
    def rows(self) -> int:
        return len(self.start) - 1


def structure(victim: Mapping[str, Encodings], keys: Sequence[str]) -> Side:
    """The similarities of all pairs of the side under attack: 4 bytes for each, under each of the match-keys."""
    rows, unit = victim[keys[0]].rows, float(np.sqrt(victim[keys[0]].length))
    z = np.full((rows, rows, len(keys)), np.nan, np.float32)
    spread = np.ones(len(keys), np.float32)
    for k, key in enumerate(keys):
        _fill(victim[key].bits, victim[key].present, unit, z[:, :, k])
        usual = z[drawn(rows)][:, k] if rows > 1 else z[:0, 0, k]
        usual = usual[~np.isnan(usual)]
        if len(usual):
            z[:, :, k] -= usual.mean()
            spread[k] = max(1, usual.var())
    return Side(z, spread, unit)


def strongest(side: Side, *, most: int, least: float) -> Strong:
    """Pairs whose ``weight`` is at least ``least``: the ``most`` heaviest of each row, and those of their partners."""
    weight = np.zeros(side.z.shape[:2], np.float32)
    for k, spread in enumerate(side.spread):
        weight += np.nan_to_num(np.maximum(side.z[:, :, k], 0)) ** 2 / (2 * spread)
    row, other = np.nonzero(np.triu(weight >= least, 1))
    kept = _first(weight[row, other], row, other, side.rows, most)
    row, other, _ = _from_both_ends(row[kept], other[kept])
    back = np.lexsort((row, other))  # the n-th pair by its other end is the n-th pair, seen from there
    return Strong(row, other, side.z[row, other], weight[row, other], back)


def expected(
    own: Sequence[Mapping[str, Encodings]], keys: Sequence[str], side: Side, *, power: int, most: int = 40
) -> Expected:
    """The ``most`` edges of each row of the list that tell most, and those of their partners.

    ``own``: the list encoded under one secret or several. With ``power`` 1 that is done as the victim's encodings are;
    with t, they are base filters, and the victim's bits are each the XOR of t bits.
    """
    rows = own[0][keys[0]].rows
    made = [[one[key] for one in own] for key in keys]
    centre = [float(_moments(each, *drawn(rows), side.unit, power)[0].mean()) if rows > 1 else 0.0 for each in made]
    listed = [_near(each, c, side.unit, power, most) for each, c in zip(made, centre, strict=True)]
    row, other = _united(listed, rows)
    moments = [_moments(each, row, other, side.unit, power) for each in made]
    mean = np.stack([one[0] for one in moments], axis=1) - np.array(centre)
    variance = np.maximum(np.stack([one[1] for one in moments], axis=1), _LEAST_VARIANCE)
    present = np.stack([each[0].present for each in made], axis=1)
    there = present[row] & present[other]
    linear = np.where(there, mean / variance, 0)
    square = np.where(there, (1 / side.spread - 1 / variance) / 2, 0)
    constant = np.where(there, -(mean**2) / variance / 2 - np.log(variance / side.spread) / 2, 0)
    telling = np.where(there, mean**2 / variance / 2, 0).sum(axis=1)
    kept = np.flatnonzero(_first(telling, row, other, rows, most))
    row, other, order = _from_both_ends(row[kept], other[kept], -telling[kept])
    start = np.searchsorted(row, np.arange(rows + 1))
    columns = [one[kept][order].astype(np.float32) for one in (constant, linear, square, telling)]
    return Expected(start, other.astype(np.int32), *columns)


def drawn(rows: int) -> tuple[Numbers, Numbers]:
    """Pairs of different rows, the same ones for the same number of rows, which must be two at least."""
    rng = np.random.default_rng(rows)
    row = rng.integers(0, rows, _SAMPLED)
    return row, (row + rng.integers(1, rows, _SAMPLED)) % rows


def _moments(
    own: Sequence[Encodings], row: Numbers, other: Numbers, unit: float, power: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The z-score to expect of each pair under a secret that is not known, and its variance: float64 (pairs,)."""
    lifted = np.stack([unit * _alike(one.bits, row, other).astype(np.float64) ** power for one in own])
    mean = lifted.mean(axis=0)
    if len(own) == 1 or not len(row):
        return mean, np.full(len(row), 2.0)  # its own noise and the victim's
    varies = _smooth(mean, lifted.var(axis=0, ddof=1)) * (1 + 1 / len(own))
    return mean, varies if power == 1 else varies + 1 - (mean / unit) ** 2


def _smooth(mean: NDArray[np.float64], variance: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean variance of the pairs of about the same mean, for each pair."""
    edges = np.linspace(mean.min(), mean.max() + 1e-9, _BINS + 1)
    place = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, _BINS - 1)
    count, total = np.bincount(place, minlength=_BINS), np.bincount(place, variance, minlength=_BINS)
    return np.asarray((total / np.maximum(count, 1))[place])


def _near(own: Sequence[Encodings], centre: float, unit: float, power: int, most: int) -> tuple[Numbers, Numbers]:
    """Pairs of the list under one match-key that are expected to be alike, at most about ``most`` for each row."""
    rows = own[0].rows
    if rows < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    together = Encodings(np.concatenate([one.bits for one in own], axis=1), own[0].present)
    alike = np.sort(_alike(together.bits, *drawn(rows)))
    usual = float(alike[-1 - int(min(1.0, most / rows) * (_SAMPLED - 1))])
    lift = (max(0.0, centre + _LIFT) / unit) ** (1 / power)
    return _pairs(together, floor=0.5 + max(usual, lift) / 2)


def _alike(bits: NDArray[np.uint64], row: Numbers, other: Numbers) -> Reals:
    """1 - 2d for pairs of rows of bits."""
    out = np.empty(len(row), np.float32)
    _apart(bits, row, other, out)
    return np.asarray(1 - out * (2 / (bits.shape[1] * WORD_BITS)), dtype=np.float32)


def _pairs(encodings: Encodings, *, floor: float) -> tuple[Numbers, Numbers]:
    found = find_pairs(encodings, encodings, measure="hamming", floor=min(1.0, floor))
    once = found.left < found.right
    return found.left[once].astype(np.int64), found.right[once].astype(np.int64)


def _united(listed: Sequence[tuple[Numbers, Numbers]], rows: int) -> tuple[Numbers, Numbers]:
    joint = np.unique(np.concatenate([row * rows + other for row, other in listed]))
    return joint // max(1, rows), joint % max(1, rows)


def _first(weight: NDArray[Any], row: Numbers, other: Numbers, rows: int, most: int) -> NDArray[np.bool_]:
    """Which pairs are among the ``most`` heaviest of either of their rows."""
    ends = np.concatenate([row, other])
    order = np.lexsort((-np.tile(weight, 2), ends))
    begins = np.searchsorted(ends[order], np.arange(rows))
    kept = np.empty(len(ends), np.bool_)
    kept[order] = np.arange(len(ends)) - begins[ends[order]] < most
    return np.asarray(kept[: len(row)] | kept[len(row) :])


def _from_both_ends(row: Numbers, other: Numbers, then_by: NDArray[Any] | None = None) -> tuple[Numbers, ...]:
    """The pairs from either end, sorted by row, then as told, then by the other row; and which pair each one is."""
    ends, others = np.concatenate([row, other]), np.concatenate([other, row])
    which = np.tile(np.arange(len(row)), 2)
    order = np.lexsort((others, ends) if then_by is None else (others, then_by[which], ends))
    return ends[order], others[order], which[order]


@compiled
def _apart(bits: NDArray[np.uint64], row: Numbers, other: Numbers, out: Reals) -> None:
    for pair in range(len(row)):
        out[pair] = distance(bits[row[pair]], bits[other[pair]])


@compiled
def _fill(bits: NDArray[np.uint64], present: NDArray[np.bool_], unit: float, out: Reals) -> None:
    length = bits.shape[1] * 64
    for i in range(len(bits)):
        for j in range(i + 1, len(bits)):
            if present[i] and present[j]:
                out[i, j] = out[j, i] = unit * (1 - 2 * distance(bits[i], bits[j]) / length)


@compiled
def likelihood(z: Reals, constant: Reals, linear: Reals, square: Reals) -> float:
    """The evidence of ``Expected`` for one pair and one edge, all float32 (K,): nats."""
    total = 0.0
    for k in range(len(z)):
        if z[k] == z[k]:
            total += constant[k] + z[k] * (linear[k] + z[k] * square[k])
    return total
