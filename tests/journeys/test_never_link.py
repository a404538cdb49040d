"""A child who was adopted stands in two holders' files and on one holder's list: nothing connects the two records."""

from __future__ import annotations

from pathlib import Path

import pytest

from encoder.exclusions import read_exclusions
from encoder.normalise import Normalised, normalise
from encoder.read import read_rows
from keys.template import default_rules
from tests.stage import TODAY, MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

ROWS = children(40, seed=3)
MOST = 30
"""Rows that are excluded: an upload that is mostly empty must be taken like any other."""


def excluding(scene: Scene, name: str, folder: Path) -> Normalised:
    holder = scene.holder(name, ROWS)
    (folder / "adopted.txt").write_text("\n".join(row["id"] for row in ROWS[:MOST]), encoding="utf-8")
    exclusions = read_exclusions([folder / "adopted.txt"], id_header="id")
    batches = exclusions.leave_out(read_rows(holder.files.file, holder.columns))
    normalised = normalise(batches, holder.columns, rules=default_rules(), today=TODAY)
    assert [one.found for one in exclusions.check(normalised.ids)] == [MOST]
    return normalised


@pytest.mark.parametrize("release", ["blind", "open"])
def test_excluded_rows_get_a_token_and_no_link(make_scene: MakeScene, tmp_path: Path, release: str) -> None:
    scene = make_scene(release=release, minimum_rows=10)
    north = scene.holder("north", ROWS)
    north.encode(excluding(scene, "north", tmp_path))
    assert north.upload(scene.door_of("north"))["rows"] == len(ROWS)
    scene.upload("south", ROWS)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    linked = scene.links(run)
    assert linked == {frozenset({("north", row["id"]), ("south", row["id"])}) for row in ROWS[MOST:]}
    for name in ("north", "south"):
        results = scene.results(name, run)
        assert sorted(results.row_ids) == sorted(row["id"] for row in ROWS)
        assert len(set(results.values)) == len(ROWS)
        assert len({len(value) for value in results.values}) == 1
