"""The frontier: linkage quality against re-identification, over hardening, lengths and match-keys.

``python -m benchmarks.frontier --data DIR --out docs/explanation`` measures what ``frontier.json`` in the folder of
``--out`` lacks: F1 on a data set, then whole configurations, then what it has of fewer lists than it should. It writes
the file anew with a table and a chart. ``DIR/febrl`` must be there. It takes hours; interrupted, it goes on where it
was.

Rule: of the configurations under which no attack names more than the gate allows, even at the upper end of the 95 %
interval of what it names, the one with the best mean F1 over all data sets; of those within ``AS_GOOD`` of it, the one
with the fewest bits of a row, then the fewest match-keys, then the largest t. So much is half of a 95 % interval of a
difference of such means, the same rows being linked under each: what is not surely better does not show more.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import ours_under
from benchmarks.datasets import Dataset, datasets
from benchmarks.frontier_grid import DEFAULT, SETS, Configuration, applied, everything, features_of, grid
from benchmarks.frontier_page import chart, mean_f1, table
from benchmarks.judging import judge
from keys.files import whole_files
from keys.frontier import TUPLE
from keys.layout import EXACT_BYTES
from services.assurance.attacks import gates
from services.assurance.attacks.figures import share
from services.assurance.attacks.graph_cases import ADAPTED, LEARNER, PUBLISHED, Matching
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.trial import Trial

ATTACKS: Mapping[str, Matching] = {"A5": PUBLISHED, "A6": ADAPTED, "A7": LEARNER}
CHILDREN, LISTS = 1_000, 21
CLOSE = {3: (0.005, 0.02), 7: (0.007, 0.014)}
"""Shares of rows named that are too near the gate for so many lists to tell: more are measured."""
BROKEN = 0.05
"""A share that one list is enough to tell from the gate."""
PLAN = Plan(CHILDREN, CHILDREN, matched=CHILDREN)
QUALITY = ("febrl", "generator, low", "generator, high", "no names, low")
FIRST_SEED = 3
AS_GOOD = 0.001
FIELDS = tuple(one.name for one in fields(Configuration))
MEASURED = "frontier.json"
PAGES = Path(__file__).parents[1] / "docs" / "explanation"
SHIPPED = Path(__file__).parents[1] / "keys" / MEASURED
"""What ``counterfoil agreement check`` compares with."""


def measure(configuration: Configuration, sets: Sequence[Dataset]) -> dict[str, Any]:
    """F1 on each data set, and of each attack the share of rows named rightly, with its interval."""
    return attacked({**asdict(configuration), **linked(configuration, sets), "attacks": {}})


def linked(configuration: Configuration, sets: Sequence[Dataset]) -> dict[str, Any]:
    """F1 on each data set."""
    return {"f1": {one.name: _f1(one, configuration) for one in sets}}


def attacked(point: Mapping[str, Any]) -> dict[str, Any]:
    """A point with every attack measured that it lacks or has of too few lists, and whether it passes."""
    known, configuration = point["attacks"], configuration_of(point)
    rates = {
        name: known[name] if name in known and settled(known[name]) else _rate(attack, configuration)
        for name, attack in ATTACKS.items()
    }
    return {**point, "attacks": rates, "passes": passes(rates.values())}


def passes(rates: Iterable[Mapping[str, float]]) -> bool:
    """Whether no attack names more than the gate allows, the upper end of each interval taken."""
    return all(rate["high"] <= gates.GRAPH.limit for rate in rates)


def settled(rate: Mapping[str, float]) -> bool:
    """Whether a share was measured on as many lists as its nearness to the gate asks for."""
    lists = ceil(rate["rows"] / CHILDREN)  # fewer than a list's where some are known
    return lists == LISTS or not _goes_on(lists, rate["share"])


def _known(rates: Collection[Mapping[str, float]]) -> bool:
    """Whether it is known on which side of the gate a point is."""
    return any(rate["share"] > BROKEN for rate in rates) or all(map(settled, rates))


def configuration_of(point: Mapping[str, Any]) -> Configuration:
    return Configuration(*(point[name] for name in FIELDS))


def _f1(dataset: Dataset, configuration: Configuration) -> float:
    sides = dataset.sides
    ranked = ours_under(sides, applied(configuration, sides.terms))
    return round(float(judge(ranked, sides.truth, dataset.twins)["f1"]), 4)


def _rate(attack: Matching, configuration: Configuration) -> dict[str, float]:
    """Over the same lists for every configuration, everybody on them encoded; over the more of them the closer it is,
    over one where there is no doubt."""
    terms = applied(configuration, everything())
    answers: list[NDArray[np.bool_]] = []
    for seed in range(LISTS):
        if answers and not _goes_on(seed, float(np.concatenate(answers).mean())):
            break
        trial = Trial(terms, PLAN, np.random.default_rng([FIRST_SEED, seed]), lambda: 0)
        answers.append(attack.answers(trial, terms, 1.0, attack.known))
    every = np.concatenate(answers)
    rate = share(int(every.sum()), len(every))
    return {"share": round(rate.value, 5), "low": round(rate.low, 5), "high": round(rate.high, 5), "rows": len(every)}


def _goes_on(lists: int, named: float) -> bool:
    low, high = CLOSE.get(lists, (0.0, BROKEN))
    return low <= named <= high


def chosen(points: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The point that the rule chooses, or none where none passes."""
    passing = [one for one in points if one["passes"]]
    best = max((mean_f1(one) for one in passing), default=0.0)
    as_good = [one for one in passing if mean_f1(one) >= best - AS_GOOD]
    return min(as_good, key=lambda one: (bits_of(one), len(features_of(one["keys"])), -one["t"]), default=None)


def bits_of(point: Mapping[str, Any]) -> int:
    """Bits of a row under all match-keys but those of numbers."""
    exact = [any(compare == TUPLE for compare, _ in key.values()) for key in features_of(point["keys"]).values()]
    return sum(8 * EXACT_BYTES if one else int(point["length"]) for one in exact)


def document(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All that was measured, with what it was measured on."""
    order = {name: place for place, name in enumerate((DEFAULT, *SETS))}
    ordered = sorted(points, key=lambda one: (order[one["keys"]], one["base_length"], one["length"], one["t"]))
    return {
        "gate": gates.GRAPH.limit,
        "children": CHILDREN,
        "lists": [1, *CLOSE, LISTS],
        "sets": {name: features_of(name) for name in order},
        "points": ordered,
    }


def write(out: Path, points: Sequence[Mapping[str, Any]]) -> None:
    """JSON, table and chart, all or none."""
    made, best = document(points), chosen(points)
    figures = json.dumps(made, indent=1) + "\n"
    with whole_files() as files:
        for name, text in (
            (MEASURED, figures),
            ("frontier.md", "\n".join(table(made, best)) + "\n"),
            ("frontier.svg", chart(made, best)),
        ):
            files.open(out / name, replace=True).write(text.encode())
        if out.resolve() == PAGES:
            files.open(SHIPPED, replace=True).write(figures.encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with febrl")
    parser.add_argument("--out", type=Path, required=True, help="folder of frontier.json, frontier.md and frontier.svg")
    parser.add_argument(
        "--rows", type=int, default=3_000, help="of the council; the care board has three times as many"
    )
    parser.add_argument("--most", type=int, default=10_000, help="measure so many configurations and stop")
    options = parser.parse_args()
    known = options.out / MEASURED
    points: list[dict[str, Any]] = json.loads(known.read_text())["points"] if known.exists() else []
    done = set(map(configuration_of, points))
    missing = [one for one in grid() if one not in done][: options.most]
    sets = [one for name in QUALITY for one in datasets(name, options.rows, options.data, FIRST_SEED, None)]
    for place, point in enumerate(points):
        if set(point["f1"]) != {one.name for one in sets}:
            points[place] = {**point, **linked(configuration_of(point), sets)}
    for number, configuration in enumerate(missing, 1):
        points.append(measure(configuration, sets))
        write(options.out, points)
        print(f"{number} of {len(missing)}: {_line(points[-1])}", flush=True)
    unsettled = [one for one in points if not _known(one["attacks"].values())][: options.most - len(missing)]
    for number, point in enumerate(unsettled, 1):
        points[points.index(point)] = again = attacked(point)
        write(options.out, points)
        print(f"{number} of {len(unsettled)} on more lists: {_line(again)}", flush=True)
    write(options.out, points)
    return 0


def _line(point: Mapping[str, Any]) -> str:
    rates = ", ".join(f"{name} {100 * rate['share']:.2f} %" for name, rate in point["attacks"].items())
    return f"{configuration_of(point).label}: F1 {mean_f1(point):.4f}, {rates}"


if __name__ == "__main__":
    sys.exit(main())
