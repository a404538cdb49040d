"""A3. Frequent sets of bits: bits that are set together far too often belong to one q-gram, told by its frequency.

Source: Christen, Vidanage, Ranbaduge, Schnell, "Pattern-Mining Based Cryptanalysis of Bloom Filters for
Privacy-Preserving Record Linkage", PAKDD 2018. Their steps, in our words: mine the sets of bits that are set together
in many rows; the most frequent belong to the most frequent q-grams of a list like the one attacked; a row that has all
bits of such a set is claimed to have the q-gram. Here sets grow from the pairs of bits that are correlated most, one
bit at a time, and both the frequency of a set and its number of bits decide which q-gram it is taken for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.match_keys import Encodings
from keys.terms import FuzzyKey
from services.assurance.attacks.qgrams import Held

TOKENS = 40
"""Most frequent q-grams that are looked for under one match-key, and sets of bits that are mined."""
PAIRS = 20_000
SEEDS = 300
MOST = 80
"""Pairs of bits that are looked at, sets that are grown from them, and different sets that are kept."""
STEADY = 0.95
"""A set is steady when one more bit leaves this share of its rows."""
LEAST = 0.02
"""Share of rows below which no set is followed."""

OFTEN = 0.5
"""Share of rows above which a q-gram tells nothing of a child."""

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Claims:
    """How many rows were said to have some q-gram, how many rightly, and how many would be by naming rows at random."""

    made: int
    right: int
    expected: float


@dataclass(frozen=True, repr=False)
class Pattern:
    """``bits``: places, int64. ``rows``: which rows have all of them, bool (rows,). ``steady``: whether the last bits
    left nearly all rows."""

    bits: NDArray[np.int64]
    rows: Bools
    steady: bool

    @property
    def area(self) -> int:
        return len(self.bits) * int(np.count_nonzero(self.rows))


def mine(bits: NDArray[np.uint8]) -> list[Pattern]:
    """Sets of bits that are set together, the steady ones first and of these those of most bits times rows.

    ``bits``: uint8 (rows, length), each 0 or 1.
    """
    rows, length = bits.shape
    table = bits.astype(np.float32)
    share = table.mean(axis=0)
    spread = np.sqrt(np.maximum(share * (1 - share), 1e-9))
    phi = (table.T @ table / rows - np.outer(share, share)) / np.outer(spread, spread)
    tells = (share >= LEAST) & (share <= 1 - LEAST)
    phi[np.tril_indices(length)] = phi[~tells] = phi[:, ~tells] = -1
    best = np.argpartition(phi.ravel(), -PAIRS)[-PAIRS:] if phi.size > PAIRS else np.arange(phi.size)
    best = best[np.argsort(-phi.ravel()[best], kind="stable")]
    found: list[Pattern] = []
    seen = np.zeros((length, length), np.bool_)
    tried = 0
    for one, other in zip(*(place.tolist() for place in np.unravel_index(best, phi.shape)), strict=True):
        if seen[one, other]:
            continue
        pattern = _grow(table, [one, other], tells)
        seen[np.ix_(pattern.bits, pattern.bits)] = seen[one, other] = True
        if not any(_alike(pattern.rows, known.rows) for known in found):
            found.append(pattern)
        tried += 1
        if tried == SEEDS or len(found) == MOST:
            break
    return sorted(found, key=lambda one: (not one.steady, -one.area))[:TOKENS]


def _grow(table: NDArray[np.float32], bits: list[int], tells: Bools) -> Pattern:
    """Add the bit that most of the remaining rows have; once nearly all of them have some, add those and no others.

    Gives up when the rows are too few.
    """
    left = np.flatnonzero(table[:, bits].all(axis=1))
    least, steady = LEAST * len(table), False
    while len(left) > least:
        having = np.where(tells, table[left].mean(axis=0), -1)
        having[bits] = -1
        more = np.flatnonzero(having >= STEADY)
        if len(more):
            steady = True
        elif steady or having.max() * len(left) < least:
            break
        else:
            more = np.array([np.argmax(having)])
        bits = [*bits, *more.tolist()]
        left = left[table[np.ix_(left, more)].all(axis=1)]
    rows = np.zeros(len(table), np.bool_)
    rows[left] = True
    return Pattern(np.array(bits, np.int64), rows, steady)


def _alike(one: Bools, other: Bools) -> bool:
    return 2 * int(np.count_nonzero(one & other)) > int(np.count_nonzero(one | other))


def likely_bits(listed: Held, key: FuzzyKey, length: int, wanted: NDArray[np.int64]) -> NDArray[np.float64]:
    """How many bits each ``wanted`` q-gram sets in nearly every row that has it, float64 (wanted,)."""
    of_row = [feature.bits / np.maximum(listed.counts(place), 1) for place, feature in enumerate(key.features)]
    positions = [np.quantile(of_row[listed.feature[token]][listed.has[:, token]], 0.1) for token in wanted]
    return np.asarray(length * -np.expm1(-np.array(positions) / length))


def attack(victim: Encodings, listed: Held, truth: Held, key: FuzzyKey, *, base_length: int) -> Claims:
    """Claim q-grams of rows. ``truth`` holds the attacked rows' tokens, to judge the claims alone."""
    present = np.flatnonzero(victim.present)
    patterns = mine(np.unpackbits(victim.bits[present], axis=1))
    frequency = listed.has.mean(axis=0)
    wanted = np.argsort(np.where(frequency <= OFTEN, -frequency, 0), kind="stable")[:TOKENS]
    size = likely_bits(listed, key, base_length, wanted)
    support = np.array([one.rows.mean() for one in patterns])
    bits = np.array([len(one.bits) for one in patterns])
    apart = np.abs(np.log(np.maximum(support, 1e-6)[:, None] / frequency[wanted])) / 0.2
    apart += np.abs(np.log(bits[:, None] / size)) / 0.2
    places = {token: place for place, token in enumerate(truth.tokens)}
    made = right = 0
    expected = 0.0
    for pattern, token in _nearest(apart):
        rows = present[patterns[pattern].rows]
        where = places.get(listed.tokens[wanted[token]])
        has = truth.has[:, where] if where is not None else np.zeros(len(truth.has), np.bool_)
        made += len(rows)
        right += int(np.count_nonzero(has[rows]))
        expected += len(rows) * float(has[present].mean())
    return Claims(made, right, expected)


def _nearest(apart: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Pairs of a pattern and a token, the nearest first, each once."""
    pairs: list[tuple[int, int]] = []
    rows: set[int] = set()
    columns: set[int] = set()
    for place in np.argsort(apart, axis=None, kind="stable").tolist():
        row, column = divmod(place, apart.shape[1])
        if row not in rows and column not in columns:
            rows.add(row)
            columns.add(column)
            pairs.append((row, column))
        if len(pairs) == min(apart.shape):
            break
    return pairs
