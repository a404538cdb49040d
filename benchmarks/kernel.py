"""Variants of the kernel in one run, on one machine: what the choices in ``matcher/_kernel_scan.py`` were measured by.

``python -m benchmarks.kernel --json``. Each variant is a build of the same ``scan`` with another tile, over the same
encodings, and must find the same pairs: tiles of other shapes, counts of bytes in place of words, words as they
are in place of prefix parities, and early abandoning (7 of 16 words, and for the rest the difference of their
numbers of bits). Then sketch lengths, block sizes, and the time that compiling takes, cold and from disk.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from functools import partial
from types import FunctionType
from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from benchmarks.show import show
from benchmarks.sides import best, holders, usual_floor
from matcher import _kernel_scan, kernel
from matcher._kernel_scan import SHAPE, Shape, Tile, arrive
from matcher.kernel import Comparison
from matcher.measures import Measure

ROWS_A, ROWS_B = 960, 4_800
ROWS = 10_000
DICE_WORDS = 6
ABANDONED_AFTER = 7
KINDS: tuple[tuple[int, Measure], ...] = ((1024, "dice"), (2048, "hamming"))
RUNS = 15
_WARM = """
import json, time
from matcher import kernel
started = time.perf_counter()
compiled = kernel.warm()
seconds = round(time.perf_counter() - started, 2)
print(json.dumps({"seconds": seconds, "compiled": compiled, "kept": kernel.code_folder() is not None}))
"""
_WORD = ir.IntType(64)


def _number(value: int) -> Any:
    return ir.Constant(_WORD, value)


class _Plain(Tile):
    """Words as they are: one XOR, one count and one addition for each."""

    skipped = 0

    def start(self) -> list[Any]:
        """Twice the slack of each row's pairs."""
        build, first = self.builder, _number(0)
        column = self.lanes(self.b_slack, first)
        slack = [build.add(column, self.spread(self.a_slack, first, row)) for row in range(self.shape.rows)]
        return [build.add(one, one) for one in slack]

    def margins(self) -> list[Any]:
        build, start, entry = self.builder, self.start(), self.builder.block
        loop, done = build.append_basic_block("loop"), build.append_basic_block("done")
        build.branch(loop)
        build.position_at_end(loop)
        word, sums = build.phi(_WORD), self.choose(self.vector, (entry, start))
        counts = [self.total(self.count(one)) for one in self.differ(word)]
        more = [build.add(*both) for both in zip(sums, counts, strict=True)]
        following = build.add(word, _number(1))
        arrive([word], entry, [_number(self.skipped)])
        arrive([word, *sums], loop, [following, *more])
        build.cbranch(build.icmp_signed("<", following, self.words), loop, done)
        build.position_at_end(done)
        return more


class _Abandoning(_Plain):
    """The first words, and before them a word that says how many bits the others have set."""

    skipped = 1

    def start(self) -> list[Any]:
        build, column, more = self.builder, self.lanes(self.b, _number(0)), []
        for row, slack in enumerate(super().start()):
            apart = build.sub(column, self.spread(self.a, _number(0), row))
            back = build.sub(self.every(0), apart)
            more.append(build.add(slack, build.select(build.icmp_signed("<", apart, back), back, apart)))
        return more


def scan_with(shape: Shape, tile: type[Tile] = Tile) -> Any:
    """Build ``scan`` with another tile."""

    @intrinsic
    def compare_tile(_context: Any, _a: Any, _a_slack: Any, _b: Any, _b_slack: Any, _words: Any) -> Any:
        signature = types.uint64(types.uintp, types.uintp, types.uintp, types.uintp, types.intp)
        return signature, lambda _context, builder, _signature, arguments: tile(builder, arguments, shape).near()

    names = {"ROWS": shape.rows, "LANES": shape.lanes, "TILE": shape.pairs, "_tile": compare_tile}
    scan: Any = _kernel_scan.scan
    return njit(nogil=True)(FunctionType(scan.py_func.__code__, {**vars(_kernel_scan), **names}))


def variants(bits: int, measure: Measure, *, quick: bool = False) -> list[dict[str, Any]]:
    """G pairs per second of every build, with the sketch length that the kernel would choose; its own build first."""
    c = _comparison(bits, measure, ROWS_B)
    words = DICE_WORDS if measure == "dice" else c.a.words
    folded = [_fold(side.bits, words) for side in (c.a, c.b)]
    parities = [np.bitwise_xor.accumulate(one, axis=1) for one in folded]
    cut = [_cut(side.bits) for side in (c.a, c.b)]
    shapes = [replace(SHAPE, rows=rows) for rows in (1, 2, 4, 6, 8) if rows != SHAPE.rows]
    shapes += [replace(SHAPE, counts_words=False)] if SHAPE.counts_words else []
    shapes += [Shape(2, 4), Shape(4, 4), Shape(4, 2)]
    shapes = shapes[-1:] if quick else shapes
    builds: list[tuple[str, Shape, type[Tile], list[NDArray[np.uint64]]]] = [
        *((_name(shape), shape, Tile, parities) for shape in (SHAPE, *shapes)),
        ("no parities", SHAPE, _Plain, folded),
        *((f"abandoning, {rows} rows", replace(SHAPE, rows=rows), _Abandoning, cut) for rows in {4, SHAPE.rows}),
    ]
    found: list[dict[str, Any]] = []
    pairs: set[int] = set()
    for name, shape, tile, sides in builds:
        rate, number = _rate(c, scan_with(shape, tile), shape, sides)
        pairs.add(number)
        found.append({"bits": bits, "measure": measure, "build": name, "g_pairs_per_s": rate})
    if len(pairs) != 1:
        raise AssertionError(f"The builds find different numbers of pairs: {pairs}.")
    return found


def _name(shape: Shape) -> str:
    return f"{shape.rows} x {shape.lanes}, {'words' if shape.counts_words else 'bytes'} counted"


def _rate(c: Comparison, scan: Any, shape: Shape, sketches: list[NDArray[np.uint64]]) -> tuple[float, int]:
    """G pairs per second of one build, and how many pairs it finds."""
    sides: list[Any] = []
    for sketch, width, first in zip(sketches, (shape.rows, shape.lanes), (True, False), strict=True):
        rows = ROWS_A if first else ROWS_B
        _, slack, bits, weight = kernel._side(replace(c, words=1), slice(0, rows), first=first)
        laid = sketch[:rows].reshape(-1, width, sketch.shape[1]).transpose(0, 2, 1)
        sides += [np.ascontiguousarray(laid), slack[:rows], bits, weight]
    buffers = np.empty(1 << 18, np.int32), np.empty(1 << 18, np.int32), np.empty(1 << 18, np.float32)
    work = partial(scan, *sides, c.limit, 0, *buffers)
    work()
    seconds, (pairs, _, _) = best(work, runs=RUNS, seconds=3)
    return round(ROWS_A * ROWS_B / seconds / 1e9, 3), int(pairs)


def _comparison(bits: int, measure: Measure, rows: int) -> Comparison:
    a, b = holders(rows, bits, measure)
    return kernel.prepare(a, b, measure=measure, floor=usual_floor(rows, bits, measure))


def _fold(bits: NDArray[np.uint64], words: int) -> NDArray[np.uint64]:
    folded = np.zeros((len(bits), words), np.uint64)
    for word in range(bits.shape[1]):
        folded[:, word % words] ^= bits[:, word]
    return folded


def _cut(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The first words, after the number of bits that are set in the rest."""
    after = ABANDONED_AFTER * bits.shape[1] // 16
    rest = np.bitwise_count(bits[:, after:]).sum(axis=1, dtype=np.uint64)
    return np.column_stack([rest, bits[:, :after]])


def lengths(bits: int, measure: Measure) -> list[dict[str, Any]]:
    """G pairs per second by sketch length; the last one is no sketch."""
    c = _comparison(bits, measure, ROWS)
    choices = (5, 6, 7, 8, 10, 12, c.a.words) if measure == "dice" else (29, 30, 31, c.a.words)
    return [
        {"bits": bits, "measure": measure, "words": words, "g_pairs_per_s": _compare(replace(c, words=words))}
        for words in choices
    ]


def blocks(bits: int, measure: Measure) -> list[dict[str, Any]]:
    """G pairs per second by how much is laid out at a time."""
    c = _comparison(bits, measure, ROWS)
    c = replace(c, words=DICE_WORDS if measure == "dice" else c.a.words)
    found = []
    for panel_bytes in (1 << 14, 1 << 16, 1 << 18, kernel.PANEL_BYTES, 1 << 20, 1 << 22):
        rate = _compare(c, panel_bytes=panel_bytes)
        found.append({"bits": bits, "measure": measure, "panel_kib": panel_bytes >> 10, "g_pairs_per_s": rate})
    for rows_at_once in (256, 1024, 4096, kernel.ROWS_AT_ONCE):
        rate = _compare(c, rows_at_once=rows_at_once)
        found.append({"bits": bits, "measure": measure, "rows_at_once": rows_at_once, "g_pairs_per_s": rate})
    return found


def _compare(c: Comparison, **options: Any) -> float:
    seconds, _ = best(partial(kernel.compare, c, range(c.a.rows), **options), runs=5, seconds=5)
    return round(c.a.rows * c.b.rows / seconds / 1e9, 3)


def starts() -> list[dict[str, Any]]:
    """What compiling takes in a new process: with nothing kept, and with what the one before it kept."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        found = []
        for start in ("cold", "warm"):
            command = [sys.executable, "-c", _WARM]
            run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            found.append({"start": start, **json.loads(run.stdout)})
        return found


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    own = [row for row in figures["builds"] if row["build"] == _name(SHAPE)]
    speeds = "; ".join(f"{row['measure']} {row['g_pairs_per_s']} G pairs/s" for row in own)
    kept = " and ".join(f"{row['seconds']} s {row['start']}" for row in figures["starts"])
    return speeds, f"compiling takes {kept}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="some builds only, not the lengths of sketches and blocks")
    options = parser.parse_args()
    parts = (("builds", partial(variants, quick=options.quick)), ("sketch_lengths", lengths), ("blocks", blocks))
    figures: dict[str, Any] = {"load": round(os.getloadavg()[0], 1), "shape": str(SHAPE), "starts": starts()}
    for name, measure_it in parts[: 1 if options.quick else None]:
        figures[name] = [row for bits, measure in KINDS for row in measure_it(bits, measure)]
    show(figures, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
