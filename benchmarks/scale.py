"""How large a linkage may be: pairs, core-hours, memory, network and money of comparing every row with every row.

``python -m benchmarks.scale``: first measures how many pairs this machine's core compares in a second, then
calculates. ``--rate 1e9`` takes that number instead, ``--core-hour`` and ``--gb-month`` the prices, ``--people`` the
country's children. ``--json`` gives every figure unrounded. Hours are those of comparing; encoding, weighing and
solving are small beside it. The explanation is docs/explanation/scale.md.
"""

import argparse
import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.printing import markdown, power, short
from keys.envelope import padded_length
from keys.layout import encoding_bytes, release_record, upload_record
from keys.template import default_terms
from keys.terms import FuzzyKey, Identifier
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from services.broker.match.matching import BYTES_PER_CANDIDATE

AUTHORITIES, BOARDS = 153, 42
PEOPLE = 17_000_000
"""Residents of England aged 0 to 25, Census 2021 (ONS): 29 % of 56.5 million are 0 to 24, and one year of age more."""

WORKER_CORES = 16
SPILT_BYTES = 12
"""Of a pair on disk: two row numbers and a similarity."""
STREAMED_ROWS = 1_000_000
"""Rows of the smaller holder that stay in memory when encodings are streamed; the other's pass by in pieces."""
PASSING_ROWS = 1 << 16
HOURS_PER_MONTH = 730

TERMS = default_terms({"council": [*Identifier], "icb": [*Identifier]})
_FUZZY = [key for key in TERMS.match_keys if isinstance(key, FuzzyKey)]
KEYS = len(_FUZZY)
"""Fuzzy ones: exact ones are not compared row by row but sorted."""
ENCODING_BYTES = encoding_bytes(TERMS, _FUZZY[0])
RECORD_BYTES = upload_record(TERMS, "council").itemsize
RELEASE_BYTES = release_record().itemsize
LENGTH = 8 * ENCODING_BYTES
CHANCE_PAIRS_PER_ROW = TERMS.decision.chance_pairs_per_row
NAMESAKES = 4e-7
"""Of all pairs of two made-up children, so many have one forename and one date of birth, or one surname and one date of
birth, half of them each: an exact match-key lists them. Under the others hardly any share a token but twins."""


@dataclass(frozen=True)
class Prices:
    """Pounds; an assumption, no offer of anybody."""

    core_hour: float = 0.05
    gb_month: float = 0.10


@dataclass(frozen=True)
class Case:
    """``runs`` equal runs. ``holders`` (count, rows) and ``comparisons`` (count, rows, rows) are those of one run."""

    name: str
    holders: Sequence[tuple[int, int]]
    comparisons: Sequence[tuple[int, int, int]]
    runs: int = 1


@dataclass(frozen=True)
class Figures:
    """What a case takes. GB are 10^9 bytes. Memory is that of one worker; the rest is of all runs.

    ``hours``: on workers of ``WORKER_CORES`` cores. ``memory_one_key_gb``: encodings of one match-key of the two
    largest holders, which a worker holds; ``memory_streamed_gb``: of a block of rows, for which ``read_gb`` would be
    read from storage in all. ``weighing_gb``: the listed pairs of two holders, one chance pair per row and fuzzy
    match-key, one true pair, and namesakes. ``spilt_gb``: what every fuzzy match-key lists in a run, on disk.
    ``network_gb``: uploads and releases. ``pounds``: core-hours, and the uploads for as long as they are retained.
    """

    name: str
    runs: int
    pairs: int
    comparisons: int
    core_hours: float
    hours: float
    memory_one_key_gb: float
    memory_streamed_gb: float
    read_gb: float
    weighing_gb: float
    spilt_gb: float
    upload_gb: float
    network_gb: float
    pounds: float


def cases(people: int = PEOPLE) -> list[Case]:
    """Two sizes to go by, and three ways to link the country, its authorities and boards taken to be of equal size."""
    authority, board = round(people / AUTHORITIES), round(people / BOARDS)
    return [
        _two("100,000 x 400,000", 100_000, 400_000),
        _two("1 million x 10 million", 10**6, 10**7),
        _two("each authority with its board", authority, board, runs=AUTHORITIES),
        _two("everybody with everybody", people, people),
        Case(
            "all holders in one agreement",
            holders=[(AUTHORITIES, authority), (BOARDS, board)],
            comparisons=[
                (math.comb(AUTHORITIES, 2), authority, authority),
                (AUTHORITIES * BOARDS, authority, board),
                (math.comb(BOARDS, 2), board, board),
            ],
        ),
    ]


def _two(name: str, rows: int, others: int, runs: int = 1) -> Case:
    return Case(name, holders=[(1, rows), (1, others)], comparisons=[(1, rows, others)], runs=runs)


def calculate(case: Case, *, rate: float, prices: Prices | None = None, workers: int = 1) -> Figures:
    """``rate``: pairs per second and core, of one match-key. ``workers`` share the hours and nothing else."""
    prices = prices or Prices()
    pairs = case.runs * sum(count * rows * others for count, rows, others in case.comparisons)
    core_hours = hours(pairs * KEYS, rate)
    rows = sum(count * rows for count, rows in case.holders)
    smaller, larger = max((sorted(one[1:]) for one in case.comparisons), key=math.prod)
    blocks = sum(count * -(-min(a, b) // STREAMED_ROWS) * max(a, b) for count, a, b in case.comparisons)
    weighed = max(min(a, b) * (1 + CHANCE_PAIRS_PER_ROW * KEYS) + a * b * NAMESAKES for _, a, b in case.comparisons)
    spilt = sum(count * min(a, b) for count, a, b in case.comparisons) * (1 + CHANCE_PAIRS_PER_ROW) * KEYS
    upload = case.runs * sum(count * padded_length(rows * RECORD_BYTES) for count, rows in case.holders) / 1e9
    return Figures(
        name=case.name,
        runs=case.runs,
        pairs=pairs,
        comparisons=pairs * KEYS,
        core_hours=core_hours,
        hours=core_hours / (workers * WORKER_CORES),
        memory_one_key_gb=(smaller + larger) * ENCODING_BYTES / 1e9,
        memory_streamed_gb=(min(smaller, STREAMED_ROWS) + min(larger, PASSING_ROWS)) * ENCODING_BYTES / 1e9,
        read_gb=case.runs * KEYS * blocks * ENCODING_BYTES / 1e9,
        weighing_gb=weighed * BYTES_PER_CANDIDATE / 1e9,
        spilt_gb=spilt * SPILT_BYTES / 1e9,
        upload_gb=upload,
        network_gb=upload + case.runs * rows * RELEASE_BYTES / 1e9,
        pounds=core_hours * prices.core_hour + upload * prices.gb_month * TERMS.retention_hours / HOURS_PER_MONTH,
    )


def hours(comparisons: float, rate: float) -> float:
    """Core-hours of so many comparisons of encodings."""
    return comparisons / rate / 3600


def reach(core_hours: float, *, rate: float) -> int:
    """The most rows that two holders of equal size may have if comparing them is to take so many core-hours."""
    return math.isqrt(int(core_hours * 3600 * rate / KEYS))


def measure_rate(rows: int = 1 << 14, runs: int = 5) -> float:
    """Pairs per second and core on this machine: unrelated encodings, the floor of 100,000 by 400,000 rows.

    The time is that of the processor, so that a busy machine counts less, and the best of ``runs``.
    """
    rng = np.random.default_rng(1)
    a, b = (
        Encodings(rng.integers(0, 2**64, (rows, LENGTH // 64), np.uint64), np.ones(rows, np.bool_)) for _ in range(2)
    )
    floor = noise_floor(100_000, 400_000, LENGTH, 100_000 * CHANCE_PAIRS_PER_ROW)
    find_pairs(a, b, measure="hamming", floor=floor, rows=range(100))  # compiles
    seconds = []
    for _ in range(runs):
        started = time.process_time()
        find_pairs(a, b, measure="hamming", floor=floor)
        seconds.append(time.process_time() - started)
    return rows * rows / min(seconds)


def tables(figures: Sequence[Figures], rate: float, prices: Prices) -> list[str]:
    """Lines of Markdown."""
    heads = ("", "runs", "pairs", "core-hours", f"hours on {WORKER_CORES} cores", "pounds")
    work = [
        (one.name, f"{one.runs}", power(one.pairs), short(one.core_hours), short(one.hours), short(one.pounds))
        for one in figures
    ]
    sizes = ("GB", "one match-key", "streamed", "read if streamed", "weighing", "pairs on disk", "uploads", "network")
    memory = [(one.name, *(short(getattr(one, field)) for field in _GIGABYTES)) for one in figures]
    return [
        *markdown(heads, work),
        "",
        *markdown(sizes, memory),
        "",
        _budgets(rate, prices),
    ]


def _budgets(rate: float, prices: Prices) -> str:
    night, pounds = reach(10 * WORKER_CORES, rate=rate), reach(100 / prices.core_hour, rate=rate)
    by_night = f"{short(night / 1e6)} million by as many rows take 10 hours on {WORKER_CORES} cores"
    return f"{by_night}; {short(pounds / 1e6)} million by as many cost 100 pounds."


_GIGABYTES = (
    "memory_one_key_gb",
    "memory_streamed_gb",
    "read_gb",
    "weighing_gb",
    "spilt_gb",
    "upload_gb",
    "network_gb",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=float, help="pairs per second and core; measured if not given")
    parser.add_argument("--core-hour", type=float, default=Prices.core_hour, help="pounds")
    parser.add_argument("--gb-month", type=float, default=Prices.gb_month, help="pounds")
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--workers", type=int, default=1, help=f"machines of {WORKER_CORES} cores")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rate = options.rate or measure_rate()
    prices = Prices(options.core_hour, options.gb_month)
    found = [calculate(one, rate=rate, prices=prices, workers=options.workers) for one in cases(options.people)]
    if options.json:
        print(json.dumps({"rate": rate, "prices": asdict(prices), "cases": [asdict(one) for one in found]}))
    else:
        print(f"{rate / 1e9:.2f} thousand million pairs per second and core\n", file=sys.stderr)
        print("\n".join(tables(found, rate, prices)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
