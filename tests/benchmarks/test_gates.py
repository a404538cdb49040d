"""The table of gates by size and share: what is measured, in which order, and that its page says the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.frontier import ATTACKS
from benchmarks.frontier_grid import FOUR
from benchmarks.gates import SIZES, Cell, cells, measure, write


def test_every_size_share_and_hardening_of_an_attack_is_measured_once() -> None:
    every = cells((9, 512))
    assert len(set(every)) == len(every)
    for listed, attacks in SIZES.items():
        for attack in attacks:
            found = {(one.t, one.length, one.share) for one in every if (one.listed, one.attack) == (listed, attack)}
            wanted = {(1, 1024), (2, 2048), (5, 2048), (9, 512)}
            assert found == {(*one, part) for one in wanted for part in ATTACKS[attack].shares}


def test_what_decides_is_measured_first() -> None:
    sizes = [one.listed for one in cells((9, 512))]
    assert sizes == sorted(sizes)
    assert {one.t for one in cells((9, 512))[:3]} == {9}


def test_a_cell_is_the_same_twice_and_breaks_where_nothing_is_hardened(tmp_path: Path) -> None:
    cell = Cell(FOUR, 1, 1024, "A6", 120, 1.0)
    found = measure(cell)
    assert found == measure(cell)
    assert found["rows"] == 480
    assert found["low"] < found["named"] <= found["high"]
    assert found["named"] > 0.9
    assert found["surest"]["10"] == pytest.approx(1, abs=0.1)
    write(tmp_path, [found])
    assert json.loads((tmp_path / "gates.json").read_text()) == {"points": [found]}
    line = (tmp_path / "gates.md").read_text().splitlines()[-1]
    assert line.startswith(f"| {FOUR} | A6 | 120 | 100 % | not hardened | 1,024 | 480 | {100 * found['named']:.2f} % |")
