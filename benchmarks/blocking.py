"""What blocking inside the broker saves and what it misses, measured on made-up children whose truth is known.

``python -m benchmarks.blocking --rows 20000 --json``: for few and for many errors, one line per scheme. Then what
sampled bits (``benchmarks.hashing``) would cost at larger sizes, if one true link in a thousand or one in a hundred may
be lost beforehand. ``--rate``, ``--row-ns`` and ``--pair-ns`` are taken instead of measuring this machine.
The explanation is docs/explanation/scale.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.hashing import Costs, Sample, Tables, hardened_agreement, measure_costs, tables_needed
from benchmarks.printing import markdown, percent, short
from benchmarks.scale import LENGTH, TERMS, WORKER_CORES, Prices, hours, measure_rate, reach
from benchmarks.schemes import schemes
from benchmarks.simulation import Simulation, simulate

SCENARIOS = ("low", "high")
TARGETS = (0.001, 0.01)
UNRELATED = 2_000_000
"""Pairs drawn to estimate how many unrelated rows meet."""
BITS = 20
NONE = Tables(0, 0)
DISTANCES = (0.0, 0.01, 0.02, 0.05, 0.10, 0.15)


@dataclass(frozen=True)
class Planned:
    """Sampled bits at some size: the cheapest tables that lose a share ``target``, beside the exhaustive comparison.

    ``missed`` true links, if as large a share of the smaller holder's rows has one as in the simulation. ``tables`` of
    all fuzzy match-keys; none where all may be lost that exact ones do not list, and these are missed. ``compared``
    counts a pair as often as it meets.
    """

    rows: int
    others: int
    target: float
    missed: int
    bits: int
    tables: int
    compared: float
    core_hours: float
    exhaustive_core_hours: float
    pounds_saved: float


@dataclass(frozen=True)
class Reach:
    """Rows whose base filters differ in a share ``distance``: ``agreement`` of their hardened bits, and how many tables
    of ``BITS`` bits they need to meet in one of them with a probability of 99 in 100."""

    distance: float
    agreement: float
    tables: int


def reaches() -> list[Reach]:
    """By the formula, for the default agreement."""
    hardening = TERMS.encoding.hardening
    assert hardening is not None
    agreements = [hardened_agreement(distance, hardening.t) for distance in DISTANCES]
    return [
        Reach(distance, agreement, tables_needed(agreement, BITS, 0.01))
        for distance, agreement in zip(DISTANCES, agreements, strict=True)
    ]


def plans(
    simulation: Simulation, sizes: Sequence[tuple[int, int]], *, rate: float, costs: Costs, core_hour: float
) -> Iterator[Planned]:
    """Pairs that share the token of an exact match-key are listed in any case and never lost."""
    similarity = simulation.similarity(simulation.truth)
    exact = np.isin(simulation.truth, simulation.exact)
    drawn = simulation.similarity(simulation.unrelated(UNRELATED))
    linked = len(simulation.truth) / simulation.rows[0]
    for rows, others in sizes:
        floor = simulation.floor_of(rows, others)
        fuzzy = ~exact & (np.nan_to_num(similarity) >= floor).any(axis=1)
        sample = Sample(similarity[fuzzy], drawn, floor, simulation.length)
        alone = np.count_nonzero(fuzzy) / np.count_nonzero(fuzzy | exact)
        for target in TARGETS:
            tables = NONE
            if target < alone:
                tables = sample.cheapest(target / alone, rows=rows, others=others, costs=costs)
            taken = sample.core_hours(tables, rows=rows, others=others, costs=costs)
            exhaustive = hours(rows * others * len(simulation.fuzzy), rate)
            yield Planned(
                rows=rows,
                others=others,
                target=target,
                missed=round(min(target, alone) * linked * min(rows, others)),
                bits=tables.bits,
                tables=tables.count * len(simulation.fuzzy),
                compared=sample.share(tables),
                core_hours=taken,
                exhaustive_core_hours=exhaustive,
                pounds_saved=(exhaustive - taken) * core_hour,
            )


def measure(rows: int, *, rate: float, costs: Costs, core_hour: float) -> dict[str, Any]:
    """Both scenarios: what every scheme does, and what sampled bits would cost at larger sizes."""
    night = reach(10 * WORKER_CORES, rate=rate)
    sizes = [(100_000, 400_000), (10**6, 10**7), (night, night)]
    found: dict[str, Any] = {"rows": rows, "rate": rate, "costs": asdict(costs)}
    for scenario in SCENARIOS:
        simulation = simulate(rows, scenario=scenario)
        found[scenario] = {
            "true_links": len(simulation.truth),
            "listed": _share_listed(simulation, sizes),
            "schemes": [asdict(one) for one in schemes(simulation, np.random.default_rng(1))],
            "plans": [asdict(one) for one in plans(simulation, sizes, rate=rate, costs=costs, core_hour=core_hour)],
        }
    return found


def _share_listed(simulation: Simulation, sizes: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Of the true links, how many the exhaustive comparison lists: the floor rises with the sizes."""
    best = np.nan_to_num(simulation.similarity(simulation.truth)).max(axis=1)
    exact = np.isin(simulation.truth, simulation.exact)
    return {
        f"{rows:,} x {others:,}": float(((best >= simulation.floor_of(rows, others)) | exact).mean())
        for rows, others in [simulation.rows, *sizes]
    }


def tables(found: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    lines = [*reach_table(), ""]
    for scenario in SCENARIOS:
        one = found[scenario]
        listed = ", ".join(f"{sizes}: {percent(share)}" for sizes, share in one["listed"].items())
        lines += [f"Errors {scenario}, {one['true_links']:,} true links. Listed at {listed}.", ""]
        heads = ("scheme", "compared", "not listed", "links lost", "false links", "seconds", "bits told")
        rows = [
            (
                each["name"],
                percent(each["compared"]),
                percent(each["unlisted"]),
                percent(each["lost"]),
                f"{each['false']}",
                f"{each['seconds']:.1f}",
                short(each["bits_told"]),
            )
            for each in one["schemes"]
        ]
        lines += [*markdown(heads, rows), ""]
        lines += [*plan_table(one["plans"]), ""]
    return lines


def plan_table(plans: Sequence[dict[str, Any]]) -> list[str]:
    """``plans`` as lines of Markdown."""
    heads = ("rows", "may be lost: missed", "bits, tables", "compared", "core-hours", "exhaustive", "pounds saved")
    rows = [
        (
            f"{each['rows']:,} x {each['others']:,}",
            f"{percent(each['target'])}: {each['missed']:,}",
            f"{each['bits']}, {each['tables']:,}" if each["tables"] else "none",
            percent(each["compared"]),
            short(each["core_hours"]),
            short(each["exhaustive_core_hours"]),
            f"{each['pounds_saved']:.2f}",
        )
        for each in plans
    ]
    return markdown(heads, rows)


def reach_table() -> list[str]:
    """``reaches`` as lines of Markdown."""
    heads = ("base bits that differ", "hardened bits that agree", f"tables of {BITS} bits for 99 %")
    return markdown(heads, [(percent(one.distance), percent(one.agreement), f"{one.tables:,}") for one in reaches()])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=20_000, help="of the first holder; the second has three times as many"
    )
    parser.add_argument("--rate", type=float, help="pairs per second and core; measured if not given")
    parser.add_argument("--row-ns", type=float, help="nanoseconds to put a row into a table; measured if not given")
    parser.add_argument("--pair-ns", type=float, help="nanoseconds to compare one pair that met; measured if not given")
    parser.add_argument("--core-hour", type=float, default=Prices.core_hour, help="pounds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    costs = measure_costs(LENGTH)
    costs = Costs(
        row=costs.row if options.row_ns is None else options.row_ns / 1e9,
        pair=costs.pair if options.pair_ns is None else options.pair_ns / 1e9,
    )
    rate = options.rate or measure_rate()
    found = measure(options.rows, rate=rate, costs=costs, core_hour=options.core_hour)
    print(json.dumps(found) if options.json else "\n".join(tables(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
