"""What the attacker expects of its own list: a z-score for every pair that is to be alike, under every match-key.

It knows what to expect and how far that varies from base filters under secrets of its own and the lift that diffusion
gives: a fraction d of differing bits becomes (1 - (1 - 2d)^t) / 2 (Armknecht, Heng, Schnell, PoPETs 2023/054).
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from matcher._kernel_rows import distance
from matcher.candidates import find_pairs
from matcher.encodings import WORD_BITS, Encodings
from matcher.exact import compare
from services.assurance.attacks.graph import Numbers, Reals, Side, drawn, from_both_ends

_BINS = 32
_LEAST_VARIANCE = 0.02
_FEW = 12  # edges
_UNLIKE = 30.0  # nats against a pair whose tokens are equal on one side alone
_LIFT = 0.25  # the least z-score that is worth expecting

Doubles = NDArray[np.float64]


class Expected(NamedTuple):
    """For row c of the list the edges from ``start[c]`` to ``start[c + 1]``, the most telling ones first.

    The evidence that a pair of the victim with z-scores z is the pair of an edge, against its being any pair, is the
    sum over match-keys of ``constant + linear * z + square * z**2``, in nats: all three float32 (K, edges).
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

    def __repr__(self) -> str:
        return f"Expected(rows={self.rows}, edges={len(self.other)})"


def expected(
    own: Sequence[Mapping[str, Encodings]], keys: Sequence[str], side: Side, *, power: int, most: int = 40
) -> Expected:
    """The ``most`` edges of each row of the list that tell most, and those of their partners.

    ``own``: the list encoded under one secret or several. With ``power`` 1 that is done as the victim's encodings are;
    with t, they are base filters, and the victim's bits are each the XOR of t bits.
    """
    rows = own[0][keys[0]].rows
    made = [[one[key] for one in own] for key in keys]
    centre = [
        float(_moments(each, *drawn(rows), side.unit, power)[0].mean()) if rows > 1 and not token else 0.0
        for each, token in zip(made, side.token, strict=True)
    ]
    near = [
        _near(each, usual, bool(token), side.unit, power, most)
        for each, usual, token in zip(made, centre, side.token, strict=True)
    ]
    row, other = _united(near, rows)
    telling, rare = np.zeros(len(row)), np.zeros(len(keys))
    for k, each in enumerate(made):
        if side.token[k]:
            same = compare(each[0], each[0], row, other) == 1
            rare[k] = np.log(max(1, rows * (rows - 1) // 2) / max(1, int(same.sum())))
            telling += np.where(same, rare[k], 0)
        else:
            there, mean, variance = _looked(each, centre[k], row, other, side.unit, power)
            telling += np.where(there, mean**2 / variance / 2, 0)
    kept = np.flatnonzero(_first(telling, row, other, rows, most))
    ends, others, order = from_both_ends(row[kept], other[kept], -telling[kept])
    order = kept[order]
    columns = [np.empty((len(keys), len(order)), np.float32) for _ in range(3)]
    # Once more, as what varies is told by all pairs: held for all of them and match-keys it would be the largest table.
    for k, each in enumerate(made):
        if side.token[k]:
            said = compare(each[0], each[0], row[order], other[order])
            columns[0][k] = np.where(said == 1, -_UNLIKE, 0)
            columns[1][k] = np.where(said == 1, rare[k] + _UNLIKE, np.where(said == -1, -_UNLIKE, 0)) / side.unit
            columns[2][k] = 0
            continue
        there, mean, variance = _looked(each, centre[k], row, other, side.unit, power)
        there, mean, variance = there[order], mean[order], variance[order]
        columns[0][k] = np.where(there, -(mean**2) / variance / 2 - np.log(variance / side.spread[k]) / 2, 0)
        columns[1][k] = np.where(there, mean / variance, 0)
        columns[2][k] = np.where(there, (1 / side.spread[k] - 1 / variance) / 2, 0)
    start = np.searchsorted(ends, np.arange(rows + 1))
    constant, linear, square = columns
    return Expected(start, others.astype(np.int32), constant, linear, square, telling[order].astype(np.float32))


def _looked(
    own: Sequence[Encodings], usual: float, row: Numbers, other: Numbers, unit: float, power: int
) -> tuple[NDArray[np.bool_], Doubles, Doubles]:
    """Which pairs have a fuzzy match-key, their z-score to expect and its variance."""
    mean, variance = _moments(own, row, other, unit, power)
    return own[0].present[row] & own[0].present[other], mean - usual, np.maximum(variance, _LEAST_VARIANCE)


def _moments(
    own: Sequence[Encodings], row: Numbers, other: Numbers, unit: float, power: int
) -> tuple[Doubles, Doubles]:
    """The z-score to expect of each pair under a secret that is not known, and its variance: float64 (pairs,)."""
    mean, apart = np.zeros(len(row)), np.zeros(len(row))
    for count, one in enumerate(own, 1):  # Welford's way: a table of all secrets would be large
        lifted = unit * _alike(one.bits, row, other).astype(np.float64) ** power
        step = lifted - mean
        mean += step / count
        apart += step * (lifted - mean)
    if len(own) == 1 or not len(row):
        return mean, np.full(len(row), 2.0)  # its own noise and the victim's
    varies = _smooth(mean, apart / (len(own) - 1)) * (1 + 1 / len(own))
    return mean, varies if power == 1 else varies + 1 - (mean / unit) ** 2


def _smooth(mean: Doubles, variance: Doubles) -> Doubles:
    """The mean variance of the pairs of about the same mean, for each pair."""
    edges = np.linspace(mean.min(), mean.max() + 1e-9, _BINS + 1)
    place = np.clip(np.searchsorted(edges, mean, side="right") - 1, 0, _BINS - 1)
    count, total = np.bincount(place, minlength=_BINS), np.bincount(place, variance, minlength=_BINS)
    return np.asarray((total / np.maximum(count, 1))[place])


def _near(
    own: Sequence[Encodings], centre: float, token: bool, unit: float, power: int, most: int
) -> tuple[Numbers, Numbers]:
    """Pairs of the list under one match-key that are expected to be alike, at most about ``most`` for each row; of an
    exact one, those that share a token."""
    rows = own[0].rows
    if rows < 2:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    if token:
        return _pairs(own[0], floor=1.0)
    together = Encodings(np.concatenate([one.bits for one in own], axis=1), own[0].present)
    sampled = drawn(rows)
    alike = np.sort(_alike(together.bits, *sampled))
    usual = float(alike[-1 - int(min(1.0, most / rows) * (len(sampled[0]) - 1))])
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


@compiled
def _apart(bits: NDArray[np.uint64], row: Numbers, other: Numbers, out: Reals) -> None:
    for pair in range(len(row)):
        out[pair] = distance(bits[row[pair]], bits[other[pair]])


@compiled
def likelihoods(edges: Expected, first: int, last: int, z: Reals, out: Reals) -> None:
    """The evidence of some edges for one pair with z-scores ``z``, into the start of ``out``: nats."""
    if last - first < _FEW:  # to cut arrays takes longer than to work on so few
        for place in range(first, last):
            total = np.float32(0)
            for k in range(len(z)):
                if z[k] == z[k]:
                    total += edges.constant[k, place] + z[k] * (edges.linear[k, place] + z[k] * edges.square[k, place])
            out[place - first] = total
        return
    into = out[: last - first]
    into[:] = 0
    for k in range(len(z)):
        if z[k] == z[k]:
            constant, linear = edges.constant[k, first:last], edges.linear[k, first:last]
            square = edges.square[k, first:last]
            for place in range(len(into)):
                into[place] += constant[place] + z[k] * (linear[place] + z[k] * square[place])
