"""How good the links are: ours, ours without hardening, anonlink's single CLK, and Splink on plain text.

``python -m benchmarks.quality --json``: made-up children with few and with many errors. ``--data DIR`` measures
``DIR/febrl`` and ``DIR/historical-dev`` too. All are given the same normalised rows, and all make one-to-one links
greedily, by falling score. Each threshold is the program's own; the best one is chosen with truth in hand.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import contenders, plaintext
from benchmarks.datasets import Dataset, febrl, generated, historical
from benchmarks.judging import Ranked, judge
from benchmarks.printing import markdown, percent
from benchmarks.simulation import Sides

SCENARIOS = ("low", "high")
HEADS = ("program", "F1", "precision", "recall", "best F1", "estimated precision, recall", "false among twins")

Contender = Callable[[Sides], Ranked]


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


def measure(rows: int, data: Path | None) -> dict[str, Any]:
    """Every program on every data set; ``rows`` of the generator's first holder."""
    found: dict[str, Any] = {"notes": [] if plaintext.installed() else [plaintext.MISSING], "data": {}}
    for dataset in _datasets(rows, data):
        sides = dataset.sides
        found["data"][dataset.name] = {
            "rows": list(sides.rows),
            "true_links": len(sides.truth),
            "programs": {name: judge(link(sides), sides.truth, dataset.twins) for name, link in programs().items()},
        }
    return found


def _datasets(rows: int, data: Path | None) -> Iterator[Dataset]:
    if data is not None:
        yield febrl(data / "febrl")
        yield historical(data / "historical-dev")
    for scenario in SCENARIOS:
        yield generated(rows, scenario)


def tables(found: dict[str, Any]) -> list[str]:
    """Lines of Markdown."""
    lines = list(found["notes"])
    for name, one in found["data"].items():
        rows, others = one["rows"]
        lines += ["", f"{name}, {rows:,} x {others:,} rows, {one['true_links']:,} true links", ""]
        lines += markdown(HEADS, [_cells(program, figures) for program, figures in one["programs"].items()])
    return lines


def _cells(program: str, figures: dict[str, Any]) -> tuple[str, ...]:
    estimated = [figures[f"estimated_{what}"] for what in ("precision", "recall")]
    twins = ""
    if "twins" in figures:
        share = percent(figures["twin_share"])
        twins = f"{figures['false_links_among_twins']} of {figures['twins']:,} ({share})"
    return (
        program,
        f"{figures['f1']:.3f}",
        *(_with_interval(figures, what) for what in ("precision", "recall")),
        f"{figures['best_f1']:.3f}",
        "" if None in estimated else ", ".join(f"{share:.3f}" for share in estimated),
        twins,
    )


def _with_interval(figures: dict[str, Any], what: str) -> str:
    low, high = figures[f"{what}_interval"]
    return f"{figures[what]:.3f} ({low:.3f} to {high:.3f})"


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
    parser.add_argument("--data", type=Path, help="folder with febrl and historical-dev")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rows, options.data)
    print(json.dumps(found) if options.json else "\n".join(tables(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
