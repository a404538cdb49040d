"""The matcher's code for other processors, run on this one: not slow, and the same pairs.

``python -m benchmarks.processors --json`` runs ``benchmarks.match`` for every processor that this one can pass for.
anonlink's code is the same in each, so its speed is the yardstick; it counts bits with an instruction that the
oldest of these do not have.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Any

from llvmlite import binding

from benchmarks.show import show

_V2 = ("popcnt", "sse3", "ssse3", "sse4.1", "sse4.2")
_V3 = ("avx", "avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_WIDE = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")
X86 = {
    "x86-64": ("sse2",),
    "x86-64-v2": ("sse2", *_V2),
    "haswell": ("sse2", *_V2, *_V3),
    "skylake-avx512": ("sse2", *_V2, *_V3, *_WIDE),
}
"""Name -> features, from the oldest to the newest."""


def features(name: str) -> str:
    """The features as numba and LLVM are told them."""
    return ",".join(f"+{feature}" for feature in X86[name])


def processors() -> dict[str, str]:
    """Those that this machine can pass for: name -> features. ``generic`` is any of its kind."""
    x86 = binding.get_process_triple().startswith("x86_64")
    here = {name for name, has in binding.get_host_cpu_features().items() if has}
    return {"generic": ""} | {name: features(name) for name, needed in X86.items() if x86 and here >= set(needed)}


def compare(rows: int) -> list[dict[str, Any]]:
    """G pairs per second by processor, ours and anonlink's; the first rows are of the processor as it is."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name, told in [("this one", None), *processors().items()]:
            as_if = {} if told is None else {"NUMBA_CPU_NAME": name, "NUMBA_CPU_FEATURES": told}
            environment = {**os.environ, **as_if, "NUMBA_CACHE_DIR": folder}
            for bits, measure in (("1024", "dice"), ("2048", "hamming")):
                options = ("--bits", bits, "--measure", measure, "--rows", str(rows), "--cores", "1", "--json")
                command = [sys.executable, "-m", "benchmarks.match", *options]
                run = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
                figures = json.loads(run.stdout)
                kept = {one: figures[one] for one in ("bits", "measure", "ours", "anonlink", "ratio", "same_pairs")}
                found.append({"processor": name, **kept})
    return found


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    rows = figures["processors"]
    slowest = min(rows, key=lambda row: float(row["ratio"]))
    same = all(row["same_pairs"] for row in rows)
    name = f"{slowest['processor']}, {slowest['measure']}"
    return f"at least {slowest['ratio']}x anonlink ({name})", f"same pairs: {same}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=6_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    show({"load": round(os.getloadavg()[0], 1), "processors": compare(options.rows)}, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
