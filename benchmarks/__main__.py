"""``make bench``: every benchmark in one run, as one table and one JSON file. Figures are ratios; nothing is gated.

``python -m benchmarks --quick`` does less of each, in about three minutes. Each row of the table is a command that can
be run alone: ``python -m`` and what the JSON file says under ``command``.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import growth, kernel, limit, linkage, load, match, processors, quality

Summary = Callable[[dict[str, Any]], tuple[str, str]]


@dataclass(frozen=True)
class Benchmark:
    """A command, what of it is done when time is short, and how its figures are put in two cells of the table."""

    name: str
    command: str
    summary: Summary
    quick: str | None = None


def _encoding(figures: dict[str, Any]) -> tuple[str, str]:
    beside = f"{figures['ratio']}x clkhash; same filters: {figures['identical']}"
    return f"{figures['ours_rows_per_s']:,} rows/s", beside


def _matching(bits: int, cores: int, measure: str) -> Benchmark:
    command = f"benchmarks.match --bits {bits} --cores {cores} --measure {measure} --rows"
    name = f"{measure}, {bits} bits, {cores} core{'s' if cores > 1 else ''}"
    return Benchmark(name, f"{command} 20000", match.summary, f"{command} 8000")


BENCHMARKS = (
    Benchmark("base filter", "benchmarks.encode --rows 50000", _encoding, "benchmarks.encode --rows 20000"),
    Benchmark("the limit", "benchmarks.limit", limit.summary),
    *(_matching(bits, cores, "dice") for bits in (1024, 2048) for cores in (1, 2)),
    *(_matching(2048, cores, "hamming") for cores in (1, 2)),
    Benchmark(
        *("other processors", "benchmarks.processors", processors.summary), quick="benchmarks.processors --rows 2000"
    ),
    Benchmark("growth", "benchmarks.growth", growth.summary, "benchmarks.growth --quick"),
    Benchmark("variants of the kernel", "benchmarks.kernel", kernel.summary, "benchmarks.kernel --quick"),
    Benchmark(
        *("a linkage, end to end", "benchmarks.linkage --rows 100000 400000", linkage.summary),
        quick="benchmarks.linkage --rows 2000 8000",
    ),
    Benchmark(
        *("a broker under load", "benchmarks.load --rows 100000 400000", load.summary),
        quick="benchmarks.load --rows 2000 8000 --seconds 10",
    ),
    Benchmark("quality", "benchmarks.quality", quality.summary, "benchmarks.quality --rows 1000"),
)


def main() -> int:
    """Each benchmark runs in a process of its own, so that none warms another's caches; one that fails is shown so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("build/bench.json"))
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = {"machine": _machine(), "quick": options.quick, "load": os.getloadavg()}
    table = Table(title=f"Benchmarks on {results['machine']}, load {os.getloadavg()[0]:.1f}", title_justify="left")
    for heading in ("what", "ours", "beside"):
        table.add_column(heading)
    failed = 0
    for one in BENCHMARKS:
        command = one.quick if options.quick and one.quick else one.command
        print(f"python -m {command}", file=sys.stderr)
        started = time.perf_counter()
        run = subprocess.run([sys.executable, "-m", *command.split(), "--json"], stdout=subprocess.PIPE, text=True)
        took = {"command": command, "took_seconds": round(time.perf_counter() - started, 1)}
        failed += run.returncode != 0
        figures = json.loads(run.stdout) if run.stdout else {}
        results[one.name] = {**took, "failed": run.returncode != 0, **figures}
        table.add_row(one.name, *(one.summary(figures) if figures else ("failed", "")))
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(results, indent=2), encoding="utf-8")
    Console().print(table)
    return int(failed > 0)


def _machine() -> str:
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
