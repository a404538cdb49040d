"""What comparing costs as floors, rows and cores change: ours alone. Time per pair must stay flat as rows grow.

``python -m benchmarks.growth --json``: 1,024 bits by Dice and 2,048 hardened bits by Hamming, floors 0.7 to 0.95 and
the usual one, 10,000 to 200,000 rows in each holder, one core and two; with the peak memory of a process that
makes the encodings and compares them, beside one that only makes them. One core is measured in processor time;
what a second one gains, in time passed, of runs in turn.
"""

import argparse
import os
import sys
from functools import partial
from typing import Any

from benchmarks.apart import apart
from benchmarks.show import show
from benchmarks.sides import best, holders, usual_floor
from matcher import kernel
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from matcher.measures import Measure

SIZES = (10_000, 20_000, 50_000, 100_000, 200_000)
QUICK_SIZES = (10_000, 40_000)
FLOORS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
FLOOR_ROWS = 20_000
KINDS: tuple[tuple[int, Measure], ...] = ((1024, "dice"), (2048, "dice"), (2048, "hamming"))
RUNS = 3


def growth(sizes: tuple[int, ...], floor_rows: int) -> dict[str, Any]:
    """G pairs per second and peak MiB by size, G pairs per second by floor."""
    by_size: list[dict[str, Any]] = []
    by_floor: list[dict[str, Any]] = []
    for bits, measure in (KINDS[0], KINDS[2]):
        by_size += [_size(rows, bits, measure) for rows in sizes]
    for bits, measure in KINDS:
        a, b = holders(floor_rows, bits, measure)
        usual = usual_floor(floor_rows, bits, measure)
        for floor in sorted({*FLOORS, usual}):
            row = {"bits": bits, "measure": measure, "floor": round(floor, 4)}
            by_floor.append({**row, **_rates(a, b, measure, floor, cores=1)})
    flat = {measure: _spread([row["one_core"] for row in by_size if row["measure"] == measure]) for _, measure in KINDS}
    return {"load": round(os.getloadavg()[0], 1), "slowest_to_fastest": flat, "by_size": by_size, "by_floor": by_floor}


def _size(rows: int, bits: int, measure: Measure) -> dict[str, Any]:
    (figures, peak), (_, made) = (apart(_measure, rows, bits, measure, find) for find in (True, False))
    return {"bits": bits, "measure": measure, "rows": rows, **figures, "mib": round(peak), "making_mib": round(made)}


def _measure(rows: int, bits: int, measure: Measure, find: bool) -> dict[str, Any]:
    a, b = holders(rows, bits, measure)
    return _rates(a, b, measure, usual_floor(rows, bits, measure), cores=2) if find else {}


def _rates(a: Encodings, b: Encodings, measure: Measure, floor: float, *, cores: int) -> dict[str, Any]:
    """The best of some runs of one core, and what a second one gains, if asked."""
    kernel.warm()
    alone = partial(find_pairs, a, b, measure=measure, floor=floor)
    seconds, found = best(alone, runs=RUNS)
    rates = {"one_core": round(a.rows * b.rows / seconds / 1e9, 3), "pairs": len(found)}
    if cores == 2:
        passed = {1: float("inf"), 2: float("inf")}
        for threads in (1, 2) * RUNS:  # in turn, and in time passed
            work = partial(alone, threads=threads)
            passed[threads] = min(passed[threads], best(work, runs=1, cores=2)[0])
        rates |= {
            "two_cores": round(a.rows * b.rows / passed[2] / 1e9, 3),
            "second_core": round(passed[1] / passed[2], 2),
        }
    return rates


def _spread(rates: list[float]) -> float:
    return round(min(rates) / max(rates), 2)


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    largest = [row for row in figures["by_size"] if row["rows"] == max(one["rows"] for one in figures["by_size"])]
    speeds = "; ".join(f"{row['measure']} {row['one_core']} G pairs/s at {row['rows']:,} rows" for row in largest)
    gains = ", ".join(f"{row['second_core']}x" for row in largest)
    return speeds, f"slowest to fastest size {figures['slowest_to_fastest']}; second core {gains}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--floor-rows", type=int, default=FLOOR_ROWS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = QUICK_SIZES if options.quick else tuple(options.sizes)
    show(growth(sizes, options.floor_rows), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
