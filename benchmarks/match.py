"""Comparing all pairs: the matcher against anonlink, numpy and the machine's limit, in one run.

``python -m benchmarks.match --bits 1024 --rows 20000 --cores 1 --json`` compares plain CLKs of made-up people,
half of them in both holders and half of those with a mistake, by Dice >= 0.8, and checks that both find the
same pairs. ``--measure hamming`` compares hardened encodings of the same people, at the floor that chance
rarely passes, and checks the pairs against numpy on a part; anonlink, which has no fast measure for them, runs
its Dice at the same length. Every figure is the best of several runs, on one core in processor time. Peak memory
is that of a process of its own, beside one that only makes the encodings.
"""

import argparse
import os
import sys
from typing import Any, get_args

from benchmarks.apart import apart
from benchmarks.limit import limit, speeds
from benchmarks.show import show
from benchmarks.sides import best, by_numpy, first_rows, holders, same, usual_floor
from matcher import _anonlink, kernel
from matcher.candidates import find_pairs
from matcher.measures import Measure

ANONLINK_ROWS = 5_000
NUMPY_ROWS = 500


def compare(*, bits: int, rows: int, cores: int, measure: Measure) -> dict[str, Any]:
    """Speeds in G pairs per second: ours at ``cores``, the others' on one."""
    made, peak = (apart(_once, rows, bits, measure, find)[1] for find in (False, True))
    kernel.warm()
    load = os.getloadavg()[0]
    a, b = holders(rows, bits, measure)
    floor = usual_floor(rows, bits, measure)
    ours, found = best(lambda: find_pairs(a, b, measure=measure, floor=floor, threads=cores), cores=cores)
    fewer, few = first_rows(a, ANONLINK_ROWS), first_rows(a, NUMPY_ROWS)
    plain_floor = floor if measure == "dice" else 0.9
    anonlink, reference = best(lambda: _anonlink.find_pairs_anonlink(fewer, b, plain_floor), runs=3)
    numpy, plain = best(lambda: by_numpy(few, b, measure, floor), runs=2)
    checked = same(found, plain, few.rows) and (measure == "hamming" or same(found, reference, fewer.rows))
    rates = {
        "ours": rows * rows / ours / 1e9,
        "anonlink": fewer.rows * rows / anonlink / 1e9,
        "numpy": few.rows * rows / numpy / 1e9,
        "limit": cores * limit(bits, speeds()),
    }
    return {
        "measure": measure,
        "bits": bits,
        "rows": rows,
        "cores": cores,
        "floor": floor,
        "pairs": len(found),
        **{name: round(rate, 3) for name, rate in rates.items()},
        "ratio": round(rates["ours"] / rates["anonlink"], 1),
        "share_of_limit": round(rates["ours"] / rates["limit"], 2),
        "same_pairs": checked,
        "peak_mib": round(peak),
        "making_peak_mib": round(made),
        "load": round(load, 1),
    }


def _once(rows: int, bits: int, measure: Measure, find: bool) -> None:
    """Make the encodings, and compare them once or not at all."""
    a, b = holders(rows, bits, measure)
    if find:
        find_pairs(a, b, measure=measure, floor=usual_floor(rows, bits, measure))


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    beside = f"{figures['ratio']}x anonlink, {figures['share_of_limit']:.0%} of the limit"
    return f"{figures['ours']} G pairs/s", f"{beside}; same pairs: {figures['same_pairs']}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--measure", choices=get_args(Measure), default="dice")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = compare(bits=options.bits, rows=options.rows, cores=options.cores, measure=options.measure)
    show(figures, as_json=options.json)
    return int(not figures["same_pairs"])


if __name__ == "__main__":
    sys.exit(main())
