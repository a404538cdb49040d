"""How good the links are: ours, ours without hardening, anonlink's single CLK, and Splink on plain text.

``python -m benchmarks.quality --json``: made-up children with few and with many errors, without names, and at three
holders. ``--data DIR`` measures ``DIR/febrl`` and ``DIR/historical-dev`` too, and takes names as often as the lists in
``DIR/names`` say. ``--only NAME`` runs one data set, ``--seeds N`` makes the children up N times.

All programs are given the same normalised rows, and all make one-to-one links greedily, by falling score. Each
threshold is the program's own; the best one is chosen with truth in hand.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import contenders, plaintext
from benchmarks.datasets import NAMES, OF_FILES, USUAL, Dataset, datasets
from benchmarks.judging import Counted, Ranked, count, shares
from benchmarks.quality_tables import tables
from benchmarks.simulation import Sides
from services.rehearsal.name_lists import read_name_lists

FIRST_SEED = 3

Contender = Callable[[Sides], Ranked]


@dataclass(frozen=True, repr=False)
class _Counted:
    """One data set: its rows, its true links, and what is counted of each program's links."""

    rows: tuple[int, int]
    true_links: int
    programs: Mapping[str, Counted]


def programs() -> dict[str, Contender]:
    """Every contender that is installed, by name."""
    found: dict[str, Contender] = {
        "ours": contenders.ours,
        "ours, plain": contenders.ours_plain,
        "anonlink, one CLK": contenders.anonlink,
    }
    if plaintext.installed():
        found["Splink, names together"] = partial(plaintext.splink, names_together=True)
        found["Splink, names apart"] = partial(plaintext.splink, names_together=False)
    return found


def measure(rows: int, data: Path | None, only: Sequence[str] = (), seeds: int = 1) -> dict[str, Any]:
    """Every program on every data set, or ``only`` on some; ``rows`` of the generator's first holder.

    Made-up children are made with so many ``seeds``, and what is counted is added up.
    """
    lists = read_name_lists(data / "names") if data is not None and (data / "names").is_dir() else None
    found: dict[str, Any] = {"notes": [] if plaintext.installed() else [plaintext.MISSING], "data": {}}
    for name in only or USUAL:
        counted: dict[str, list[_Counted]] = {}
        for seed in range(FIRST_SEED, FIRST_SEED + (1 if name in OF_FILES else seeds)):
            for dataset in datasets(name, rows, data, seed, lists):
                counted.setdefault(dataset.name, []).append(_count(dataset))
        for title, several in counted.items():
            found["data"][title] = {
                "rows": list(several[0].rows),
                "seeds": len(several),
                "true_links": sum(one.true_links for one in several),
                "programs": {
                    program: shares([one.programs[program] for one in several]) for program in several[0].programs
                },
            }
    return found


def _count(dataset: Dataset) -> _Counted:
    sides = dataset.sides
    ranked = {name: link(sides) for name, link in programs().items()} | dict(dataset.beside)
    programs_counted = {name: count(one, sides.truth, dataset.twins, dataset.made) for name, one in ranked.items()}
    return _Counted(sides.rows, len(sides.truth), programs_counted)


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    """Two cells for ``make bench``: the F1 of ours, and of the others."""
    ours, others = [], []
    for name, one in figures["data"].items():
        f1 = {program: f"{each['f1']:.3f}" for program, each in one["programs"].items()}
        ours.append(f"{name}: F1 {f1.pop('ours')}")
        others.append(", ".join(f"{program} {value}" for program, value in f1.items()))
    return "; ".join(ours), "; ".join([*others, *figures["notes"]])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=5_000, help="of the council; the care board has three times as many"
    )
    parser.add_argument("--data", type=Path, help="folder with febrl, historical-dev and perhaps names")
    parser.add_argument("--only", action="append", default=[], choices=NAMES, metavar="NAME", help=", or ".join(NAMES))
    parser.add_argument("--seeds", type=int, default=1, help="how many times the children are made up anew")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rows, options.data, options.only, options.seeds)
    print(json.dumps(found) if options.json else "\n".join(tables(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
