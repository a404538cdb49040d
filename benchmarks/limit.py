"""How fast an exact comparison could be on this machine, from two of its speeds: counting bits and reading memory.

``python -m benchmarks.limit --json``. Bits are counted in the widest vectors, in data that stay in the first-level
cache, and memory is read once through. Whoever compares every pair of encodings word by word counts the bits of each
word of each pair, and reads each of B's encodings for every few thousand rows of A. The lower rate is the limit.
The matcher may exceed it: a prefix parity needs one count for two words, and a sketch leaves words out.
"""

import argparse
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from benchmarks.show import show
from benchmarks.sides import best
from matcher._kernel_scan import SHAPE, Tile
from matcher.kernel import ROWS_AT_ONCE

_SUMS, _ROUNDS = 8, 30  # no byte overflows in so few rounds
_VECTORS = _SUMS * _ROUNDS
_TIMES = 20_000
_MEMORY = 1 << 28


class _Count(Tile):
    """Count the bits of ``_VECTORS`` vectors in ``_SUMS`` sums, and add them up."""

    def everything(self) -> Any:
        build = self.builder
        places = [ir.Constant(ir.IntType(64), place) for place in range(_VECTORS)]
        sums = [self.count(self.lanes(self.b, place)) for place in places[:_SUMS]]
        for at, place in enumerate(places[_SUMS:]):
            sums[at % _SUMS] = build.add(sums[at % _SUMS], self.count(self.lanes(self.b, place)))
        totals = [self.total(one) for one in sums]
        lanes = [build.extract_element(one, ir.Constant(ir.IntType(32), 0)) for one in totals]
        result = lanes[0]
        for lane in lanes[1:]:
            result = build.add(result, lane)
        return result


@intrinsic
def _count(_context: Any, _address: Any) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address = arguments[0]
        return _Count(builder, (address, address, address, address, address), SHAPE).everything()

    return types.uint64(types.uintp), generate


@njit
def _count_often(words: Any, times: int) -> Any:
    total = np.uint64(0)
    for time in range(times):
        words[0] = time
        total += _count(words.ctypes.data)  # type: ignore[call-arg]
    return total


@njit
def _read(words: Any) -> Any:
    total = np.uint64(0)
    for place in range(len(words)):
        total ^= words[place]
    return total


def speeds() -> dict[str, float]:
    """Words whose bits are counted, and bytes that are read from memory, in 1e9 per second and core."""
    words = np.arange(_VECTORS * SHAPE.lanes, dtype=np.uint64)
    memory = np.ones(_MEMORY // 8, np.uint64)
    _count_often(words, 1)
    _read(words)
    counting, _ = best(lambda: _count_often(words, _TIMES), runs=15)
    reading, _ = best(lambda: _read(memory), runs=8)
    return {"words_counted": _TIMES * len(words) / counting / 1e9, "bytes_read": _MEMORY / reading / 1e9}


def limit(bits: int, measured: dict[str, float]) -> float:
    """G pairs per second and core that no comparison of every word of every pair can exceed."""
    by_counting = measured["words_counted"] / (bits / 64)
    by_memory = measured["bytes_read"] / (bits / 8) * ROWS_AT_ONCE
    return min(by_counting, by_memory)


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    return f"{figures['limit_1024']} and {figures['limit_2048']} G pairs/s at 1024 and 2048 bits", ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    measured = speeds()
    figures = {f"g_{name}_per_s": round(speed, 2) for name, speed in measured.items()}
    limits = {f"limit_{bits}": round(limit(bits, measured), 3) for bits in (1024, 2048)}
    show({**figures, **limits}, as_json=parser.parse_args().json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
