"""``make bench``: every benchmark in one run, as one table and one JSON file. Figures are ratios; nothing is gated."""

import argparse
import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

COMMANDS: dict[str, list[str]] = {
    "base filter, 50,000 rows": ["benchmarks.encode", "--rows", "50000"],
    "Dice, 1024 bits, 1 core": ["benchmarks.match", "--bits", "1024", "--rows", "20000", "--cores", "1"],
    "Dice, 1024 bits, 2 cores": ["benchmarks.match", "--bits", "1024", "--rows", "20000", "--cores", "2"],
    "Hamming, 2048 bits, 1 core": [
        *("benchmarks.match", "--bits", "2048", "--rows", "20000", "--cores", "1"),
        *("--measure", "hamming"),
    ],
}


def main() -> int:
    """Each benchmark runs in a process of its own, so that none warms another's caches."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    arguments = parser.parse_args()
    results: dict[str, Any] = {"machine": _machine()}
    table = Table(title=f"Benchmarks on {results['machine']}", title_justify="left")
    for heading in ("what", "ours against the reference", "same result"):
        table.add_column(heading)
    for name, command in COMMANDS.items():
        run = subprocess.run([sys.executable, "-m", *command, "--json"], capture_output=True, text=True, check=True)
        results[name] = found = json.loads(run.stdout)
        same = found.get("identical", found.get("same_pairs"))
        table.add_row(name, f"{found['ratio']:.1f}x", str(same))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(results, indent=2), encoding="utf-8")
    Console().print(table)
    return 0


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
