"""Attacks by a holder that chooses its rows so that the counts of a run tell of one child. Each must learn nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.stage import MakeScene, Row, children

pytestmark = pytest.mark.apart_from_database

KNOWN = children(60, seed=1)
"""The children that the attacked holder, south, has on file."""


def outcome(make_scene: MakeScene, release: str, north: Sequence[Row], south: Sequence[Row]) -> dict[str, Any]:
    """What north is shown of a released run of these rows."""
    scene = make_scene(release=release)
    scene.upload("north", north)
    scene.upload("south", south)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    status, quality = (scene.ask(scene.cast.holders["north"], "GET", f"/v1/runs/{run}{of}") for of in ("", "/quality"))
    return {**status.json()["outcome"], "quality": quality.json()["quality"]}


@pytest.mark.parametrize("release", ["blind", "count"])
def test_probe_with_one_real_child_among_made_up_ones(make_scene: MakeScene, release: str) -> None:
    made_up, other = children(40, seed=2), children(1, seed=3)
    asked = [outcome(make_scene, release, made_up + child, KNOWN) for child in (KNOWN[:1], other)]
    assert asked[0] == asked[1]


@pytest.mark.parametrize("release", ["blind", "count"])
def test_probe_with_nobody_but_the_children_in_question(make_scene: MakeScene, release: str) -> None:
    """If nearly all are known to south, a count would say so of each."""
    twelve = children(12, seed=4)
    known, half = [*KNOWN, *twelve], [*KNOWN, *twelve[:6]]
    asked = [outcome(make_scene, release, twelve, rows) for rows in (known, half, KNOWN)]
    assert asked[0] == asked[1] == asked[2]
    assert not asked[0].get("overlaps" if release == "count" else "links")


def test_probe_by_repeating_one_number_until_it_is_too_common(make_scene: MakeScene) -> None:
    """1001 rows with the child's number: left out as too common only if somebody else has it."""
    child, rows = KNOWN[0], children(1001, seed=5)
    north = [{**row, "nhs_number": child["nhs_number"]} for row in rows]
    assert outcome(make_scene, "blind", north, KNOWN)["left_out"] == []
    assert outcome(make_scene, "blind", north, KNOWN[1:])["left_out"] == []


def test_probe_with_one_child_more_than_are_known_to_be_linked(make_scene: MakeScene) -> None:
    """Forty children are known to be linked; whether one more is shows in no count and in no figure on quality."""
    north = [*KNOWN[:40], *children(50, seed=6)]
    child, other = KNOWN[40], children(1, seed=7)[0]
    assert outcome(make_scene, "blind", [*north, child], KNOWN) == outcome(make_scene, "blind", [*north, other], KNOWN)


def test_probe_with_the_rows_that_lack_a_match_key(make_scene: MakeScene) -> None:
    """Seven of these are known to be linked, the others are made up but for the one in question."""
    lacking = [{**row, "nhs_number": ""} for row in [*KNOWN[:6], *children(30, seed=8)]]
    north = [*lacking, *KNOWN[10:40], *children(50, seed=6)]
    child, other = ({**row, "nhs_number": ""} for row in (KNOWN[6], children(1, seed=7)[0]))
    asked = [outcome(make_scene, "blind", [*north, one], KNOWN) for one in (child, other)]
    assert asked[0] == asked[1]
    assert asked[0]["quality"]["own"]["lacking_linked"] is None
