"""Twins of whom each holder has another are linked or not as cautiously as the agreement says."""

from __future__ import annotations

import pytest

from keys.template import default_terms
from tests.stage import IDENTIFIERS, MakeScene, children

pytestmark = pytest.mark.apart_from_database

BOTH = children(120, seed=1)
HALF = [{**child, "nhs_number": ""} for child in children(12, seed=2)]
OTHER_HALF = [
    {**twin, "id": f"{twin['id']}-twin", "forename": other["forename"]}
    for twin, other in zip(HALF, children(12, seed=3), strict=True)
]
NORTH, SOUTH = BOTH + HALF + children(60, seed=4), BOTH + OTHER_HALF + children(120, seed=5)


@pytest.mark.parametrize(("caution", "linked"), [(1.0, True), (1_000_000.0, False)])
def test_the_caution_about_twins_is_the_agreements(make_scene: MakeScene, caution: float, linked: bool) -> None:
    usual = default_terms(dict.fromkeys(("north", "south"), IDENTIFIERS)).decision.model_dump()
    scene = make_scene(decision={**usual, "twin_caution": caution}, repeats_percent=100)
    scene.upload("north", NORTH)
    scene.upload("south", SOUTH)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    twins = {frozenset({("north", one["id"]), ("south", f"{one['id']}-twin")}) for one in HALF}
    links = scene.links(run)
    assert {frozenset({("north", one["id"]), ("south", one["id"])}) for one in BOTH} <= links
    assert bool(twins & links) is linked
