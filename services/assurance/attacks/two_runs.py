"""A8. Two runs: the same rows encoded for two agreements, each with a secret of its own, and linked to each other.

Whoever could do this would follow children from one purpose to the next. Direct comparison of bits, of exact tokens,
of how many bits are set and of how often an encoding occurs; what structure adds is for graph matching. The control is
one secret for both agreements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from encoder.match_keys import Encodings
from services.assurance.attacks import frequency
from services.assurance.attacks.guess import Guess

_BLOCK = 1_000


def attack(
    first: Mapping[str, Encodings], second: Mapping[str, Encodings], rng: np.random.Generator
) -> dict[str, Guess]:
    """Which row of the second run each row of the first is taken for, by each way of comparing."""
    by_counts = np.stack([_popcounts(one) for one in first.values()], axis=1)
    to_counts = np.stack([_popcounts(second[name]) for name in first], axis=1)
    return {
        "nearest bits": _nearest([(one, second[name]) for name, one in first.items()]),
        "nearest numbers of set bits": _closest(by_counts, to_counts),
        "equal frequencies": frequency.attack(first, {name: second[name] for name in first}, rng),
    }


def _signs(encodings: Encodings) -> NDArray[np.float32]:
    """1 for a set bit, -1 for another, 0 throughout an absent row."""
    signs = 2 * np.unpackbits(encodings.bits, axis=1).astype(np.float32) - 1
    signs[~encodings.present] = 0
    return signs


def _popcounts(encodings: Encodings) -> NDArray[np.float32]:
    """Set bits, as far as they differ from the mean, in standard deviations."""
    counts = np.bitwise_count(encodings.bits).sum(axis=1).astype(np.float32)
    spread = float(counts.std())
    return np.asarray((counts - counts.mean()) / spread if spread else np.zeros_like(counts), dtype=np.float32)


def _nearest(keys: Sequence[tuple[Encodings, Encodings]]) -> Guess:
    """The row that shares most bits over all match-keys, a block of rows at a time."""
    rows = len(keys[0][0].present)
    target, sure = np.empty(rows, np.int64), np.empty(rows)
    for start in range(0, rows, _BLOCK):
        some = slice(start, start + _BLOCK)
        nearness: NDArray[np.float32] = np.zeros((1, rows), np.float32)
        for one, other in keys:
            nearness = nearness + _signs(Encodings(one.bits[some], one.present[some])) @ _signs(other).T
        target[some], sure[some] = nearness.argmax(axis=1), nearness.max(axis=1)
    return Guess(target, sure)


def _closest(rows: NDArray[np.float32], others: NDArray[np.float32]) -> Guess:
    """The row whose numbers are nearest by Euclid's distance, a block of rows at a time."""
    target, sure = np.empty(len(rows), np.int64), np.empty(len(rows))
    sizes = (others * others).sum(axis=1)
    for start in range(0, len(rows), _BLOCK):
        some = slice(start, start + _BLOCK)
        nearness = 2 * (rows[some] @ others.T) - sizes
        target[some], sure[some] = nearness.argmax(axis=1), nearness.max(axis=1)
    return Guess(target, sure)
