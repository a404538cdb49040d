"""How many candidates fit into the memory of graph matching, and what is refused before anything is made."""

from __future__ import annotations

import pytest

from encoder.errors import InputError
from keys.terms import Terms
from services.assurance.attacks import room
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.suite import run


def test_one_gibibyte_is_enough_for_ten_thousand_children() -> None:
    assert room.candidates(10_000, 10_000, 4, memory=1_024) == room.MOST


def test_less_memory_leaves_fewer_candidates_down_to_a_least_number() -> None:
    kept = [room.candidates(10_000, 10_000, 4, memory=memory) for memory in (1_024, 700, 500)]
    assert kept == sorted(kept, reverse=True)
    assert room.MOST > kept[-1] >= room.FEWEST
    with pytest.raises(InputError) as refused:
        room.candidates(10_000, 10_000, 4, memory=300)
    assert refused.value.where == "--memory"


def test_what_the_refusal_asks_for_is_enough_and_no_more() -> None:
    with pytest.raises(InputError) as refused:
        room.candidates(50_000, 50_000, 4, memory=1_024)
    needed = int(refused.value.remedy.split("--memory ")[1].split()[0])
    assert room.candidates(50_000, 50_000, 4, memory=needed) >= room.FEWEST
    with pytest.raises(InputError):
        room.candidates(50_000, 50_000, 4, memory=needed - 1)


def test_a_short_list_has_no_more_candidates_than_children() -> None:
    assert room.candidates(3, 3, 4, memory=1) == 3
    assert room.candidates(0, 5, 4, memory=1) == 5


def test_strong_edges_that_are_counted_take_only_their_own_memory() -> None:
    few, many = (room.candidates(10_000, 10_000, 4, memory=500, edges=edges) for edges in (20_000, 160_000))
    assert few > many == room.candidates(10_000, 10_000, 4, memory=500)


def test_the_suite_refuses_before_its_first_attack(default: Terms) -> None:
    plan = Plan(1_000, 1_000, matched=100_000)
    heard: list[int] = []
    with pytest.raises(InputError, match="takes 4,") as refused:
        run(default, plan, progress=lambda done, of, what: heard.append(done))
    assert refused.value.where == "--memory"
    assert heard == []
    assert run(default, plan, only=["A10"]).found
