"""A4. Similarity: how far the similarity of two encodings tells that of two different children's identifiers.

This is what graph matching lives on: Culnane, Rubinstein, Teague, "Vulnerabilities in the use of similarity tables in
combination with pseudonymisation to preserve data privacy in the UK Office for National Statistics' Privacy-Preserving
Record Linkage", 2017; Vidanage, Christen, Ranbaduge, Schnell, "A graph matching attack on privacy-preserving record
linkage", CIKM 2020; Schaefer, Armknecht, Heng, "R+R: Revisiting graph matching attacks on privacy-preserving record
linkage", ACSAC 2024. No row is named by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from encoder.intervals import Estimate
from encoder.match_keys import Encodings
from keys.terms import FuzzyKey
from services.assurance.attacks.qgrams import Held

BLOCKS = 10
STUDENT = 2.262
"""97.5 % point of Student's t with nine degrees of freedom."""

Table = NDArray[np.float32]


@dataclass(frozen=True, repr=False)
class Similarities:
    """Of all pairs of rows of one match-key, float32 (rows, rows): ``plain`` between 0 and 1, ``encoded`` likewise."""

    plain: Table
    encoded: Table


def similarities(victim: Encodings, truth: Held, key: FuzzyKey, *, hardened: bool) -> Similarities:
    """``plain`` is the Dice similarity of the q-grams of each field, weighted by the field's bits. ``encoded`` is
    Dice's, or for hardened encodings the share of equal bits."""
    plain = np.zeros((len(truth.has), len(truth.has)), np.float32)
    for place, feature in enumerate(key.features):
        has = truth.has[:, truth.feature == place].astype(np.float32)
        plain += feature.bits * _dice(has)
    plain /= sum(feature.bits for feature in key.features)
    bits = np.unpackbits(victim.bits, axis=1).astype(np.float32)
    if not hardened:
        return Similarities(plain, _dice(bits))
    signs = 2 * bits - 1
    return Similarities(plain, (signs @ signs.T) / (2 * bits.shape[1]) + np.float32(0.5))


def leak(found: Similarities) -> Estimate:
    """Size of the correlation over all pairs of different rows.

    Pairs share rows, so the interval is that of the mean over ten parts of the rows, each with its own pairs.
    """
    value = abs(_correlation(found.plain, found.encoded))
    step = len(found.plain) // BLOCKS
    blocks = [slice(start, start + step) for start in range(0, step * BLOCKS, step)]
    parts = [_correlation(found.plain[one, one], found.encoded[one, one]) for one in blocks]
    half = STUDENT * float(np.std(parts, ddof=1)) / sqrt(BLOCKS)
    return Estimate(value, max(0.0, value - half), min(1.0, value + half))


class Mean:
    """The mean of the similarities under several match-keys, without keeping them."""

    def __init__(self) -> None:
        self._sums: Similarities | None = None
        self._several = 0

    def add(self, one: Similarities) -> None:
        before = self._sums or Similarities(np.zeros_like(one.plain), np.zeros_like(one.encoded))
        self._sums = Similarities(before.plain + one.plain, before.encoded + one.encoded)
        self._several += 1

    def mean(self) -> Similarities:
        """Raises ValueError when there was none."""
        if self._sums is None:
            raise ValueError("the mean of nothing")
        share = np.float32(1 / self._several)
        return Similarities(share * self._sums.plain, share * self._sums.encoded)


def _dice(has: Table) -> Table:
    sizes = has.sum(axis=1)
    together = np.maximum(sizes[:, None] + sizes[None, :], 1)
    return np.asarray(2 * (has @ has.T) / together, dtype=np.float32)


def _correlation(plain: Table, encoded: Table) -> float:
    """Over all pairs of different rows, each of which stands in the tables twice."""
    one, other = _apart(plain), _apart(encoded)
    size = sqrt(_sum(one * one) * _sum(other * other))
    return _sum(one * other) / size if size > 0 else 0.0


def _apart(table: Table) -> Table:
    """From the mean; rows against themselves count nothing."""
    several = len(table) * (len(table) - 1)
    apart = table - np.float32((_sum(table) - float(np.trace(table, dtype=np.float64))) / several)
    np.fill_diagonal(apart, 0)
    return apart


def _sum(table: Table) -> float:
    return float(table.sum(dtype=np.float64))
