"""Locality-sensitive hashing of encodings by sampled bits, what it costs and what it misses.

A table takes ``bits`` positions of the encoding; two rows meet in it if all of them agree. Two rows that agree in m of
L bits do so with probability C(m, bits) / C(L, bits), about (m / L)^bits; unrelated hardened rows with 2^-bits. Every
pair that meets is compared in full, under the match-key of the table. Sources: Indyk, Motwani, STOC 1998; Gionis,
Indyk, Motwani, VLDB 1999 (sampled bits); Armknecht, Heng, Schnell, PoPETs 2023(2) (what hardening does to m).
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation import Joined, Simulation, ends, join, union
from matcher.candidates import similarities
from matcher.encodings import Encodings
from matcher.exact import find_exact

MOST_BITS = 40


@dataclass(frozen=True)
class Tables:
    """``count`` tables of ``bits`` bits for each match-key."""

    bits: int
    count: int


@dataclass(frozen=True)
class Costs:
    """Seconds of one core: to put one row into one table and read it out again, and to compare one pair in full."""

    row: float
    pair: float


@dataclass(frozen=True, repr=False)
class Sample:
    """Similarities that decide what tables miss and what they cost: float (pairs, match-keys), NaN where there is none.

    ``wanted`` are pairs that should meet, each under a match-key in which it reaches ``floor``; ``unrelated`` are
    pairs that should not, of which there are so many that they make the cost.
    """

    wanted: NDArray[np.floating]
    unrelated: NDArray[np.floating]
    floor: float
    length: int

    def lost(self, tables: Tables) -> float:
        """The share of the wanted pairs that is expected to meet in no table."""
        once = np.where(np.nan_to_num(self.wanted) >= self.floor, meeting(self.wanted, self.length, tables.bits), 0)
        never = tables.count * np.log1p(-np.minimum(once, 1 - 1e-12)).sum(axis=1)
        return float(np.exp(never).mean())

    def share(self, tables: Tables) -> float:
        """Comparisons that the tables lead to, repeated ones included, as a share of all."""
        return tables.count * float(_by_count(self.length, tables.bits) @ self._frequency)

    @cached_property
    def _frequency(self) -> NDArray[np.float64]:
        """How often unrelated rows agree in so many bits."""
        counts = _agreeing(self.unrelated, self.length)
        return np.asarray(np.bincount(counts.ravel(), minlength=self.length + 1) / counts.size)

    def fewest(self, bits: int, target: float) -> Tables:
        """The fewest tables, within one in a hundred, that are expected to lose a share ``target`` at most."""
        low, high = 0, 1
        while self.lost(Tables(bits, high)) > target:
            low, high = high, 2 * high
        while high - low > max(1, low // 100):
            middle = (low + high) // 2
            low, high = (low, middle) if self.lost(Tables(bits, middle)) <= target else (middle, high)
        return Tables(bits, high)

    def core_hours(self, tables: Tables, *, rows: int, others: int, costs: Costs) -> float:
        """Of building the tables and comparing the pairs that meet."""
        building = tables.count * (rows + others) * costs.row
        comparing = rows * others * self.share(tables) * costs.pair
        return int(self.unrelated.shape[1]) * (building + comparing) / 3600

    def cheapest(self, target: float, *, rows: int, others: int, costs: Costs) -> Tables:
        """The tables that lose a share ``target`` at the least cost."""
        tried = (self.fewest(bits, target) for bits in range(4, MOST_BITS + 1, 2))
        return min(tried, key=lambda one: self.core_hours(one, rows=rows, others=others, costs=costs))


def hardened_agreement(distance: float, t: int) -> float:
    """The share of hardened bits that agree where base filters differ in a share ``distance`` of theirs."""
    return float((1 + (1 - 2 * distance) ** t) / 2)


def tables_needed(agreement: float, bits: int, lost: float) -> int:
    """How many tables rows need that agree in such a share of bits, to meet but for a probability ``lost``."""
    once = agreement**bits
    return 1 if once == 1 else math.ceil(math.log(lost) / math.log1p(-once))


def meeting(similarity: NDArray[np.floating], length: int, bits: int) -> NDArray[np.float64]:
    """The probability that rows of such a similarity meet in one table; 0 where it is NaN."""
    return np.asarray(_by_count(length, bits)[_agreeing(similarity, length)])


def _by_count(length: int, bits: int) -> NDArray[np.float64]:
    """The same for every number of agreeing bits, from 0 to ``length``."""
    agreeing, taken = np.arange(length + 1)[:, None], np.arange(bits)
    return np.asarray((np.maximum(agreeing - taken, 0) / (length - taken)).prod(axis=1))


def _agreeing(similarity: NDArray[np.floating], length: int) -> NDArray[np.int64]:
    return np.asarray(np.rint(np.nan_to_num(similarity) * length), np.int64)


def find(simulation: Simulation, tables: Tables, rng: np.random.Generator) -> tuple[Joined, int]:
    """The pairs that reach the floor among those that meet in a table, and how many comparisons that takes.

    A pair that meets again under the same match-key counts once. As many tables as an encoding can be cut into share
    no position: they are bands of it.
    """
    kept, compared = [], 0
    for key in simulation.fuzzy:
        a, b = simulation.sides(key.name)
        met = union(
            [
                join(find_exact(_coded(a, positions), _coded(b, positions), most=2**62, budget=1 << 34))
                for positions in _positions(a.length, tables, rng)
            ]
        )
        compared += len(met)
        close = similarities(a, b, *ends(met), "hamming") >= simulation.floor
        kept.append(met[close])
    return union(kept), compared


def _positions(length: int, tables: Tables, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    bands = length // tables.bits
    for table in range(tables.count):
        if table % bands == 0:
            order = rng.permutation(length)
        yield order[table % bands * tables.bits :][: tables.bits]


def _coded(encodings: Encodings, positions: NDArray[np.int64]) -> Encodings:
    """The bits at these positions as one word."""
    code = np.zeros(encodings.rows, np.uint64)
    for position in positions.tolist():
        word, bit = divmod(position, 64)
        code = (code << np.uint64(1)) | ((encodings.bits[:, word] >> np.uint64(bit)) & np.uint64(1))
    return Encodings(code[:, None].copy(), encodings.present)


def measure_costs(length: int, rows: int = 1 << 17, seed: int = 1) -> Costs:
    """Of the matcher's own functions on this machine, in processor time, with more encodings than caches hold."""
    rng = np.random.default_rng(seed)
    there = np.ones(rows, np.bool_)
    a = Encodings(rng.integers(0, 2**64, (rows, length // 64), np.uint64), there)
    left, right = (rng.integers(0, rows, 1 << 19) for _ in range(2))
    similarities(a, a, left[:9], right[:9], "hamming")  # compiles
    started = time.process_time()
    similarities(a, a, left, right, "hamming")
    compared = time.process_time()
    bits = math.ceil(math.log2(rows))
    find_exact(_coded(a, np.arange(bits)), _coded(a, np.arange(bits, 2 * bits)), most=2**62)
    built = time.process_time()
    return Costs(row=(built - compared) / (2 * rows), pair=(compared - started) / len(left))
