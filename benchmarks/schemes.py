"""Ways for the broker to compare fewer pairs, each beside the exhaustive comparison of the same made-up children."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.hashing import Tables, find
from benchmarks.scale import LENGTH
from benchmarks.simulation import Joined, Simulation, ends, union
from encoder.identifiers import Column

HASHED = (
    ("bands of 16 bits", Tables(16, LENGTH // 16)),
    ("bands of 20 bits", Tables(20, LENGTH // 20)),
    ("20 bits, 200 tables", Tables(20, 200)),
)
DRAWN = 2_000_000
"""Pairs drawn to estimate how many share a token."""


@dataclass(frozen=True)
class Scheme:
    """A way to compare fewer pairs.

    ``compared``: share of all comparisons. ``unlisted``: share of the true links that the exhaustive comparison lists.
    ``lost``: share of its right links, negative where there are more. ``false``: count of false links. ``seconds`` of
    one core: measured where pairs are found, else in proportion. ``bits_told``: entropy per row of a token that the
    broker would have to be given. ``pairs`` are listed, and weighed and solved in ``weighing`` seconds.
    """

    name: str
    compared: float
    unlisted: float
    lost: float
    false: int
    seconds: float
    bits_told: float
    pairs: int
    weighing: float


@dataclass(frozen=True)
class _Listed:
    """What the exhaustive comparison gives: pairs by fuzzy match-key, and its right links with those of exact ones."""

    by_key: Sequence[Joined]
    right: int
    seconds: float


def schemes(
    simulation: Simulation, rng: np.random.Generator, *, hashed: Sequence[tuple[str, Tables]] = HASHED
) -> list[Scheme]:
    """Every scheme on the same children, the exhaustive comparison first and the ``hashed`` ones last."""
    started = time.process_time()
    by_key = simulation.listed()
    seconds = time.process_time() - started
    right = len(np.intersect1d(simulation.links(union([*by_key, simulation.exact])), simulation.truth))
    all_pairs = _Listed(by_key, right, seconds)
    found = [_judge("exhaustive", simulation, all_pairs, by_key, compared=1.0)]
    found.append(_set_aside(simulation, all_pairs))
    found += _fewer_keys(simulation, all_pairs)
    found.append(_judge("exact match-keys alone", simulation, all_pairs, [], compared=0.0))
    found += _by_token(simulation, all_pairs)
    for name, tables in hashed:
        started = time.process_time()
        pairs, compared = find(simulation, tables, rng)
        spent = time.process_time() - started
        share = compared / (simulation.rows[0] * simulation.rows[1] * len(simulation.fuzzy))
        found.append(_judge(name, simulation, all_pairs, [pairs], compared=share, seconds=spent))
    return found


def _judge(
    name: str,
    simulation: Simulation,
    exhaustive: _Listed,
    by_key: Sequence[Joined],
    *,
    compared: float,
    seconds: float | None = None,
    bits_told: float = 0.0,
) -> Scheme:
    """``by_key``: what fuzzy match-keys list. What exact ones list is listed too, whatever the scheme."""
    listed = union([*by_key, simulation.exact])
    true = len(np.intersect1d(union([*exhaustive.by_key, simulation.exact]), simulation.truth))
    started = time.process_time()
    links = simulation.links(listed)
    weighing = time.process_time() - started
    right = len(np.intersect1d(links, simulation.truth))
    return Scheme(
        name=name,
        compared=compared,
        unlisted=1 - len(np.intersect1d(listed, simulation.truth)) / true,
        lost=1 - right / exhaustive.right,
        false=len(links) - right,
        seconds=compared * exhaustive.seconds if seconds is None else seconds,
        bits_told=bits_told,
        pairs=len(listed),
        weighing=weighing,
    )


def _set_aside(simulation: Simulation, exhaustive: _Listed) -> Scheme:
    """Rows whose NHS number one row of the other holder has, and no more, are compared with no other row."""
    left, right = ends(simulation.sharing("nhs-number"))
    alone = (np.bincount(left)[left] == 1) & (np.bincount(right)[right] == 1)
    free = [np.ones(rows, np.bool_) for rows in simulation.rows]
    free[0][left[alone]] = free[1][right[alone]] = False
    kept = [_where(pairs, lambda a, b: free[0][a] & free[1][b]) for pairs in exhaustive.by_key]
    compared = float(free[0].mean() * free[1].mean())
    return _judge("linked by NHS number set aside", simulation, exhaustive, kept, compared=compared)


def _fewer_keys(simulation: Simulation, exhaustive: _Listed) -> Iterator[Scheme]:
    """Of so many fuzzy match-keys those that list the most true links; the others still weigh what is listed."""
    names = [key.name for key in simulation.fuzzy]

    def listing(chosen: tuple[int, ...]) -> int:
        return len(np.intersect1d(union([exhaustive.by_key[one] for one in chosen]), simulation.truth))

    for count in range(len(names) - 1, 0, -1):
        best = max(combinations(range(len(names)), count), key=listing)
        name = "match-keys " + ", ".join(names[one] for one in best)
        kept = [exhaustive.by_key[one] for one in best]
        yield _judge(name, simulation, exhaustive, kept, compared=count / len(names))


def _by_token(simulation: Simulation, exhaustive: _Listed) -> Iterator[Scheme]:
    """Only rows with the same token meet, and rows without one meet all. The token would have to leave the holder."""
    year = [_codes(one.columns["year"]) for one in simulation.identifiers]
    district = [_codes(_outward(one.columns["postcode"])) for one in simulation.identifiers]
    for name, tokens in (("same year of birth", [year]), ("same district", [district]), ("either", [year, district])):
        codes = [_numbered(a, b) for a, b in tokens]

        def meet(a: NDArray[np.int64], b: NDArray[np.int64], codes: Any = codes) -> NDArray[np.bool_]:
            return np.asarray(np.any([(x[a] == y[b]) | (x[a] < 0) | (y[b] < 0) for x, y in codes], axis=0))

        kept = [_where(pairs, meet) for pairs in exhaustive.by_key]
        told = sum(_entropy(a) for a, _ in codes)
        compared = float(meet(*ends(simulation.drawn(DRAWN))).mean())
        yield _judge(name, simulation, exhaustive, kept, compared=compared, bits_told=told)


def _where(pairs: Joined, keep: Callable[..., NDArray[np.bool_]]) -> Joined:
    return pairs[keep(*ends(pairs))]


def _outward(column: Column) -> Column:
    return Column(column.codes, tuple(value.replace(" ", "")[:-3] for value in column.values))


def _codes(column: Column) -> NDArray[np.str_]:
    return np.array(column.values)[column.codes]


def _numbered(a: NDArray[np.str_], b: NDArray[np.str_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Equal values as equal numbers; -1 where there is none."""
    values, codes = np.unique(np.concatenate([a, b]), return_inverse=True)
    codes = np.where(values[codes] == "", -1, codes)
    return codes[: len(a)], codes[len(a) :]


def _entropy(codes: NDArray[np.int64]) -> float:
    share = np.unique(codes, return_counts=True)[1] / len(codes)
    return float(-(share * np.log2(share)).sum())
