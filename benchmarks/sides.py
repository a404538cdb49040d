"""Made-up holders to compare, the plainest way to compare them, and the best of several times."""

import time
from collections.abc import Callable
from random import Random
from typing import TypeVar

import numpy as np

from benchmarks.encode import realistic_case
from encoder.clk import base_filters, load_schema
from encoder.harden import draw, harden
from encoder.identifiers import Column
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from matcher.measures import Measure
from matcher.pairs import Pairs

Result = TypeVar("Result")

PLAIN_FLOOR = 0.8
CHANCE_PAIRS_PER_ROW = 0.05


def usual_floor(rows: int, bits: int, measure: Measure) -> float:
    """For plain CLKs 0.8; for hardened encodings the floor that chance rarely passes."""
    return PLAIN_FLOOR if measure == "dice" else noise_floor(rows, rows, bits, CHANCE_PAIRS_PER_ROW * rows)


def holders(rows: int, bits: int, measure: Measure) -> tuple[Encodings, Encodings]:
    """Two holders with ``rows`` rows each: the last half of the one is the first half of the other.

    For Dice plain CLKs, for Hamming hardened encodings (t = 8) of plain CLKs with 1,024 bits.
    """
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


def first_rows(side: Encodings, rows: int) -> Encodings:
    """The first ``rows`` rows, or all if there are fewer."""
    return Encodings(side.bits[:rows], side.present[:rows])


def best(work: Callable[[], Result], *, runs: int = 5, seconds: float = 10, cores: int = 1) -> tuple[float, Result]:
    """Seconds of the fastest of ``runs`` runs, or of fewer once they have taken ``seconds``; the result of the last.

    On one core the processor's time of this process is taken, so that a busy machine hurts less; on more, time passed.
    """
    clock = time.process_time if cores == 1 else time.perf_counter
    begun, times = time.perf_counter(), list[float]()
    while not times or (len(times) < runs and time.perf_counter() - begun < seconds):
        started = clock()
        result = work()
        times.append(clock() - started)
    return min(times), result


def by_numpy(a: Encodings, b: Encodings, measure: Measure, floor: float) -> Pairs:
    """All pairs, with numpy alone: a table of distances, in memory for every pair."""
    distance = np.zeros((a.rows, b.rows), np.int32)
    for word in range(a.words):
        distance += np.bitwise_count(a.bits[:, word, None] ^ b.bits[None, :, word])
    if measure == "dice":
        sizes = [np.bitwise_count(side.bits).sum(axis=1, dtype=np.int64) for side in (a, b)]
        together = sizes[0][:, None] + sizes[1][None, :]
    else:
        together = np.full((1, 1), a.length, np.int64)
    similarity = (together - distance) / np.maximum(together, 1)
    left, right = np.nonzero(similarity >= floor)
    return Pairs(left.astype(np.int32), right.astype(np.int32), similarity[left, right].astype(np.float32))


def same(found: Pairs, reference: Pairs, rows: int) -> bool:
    """Whether the pairs of the first ``rows`` rows are those of the reference, with the same similarities."""
    part = found.left < rows
    return (
        np.array_equal(found.left[part], reference.left)
        and np.array_equal(found.right[part], reference.right)
        and np.array_equal(found.similarity[part], reference.similarity)
    )
