"""The gates of graph matching and of known pairs, for no hardening, little and the default's, by size and by share.

``python -m benchmarks.gates --out docs/explanation`` measures what ``gates.json`` in the folder of ``--out`` lacks, and
writes it anew with a table; the cheapest first. It takes hours; interrupted, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.frontier import ATTACKS
from benchmarks.frontier_grid import DEFAULT, USUAL_BASE, USUAL_LENGTH, Configuration, applied, everything
from benchmarks.printing import markdown
from keys.files import whole_files
from services.assurance.attacks.figures import share
from services.assurance.attacks.graph_cases import ENOUGH, SUREST
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.trial import Trial

WEAKER = ((1, USUAL_BASE), (2, USUAL_LENGTH), (5, USUAL_LENGTH))
"""``t`` and bits beside the default's; ``t`` 1 is no hardening."""
SIZES: Mapping[int, Sequence[str]] = {
    1_000: ("A5", "A6", "A7"),
    2_000: ("A5", "A6", "A7"),
    5_000: ("A6",),
    10_000: ("A6",),
}
"""Children on the list, and the attacks that are tried on so many; those with tables of all pairs end at 2,000."""
FIRST_SEED = 5
MEASURED = "gates.json"
HEAD = (
    "# What attacks name, by size and by share",
    "",
    "Made by `python -m benchmarks.gates --out docs/explanation` ([the attacks](attacks.md)). Of a list of so many",
    "children a part is encoded; the share of it whose child is named rightly, with its 95 % interval, and of the",
    "attack's surest answers. Guessing names one in as many as are on the list. The gate is 1 %, for A7 of the rows",
    "that are not known. Match-keys are those of the [frontier](frontier.md).",
    "",
)


@dataclass(frozen=True)
class Cell:
    """One attack on one part of one list, under the match-keys ``keys``, hardened by ``t`` to ``length`` bits."""

    keys: str
    t: int
    length: int
    attack: str
    listed: int
    share: float


FIELDS = tuple(one.name for one in fields(Cell))


def cells(default: tuple[int, int]) -> list[Cell]:
    """Every cell, the cheapest first; of equal cost, the default and no hardening before what is between."""
    every = [
        Cell(DEFAULT, t, length, attack, listed, part)
        for listed, attacks in SIZES.items()
        for attack in attacks
        for part in ATTACKS[attack].shares
        for t, length in (default, *WEAKER)
    ]
    most_wanted = (default, *WEAKER)
    return sorted(
        every, key=lambda one: (one.listed, one.share not in (0.2, 1.0), most_wanted.index((one.t, one.length)))
    )


def measure(cell: Cell) -> dict[str, Any]:
    """Over as many lists as make enough rows; the same children for every ``t``."""
    terms = applied(Configuration(cell.keys, cell.t, cell.length, USUAL_BASE), everything())
    attack = ATTACKS[cell.attack]
    plan = Plan(max(1_000, cell.listed), max(1_000, cell.listed), matched=cell.listed)
    answers = []
    for seed in range(max(1, ceil(ENOUGH / (cell.share * cell.listed)))):
        rng = np.random.default_rng([FIRST_SEED, cell.listed, round(100 * cell.share), seed])
        answers.append(attack.answers(Trial(terms, plan, rng, lambda: 0), terms, cell.share, attack.known))
    every = np.concatenate(answers)
    rate = share(int(every.sum()), len(every))
    return {
        **asdict(cell),
        "named": round(rate.value, 5),
        "low": round(rate.low, 5),
        "high": round(rate.high, 5),
        "rows": len(every),
        "surest": {
            str(most): round(float(np.concatenate([one[:most] for one in answers]).mean()), 4) for most in SUREST
        },
    }


def table(points: Iterable[Mapping[str, Any]]) -> list[str]:
    """A page of Markdown, line by line."""
    heads = (
        "match-keys",
        "attack",
        "list",
        "encoded",
        "t",
        "bits",
        "rows",
        "named",
        "95 % interval",
        *(f"of {n} surest" for n in SUREST),
    )
    ordered = sorted(points, key=lambda one: (one["keys"], one["attack"], one["listed"], one["share"], one["t"]))
    return [*HEAD, *markdown(heads, [_line(one) for one in ordered])]


def _line(point: Mapping[str, Any]) -> list[str]:
    return [
        point["keys"],
        point["attack"],
        f"{point['listed']:,}",
        f"{100 * point['share']:g} %",
        str(point["t"]) if point["t"] > 1 else "not hardened",
        f"{point['length']:,}",
        f"{point['rows']:,}",
        f"{100 * point['named']:.2f} %",
        f"{100 * point['low']:.2f} to {100 * point['high']:.2f} %",
        *(f"{100 * point['surest'][str(most)]:.0f} %" for most in SUREST),
    ]


def write(out: Path, points: Sequence[Mapping[str, Any]]) -> None:
    """JSON and table, both or none."""
    with whole_files() as files:
        for name, text in (
            (MEASURED, json.dumps({"points": list(points)}, indent=1) + "\n"),
            ("gates.md", "\n".join(table(points)) + "\n"),
        ):
            files.open(out / name, replace=True).write(text.encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of gates.json and gates.md")
    parser.add_argument("--most", type=int, default=10_000, help="measure so many cells and stop")
    options = parser.parse_args()
    known = options.out / MEASURED
    points: list[dict[str, Any]] = json.loads(known.read_text())["points"] if known.exists() else []
    done = {Cell(*(one[name] for name in FIELDS)) for one in points}
    hardening = everything().encoding.hardening
    assert hardening
    missing = [one for one in cells((hardening.t, hardening.length)) if one not in done][: options.most]
    for number, cell in enumerate(missing, 1):
        points.append(measure(cell))
        write(options.out, points)
        print(f"{number} of {len(missing)}: {' '.join(_line(points[-1]))}", flush=True)
    write(options.out, points)
    return 0


if __name__ == "__main__":
    sys.exit(main())
