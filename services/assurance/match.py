"""A match of two holders' plain CLKs by either engine, and the one text for its result.

1. Both engines find the pairs whose Dice similarity, ``2 * common / (size_a + size_b)`` as a double, is at or above
   the floor, and have that double rounded to 32 bits.
2. Links are made by the greedy solver of the engine that found the pairs: by falling similarity, then by row of A,
   then of B; every row is linked at most once.
3. Rows are sorted by row of A, then of B. A similarity is the shortest decimal number that is nearest to its 32-bit
   float and to no other, without an exponent. So equal results are equal bytes.
"""

import os
from collections.abc import Callable, Iterator
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from encoder.cli.version import version_of
from matcher._anonlink import find_all_pairs_anonlink, solve_anonlink
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from matcher.pairs import Pairs
from matcher.solve import PairSet, solve

HEADER = b"row_a,row_b,similarity\n"
_LINES = 1 << 16


class Engine(Enum):
    """Which software compares and links."""

    COUNTERFOIL = "counterfoil"
    ANONLINK = "anonlink"

    @property
    def version(self) -> str:
        """The version that is installed."""
        return version_of(self.value)


def pairs_of(
    a: Encodings,
    b: Encodings,
    floor: float,
    engine: Engine,
    *,
    budget: int,
    progress: Callable[[int, int], None] | None = None,
) -> Pairs:
    """Every pair at or above the floor; ``budget`` bounds the memory for pairs, in bytes.

    Raises FloodError when the pairs do not fit the budget, MatcherError when lengths differ or the floor is not in
    (0, 1].
    """
    if engine is Engine.ANONLINK:
        return find_all_pairs_anonlink(a, b, floor, budget=budget, progress=progress)
    cores = os.cpu_count() or 1
    return find_pairs(a, b, measure="dice", floor=floor, budget=budget, threads=cores, progress=progress)


def links_of(pairs: Pairs, engine: Engine) -> Pairs:
    """The pairs that are linked, every row at most once, by the greedy solver of the engine."""
    scored = PairSet(0, 1, pairs.left, pairs.right, pairs.similarity)
    if engine is Engine.ANONLINK:
        left, right = solve_anonlink(scored, 0.0)
    else:
        left, right = solve([scored], 0.0).between(0, 1)
    width = 1 + int(pairs.right.max(initial=0))
    linked = np.isin(_places(pairs.left, pairs.right, width), _places(left, right, width))
    return pairs.take(linked)


def lines(pairs: Pairs) -> Iterator[bytes]:
    """The header, and then the CSV lines of the pairs in blocks."""
    yield HEADER
    for start in range(0, len(pairs), _LINES):
        some = slice(start, start + _LINES)
        values, which = np.unique(pairs.similarity[some], return_inverse=True)
        texts = [decimal(value) for value in values]
        columns = pairs.left[some].tolist(), pairs.right[some].tolist(), which.tolist()
        yield "".join(f"{a},{b},{texts[at]}\n" for a, b, at in zip(*columns, strict=True)).encode()


def decimal(similarity: np.float32) -> str:
    """The shortest decimal number nearest to this 32-bit float and no other, such as ``0.8`` or ``1.0``."""
    return np.format_float_positional(similarity, unique=True, trim="0")


def _places(left: NDArray[np.integer], right: NDArray[np.integer], width: int) -> NDArray[np.int64]:
    return left.astype(np.int64) * width + right
