"""The compiled part on other machines: without wide vectors, and without a place for its code."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import matcher

PROGRAM = """
import numpy as np
from matcher import _kernel_scan
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
rng = np.random.default_rng(1)
a, b = (Encodings(rng.integers(0, 2**64, (rows, 9), np.uint64), np.ones(rows, np.bool_)) for rows in (103, 205))
distance = np.bitwise_count(a.bits[:, None] ^ b.bits[None]).sum(axis=2)
found = find_pairs(a, b, measure="hamming", floor=0.53)
left, right = np.nonzero((576 - distance) / 576 >= 0.53)
assert len(left) > 100 and (found.left == left).all() and (found.right == right).all()
print(_kernel_scan.LANES)
"""


def run(folder: Path, **environment: str) -> str:
    """Run the program in ``folder``, which holds the packages, with a clean environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "PYTHON", "XDG"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """A copy of the packages, so that no code compiled before is used."""
    home = Path(matcher.__file__).parent.parent
    for name in ("keys", "matcher"):
        shutil.copytree(home / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_a_machine_without_wide_vectors_finds_the_same_pairs(packages: Path) -> None:
    narrow = run(packages, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="", NUMBA_CACHE_DIR=str(packages / "code"))
    assert narrow == "4"


def test_compiled_code_is_kept_where_it_is_told(packages: Path) -> None:
    run(packages, NUMBA_CACHE_DIR=str(packages / "code"))
    assert list((packages / "code").rglob("*.nbi"))
    assert not (packages / "matcher" / "__pycache__").exists()


def test_without_any_writable_place_every_process_compiles_for_itself(packages: Path) -> None:
    (packages / "matcher" / "__pycache__").write_text("a file where a folder would be")
    nowhere = str(packages / "matcher" / "py.typed" / "no-folder")
    run(packages, HOME=nowhere, XDG_CACHE_HOME=nowhere, NUMBA_CACHE_DIR=nowhere)
    assert not list(packages.rglob("*.nbi"))
