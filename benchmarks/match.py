"""Comparing all pairs: the matcher against anonlink, in one run.

``python -m benchmarks.match --bits 1024 --rows 20000 --cores 1 --json`` compares plain CLKs of made-up people,
half of them in both holders and half of those with a mistake, by Dice >= 0.8, and checks that both find the
same pairs. ``--measure hamming`` compares hardened encodings of the same people, at the floor that chance
rarely passes, and checks the pairs against numpy on a part; anonlink, which has no fast measure for them, runs
its Dice at the same length. Every figure is the best of several runs, so that a busy machine hurts less.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from random import Random
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from benchmarks.encode import realistic_case
from encoder.clk import base_filters, load_schema
from encoder.harden import draw, harden
from encoder.identifiers import Column
from matcher import _anonlink
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from matcher.measures import Measure
from matcher.pairs import Pairs

RUNS = 5
PLAIN_FLOOR = 0.8
CHANCE_PAIRS_PER_ROW = 0.05
ANONLINK_ROWS = 5_000
CHECKED_ROWS = 1_000


def compare(*, bits: int, rows: int, cores: int, measure: Measure) -> dict[str, Any]:
    """Speeds in G pairs per second: ours at ``cores``, anonlink's on one."""
    a, b = holders(rows, bits, measure)
    floor = PLAIN_FLOOR if measure == "dice" else noise_floor(rows, rows, bits, CHANCE_PAIRS_PER_ROW * rows)
    find_pairs(a, b, measure=measure, floor=floor, rows=range(100))  # compiles
    ours, found = _best(RUNS, lambda: find_pairs(a, b, measure=measure, floor=floor, threads=cores))
    fewer = Encodings(a.bits[: min(rows, ANONLINK_ROWS)], a.present[:ANONLINK_ROWS])
    plain_floor = PLAIN_FLOOR if measure == "dice" else 0.9
    anonlink, reference = _best(2, lambda: _anonlink.find_pairs_anonlink(fewer, b, plain_floor))
    if measure == "hamming":
        reference = _by_numpy(a, b, floor)
    rates = {"ours": a.rows * b.rows / ours / 1e9, "anonlink": fewer.rows * b.rows / anonlink / 1e9}
    return {
        "measure": measure,
        "bits": bits,
        "rows": rows,
        "cores": cores,
        "floor": floor,
        "pairs": len(found),
        **{name: round(rate, 3) for name, rate in rates.items()},
        "ratio": round(rates["ours"] / rates["anonlink"], 1),
        "same_pairs": _same(found, reference, CHECKED_ROWS if measure == "hamming" else fewer.rows),
    }


def holders(rows: int, bits: int, measure: Measure) -> tuple[Encodings, Encodings]:
    """Two holders with ``rows`` rows each: the last half of the one is the first half of the other."""
    rng = Random(7)
    people = realistic_case(2 * rows - rows // 2)
    table = list(people.rows)
    again = [_mistaken(row, rng) for row in table[rows - rows // 2 : rows]]
    people.schema["clkConfig"]["l"] = base_length = bits if measure == "dice" else 1024
    schema = load_schema(people.schema)
    sides = []
    for side in (table[:rows], again + table[rows:]):
        columns = [_column(values) for values in zip(*side, strict=True)]
        filters = base_filters(columns, schema, secret=people.secret)
        if measure == "hamming":
            filters = harden(filters, draw(key=bytes(32), base_length=base_length, t=8, length=bits))
        sides.append(Encodings.from_bytes(filters, np.ones(rows, np.bool_)))
    return sides[0], sides[1]


def _mistaken(row: tuple[str, ...], rng: Random) -> tuple[str, ...]:
    """Every second row has a name with two letters swapped, or another postcode."""
    forename, surname, birth, postcode, sex = row
    match rng.randrange(6):
        case 0:
            forename = forename[1] + forename[0] + forename[2:]
        case 1:
            surname = surname[:-2] + surname[-1] + surname[-2]
        case 2:
            postcode = "ZZ1 1ZZ"
    return forename, surname, birth, postcode, sex


def _column(values: tuple[str, ...]) -> Column:
    distinct, codes = np.unique(np.array(values), return_inverse=True)
    return Column(codes.astype(np.int32), tuple(distinct.tolist()))


def _best(runs: int, work: Callable[[], Pairs]) -> tuple[float, Pairs]:
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        pairs = work()
        seconds.append(time.perf_counter() - started)
    return min(seconds), pairs


def _by_numpy(a: Encodings, b: Encodings, floor: float) -> Pairs:
    distance = np.zeros((min(a.rows, CHECKED_ROWS), b.rows), np.int64)
    for word in range(a.words):
        distance += np.bitwise_count(a.bits[: len(distance), word, None] ^ b.bits[None, :, word])
    similarity: NDArray[np.float64] = (a.length - distance) / a.length
    left, right = np.nonzero(similarity >= floor)
    return Pairs(left.astype(np.int32), right.astype(np.int32), similarity[left, right].astype(np.float32))


def _same(found: Pairs, reference: Pairs, rows: int) -> bool:
    part = found.left < rows
    return (
        np.array_equal(found.left[part], reference.left)
        and np.array_equal(found.right[part], reference.right)
        and np.array_equal(found.similarity[part], reference.similarity)
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bits", type=int, default=1024)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--cores", type=int, default=1)
    parser.add_argument("--measure", choices=get_args(Measure), default="dice")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = compare(bits=options.bits, rows=options.rows, cores=options.cores, measure=options.measure)
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:12} {figure}" for name, figure in figures.items()))
    return int(not figures["same_pairs"])


if __name__ == "__main__":
    sys.exit(main())
