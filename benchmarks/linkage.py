"""A whole linkage from end to end: made-up children in two files, the default agreement, the real broker.

``python -m benchmarks.linkage --rows 100000 400000 --json`` makes the files, then runs ``counterfoil-broker rehearse``
over them: every party with its own identity, uploads over HTTP, the broker in a process of its own on every core.
It prints the seconds of each step, the peak memory of the largest process, and how right the links are.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.apart import apart
from benchmarks.show import show
from services.rehearsal.demo_files import DemoFiles, write_demo

_BROKER = (sys.executable, "-c", "from services.cli import main; main()")


def whole(council_rows: int, icb_rows: int) -> dict[str, Any]:
    """What the rehearsal reports, without the time that making the files takes."""
    with TemporaryDirectory() as folder:
        files, _ = apart(_write, Path(folder), council_rows, icb_rows)
        options = [
            *("--holder", f"council={files.council}", "--columns", f"council={files.council_columns}"),
            *("--holder", f"icb={files.icb}", "--columns", f"icb={files.icb_columns}"),
            *("--truth", str(files.truth), "--json"),
        ]
        load = os.getloadavg()[0]
        run = subprocess.run([*_BROKER, "rehearse", *options], stdout=subprocess.PIPE, text=True, check=True)
    report: dict[str, Any] = json.loads(run.stdout)
    seconds = report["seconds_by_step"]
    return {
        "rows": [council_rows, icb_rows],
        "match_keys": report["match_keys"],
        "pairs_compared": report["pairs_compared"],
        "seconds": round(seconds["total"], 1),
        "seconds_by_step": seconds,
        "match_g_pairs_per_s": round(report["pairs_compared"] / seconds["match"] / 1e9, 3),
        "peak_mib": round(report["peak_memory_mb"]),
        "links": report["links"],
        "precision": report["precision"],
        "recall": report["recall"],
        "load": round(load, 1),
    }


def _write(folder: Path, council_rows: int, icb_rows: int) -> DemoFiles:
    return write_demo(folder, seed=3, council_rows=council_rows, icb_rows=icb_rows)


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in figures["seconds_by_step"].items())
    council, board = figures["rows"]
    return f"{council:,} x {board:,} rows in {figures['seconds']} s, {figures['peak_mib']} MiB", steps


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=(100_000, 400_000), metavar=("COUNCIL", "BOARD"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    show(whole(*options.rows), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
