"""The benchmark of faults: a real broker is killed and loses nothing; what is lost, doubled or misaligned shows."""

from __future__ import annotations

from collections import Counter

import pytest

from benchmarks.faults import faults, shares, whole
from benchmarks.faulty_house import FAULTS, KILLS, LONG
from benchmarks.faulty_linkage import Damage, Outcome

A, B, C = (frozenset({("north", f"{number}"), ("south", f"{number}")}) for number in (1, 2, 3))


def outcome(north: list[str], *links: frozenset[tuple[str, str]]) -> Outcome:
    return Outcome({"north": Counter(north)}, Counter(links))


UNDISTURBED = outcome(["1", "2", "3"], A, B)


@pytest.mark.parametrize(
    ("found", "damage"),
    [
        (UNDISTURBED, Damage()),
        (outcome(["1", "3"], A, B), Damage(lost=1)),
        (outcome(["1", "2", "3"], A), Damage(lost=1)),
        (outcome(["1", "2", "2", "3"], A, B), Damage(doubled=1)),
        (outcome(["1", "2", "3"], A, B, B), Damage(doubled=1)),
        (outcome(["1", "2", "3"], A, B, C), Damage(misaligned=1)),
        (outcome(["1", "2", "3"], A, C), Damage(lost=1, misaligned=1)),
    ],
)
def test_what_is_lost_doubled_or_misaligned_shows(found: Outcome, damage: Damage) -> None:
    assert Damage.between(UNDISTURBED, found) == damage


def test_kills_add_up_and_every_fault_comes() -> None:
    found = shares(100)
    assert set(found) == set(FAULTS)
    assert sum(found[kind] for kind in KILLS) == 100
    assert min(count for kind, count in found.items() if kind != LONG) == 10
    assert found[LONG] == 1


def test_nothing_is_lost_when_workers_and_interface_are_killed() -> None:
    figures = faults({"kill all": 1}, database="sqlite", seed=5, rows=(100, 200))
    assert [line["times"] for line in figures["faults"]] == [1]
    assert figures["links"] > 20
    assert whole(figures), figures
    assert not whole({**figures, "orphans": ["runs/one/pairs-000000-0000"]})
    assert not whole({**figures, "faults": [{**figures["faults"][0], "ended": 0}]})
