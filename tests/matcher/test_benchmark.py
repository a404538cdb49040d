"""The benchmarks of comparing print what is promised of them; how fast it is, is no matter of a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from matcher.measures import Measure

ROOT = Path(__file__).parents[2]


def benchmark(name: str, *words: str) -> Any:
    """What the benchmark prints, started in the project's folder as a reader would."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    command = [sys.executable, "-m", f"benchmarks.{name}", *words, "--json"]
    return json.loads(subprocess.run(command, cwd=ROOT, env=env, check=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize(("bits", "measure"), [(1024, "dice"), (2048, "hamming")])
def test_ours_is_compared_with_anonlink_numpy_and_the_limit(bits: int, measure: Measure) -> None:
    figures = benchmark("match", "--bits", str(bits), "--rows", "600", "--cores", "1", "--measure", measure)
    assert (figures["bits"], figures["rows"], figures["cores"], figures["measure"]) == (bits, 600, 1, measure)
    assert figures["same_pairs"] is True
    assert figures["pairs"] > 100
    assert abs(figures["ratio"] - figures["ours"] / figures["anonlink"]) <= 0.1 + figures["ratio"] / 50
    for name in ("ours", "anonlink", "numpy", "limit", "share_of_limit", "peak_mib", "making_peak_mib"):
        assert figures[name] > 0, name


def test_growth_is_shown_by_size_and_by_floor() -> None:
    figures = benchmark("growth", "--sizes", "300", "--floor-rows", "400")
    assert [(row["measure"], row["rows"]) for row in figures["by_size"]] == [
        ("dice", 300),
        ("hamming", 300),
    ]
    assert all(row["one_core"] > 0 and row["two_cores"] > 0 and row["mib"] > 0 for row in figures["by_size"])
    dice = [row for row in figures["by_floor"] if row["measure"] == "dice" and row["bits"] == 1024]
    assert [row["floor"] for row in dice] == [0.7, 0.75, 0.8, 0.85, 0.9, 0.95]
    assert sorted((row["pairs"] for row in dice), reverse=True) == [row["pairs"] for row in dice]


def test_every_build_of_the_kernel_finds_the_same_pairs() -> None:
    """The benchmark itself refuses builds that do not."""
    figures = benchmark("kernel", "--quick")
    assert [start["compiled"] for start in figures["starts"]] == [4, 0]
    for measure in ("dice", "hamming"):
        builds = [row["build"] for row in figures["builds"] if row["measure"] == measure]
        assert len(set(builds)) == len(builds) >= 4


def test_the_whole_linkage_says_how_long_each_step_took() -> None:
    figures = benchmark("linkage", "--rows", "300", "600")
    assert figures["rows"] == [300, 600]
    assert {"encode", "upload", "match", "release", "join", "total"} <= figures["seconds_by_step"].keys()
    assert figures["pairs_compared"] % (300 * 600) == 0
    assert figures["links"] > 0
    assert figures["peak_mib"] > 0
