"""The benchmark of encoding prints what is promised of it; how fast it is, is no matter of a test."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
MEBIBYTE = 1 << 20


def python(*words: str) -> Any:
    """What Python prints, started in the project's folder as a reader would: benchmarks are not installed, and ``make``
    tells Python not to look there."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run([sys.executable, *words], cwd=ROOT, env=env, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def benchmark(*words: str) -> Any:
    return python("-m", "benchmarks.encode", *words, "--json")


def test_both_are_timed_and_measured_on_the_same_rows() -> None:
    figures = benchmark("--rows", "300", "--repeats", "1")
    assert figures["rows"] == 300
    assert figures["identical"] is True
    ratio = figures["ours_rows_per_s"] / figures["clkhash_rows_per_s"]
    assert abs(figures["ratio"] - ratio) <= 0.1 + ratio / 100
    for name in ("rows", "ours", "clkhash"):
        assert figures[f"{name}_peak_mib"] > 0


def test_the_whole_command_makes_every_match_key_of_the_default_agreement() -> None:
    figures = benchmark("--whole", "300", "--workers", "2")
    assert (figures["rows"], figures["workers"]) == (300, 2)
    tuples = ["forename-postcode", "forename-birth", "birth-postcode", "surname-birth"]
    assert list(figures["match_keys"]) == ["nhs-number", "upn", *tuples, "names"]
    assert all(0 < rows <= 300 for rows in figures["match_keys"].values())
    assert figures["upload_bytes"] > 300 * (64 + 6 * 16)
    for name in ("seconds", "cpu_seconds", "rows_per_s", "peak_mib", "file_bytes"):
        assert figures[name] > 0


def test_random_schemas_give_no_mismatch() -> None:
    assert benchmark("--conformance", "3") == {"schemas": 3, "records": 75, "mismatches": 0}


def test_memory_is_that_of_the_work_alone() -> None:
    """Measured from a small process, as the benchmark does: a new one counts from what its parent had."""
    measure = "import json; from benchmarks.apart import apart; print(json.dumps(apart(eval, {!r})))"
    large, peak = python("-c", measure.format("len(b'x' * (600 << 20))"))
    assert large == 600 * MEBIBYTE
    assert 600 < peak < 800
    assert python("-c", measure.format("1"))[1] < 400
