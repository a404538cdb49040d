"""Children who are on file twice at one holder: not looked for, reported to their owner, or linked, as agreed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from keys.identity import Identity
from keys.template import default_terms
from services.broker.runs.plan import plan
from services.broker.runs.rules import comparisons, pairs_total
from services.rehearsal.party import agree, gather
from tests.stage import IDENTIFIERS, MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

BOTH = children(60, seed=1)
TWICE = BOTH[:24]
"""On file twice in the north, the second time without a number."""
AGAIN = [{**child, "id": f"{child['id']}-again", "nhs_number": ""} for child in TWICE]
NORTH, SOUTH = BOTH + AGAIN + children(60, seed=2), BOTH + children(120, seed=3)


def decision(**choices: Any) -> dict[str, Any]:
    usual = default_terms(dict.fromkeys(("north", "south"), IDENTIFIERS)).decision.model_dump()
    return {**usual, **choices}


def decided(make_scene: MakeScene, *, release: str = "blind", **choices: str) -> tuple[Scene, str]:
    scene = make_scene(decision=decision(**choices), release=release, repeats_percent=100)
    scene.upload("north", NORTH)
    scene.upload("south", SOUTH)
    run = scene.start_run()
    scene.status(run, "matched")
    return scene, run


def link_of(child: Mapping[str, str], *more: tuple[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset({("north", child["id"]), ("south", child["id"]), *more})


def outcome(scene: Scene, by: Identity, run: str) -> Any:
    return scene.ask(by, "GET", f"/v1/runs/{run}").json()["outcome"]


def test_ignored_they_are_compared_with_nobody_and_one_of_two_rows_is_linked(make_scene: MakeScene) -> None:
    scene, run = decided(make_scene)
    assert "duplicates" not in outcome(scene, scene.cast.ig_leads["north"], run)
    scene.release(run)
    assert scene.links(run) == {link_of(child) for child in BOTH}


def test_reported_each_holder_is_told_of_its_own_alone_and_links_are_as_if_not(make_scene: MakeScene) -> None:
    scene, run = decided(make_scene, duplicates="report")
    cast = scene.cast
    assert outcome(scene, cast.ig_leads["north"], run)["duplicates"] == {"north": 50}  # 48, to the nearest 5
    assert outcome(scene, cast.ig_leads["south"], run)["duplicates"] == {"south": None}  # none, which is not shown
    assert outcome(scene, cast.holders["north"], run) is None
    scene.release(run)
    assert outcome(scene, cast.holders["north"], run)["duplicates"] == {"north": 50}
    assert outcome(scene, cast.holders["south"], run)["duplicates"] == {"south": None}
    assert outcome(scene, cast.recipient, run)["duplicates"] == {}
    assert scene.links(run) == {link_of(child) for child in BOTH}


@pytest.mark.parametrize("release", ["blind", "open"])
def test_linked_both_rows_get_the_link_key_of_the_child(make_scene: MakeScene, release: str) -> None:
    scene, run = decided(make_scene, release=release, rows_of_one_holder="any number", duplicates="link")
    said = outcome(scene, scene.cast.ig_leads["north"], run)
    assert said["links"] == len(BOTH)  # children, not rows
    scene.release(run)
    twice = {link_of(child, ("north", f"{child['id']}-again")) for child in TWICE}
    assert scene.links(run) == twice | {link_of(child) for child in BOTH[len(TWICE) :]}


def test_any_number_links_rows_of_one_holder_by_way_of_the_other(make_scene: MakeScene) -> None:
    scene, run = decided(make_scene, rows_of_one_holder="any number")
    scene.release(run)
    twice = {link_of(child, ("north", f"{child['id']}-again")) for child in TWICE}
    assert scene.links(run) == twice | {link_of(child) for child in BOTH[len(TWICE) :]}


def test_children_with_different_numbers_are_never_linked_through_a_third_row(make_scene: MakeScene) -> None:
    """A row without a number is like both; two rows with other numbers stay apart, at one holder or at three."""
    one, other = children(2, seed=9)
    alike = {name: one[name] for name in one if name not in ("id", "nhs_number")}
    twins = [{**alike, "id": "one", "nhs_number": one["nhs_number"]}]
    twins.append({**alike, "id": "other", "nhs_number": other["nhs_number"]})
    names = ("north", "south", "west")
    terms = default_terms(dict.fromkeys(names, IDENTIFIERS)).decision.model_dump()
    scene = make_scene(*names, decision={**terms, "rows_of_one_holder": "any number"}, repeats_percent=100)
    scene.upload("north", children(30, seed=4) + twins[:1])
    scene.upload("south", children(30, seed=4) + twins[1:])
    scene.upload("west", [*children(30, seed=4), {**alike, "id": "without", "nhs_number": ""}])
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    found = [link for link in scene.links(run) if {name for _, name in link} & {"one", "other", "without"}]
    assert found
    for link in found:
        assert len({name for _, name in link} & {"one", "other"}) <= 1


def test_each_two_rows_of_one_holder_are_compared_once() -> None:
    terms = default_terms(dict.fromkeys(("north", "south"), IDENTIFIERS), decision=decision(duplicates="report"))
    agreement = agree(terms, gather(["north", "south"]))
    assert comparisons(agreement) == [(0, 0), (0, 1), (1, 1)]
    keys = len({task.key for task in plan(agreement, (10, 20))})
    assert pairs_total(agreement, (10, 20)) == keys * (45 + 200 + 190)
