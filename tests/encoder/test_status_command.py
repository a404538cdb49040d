"""``counterfoil status``, ``approve`` and ``decline``: who is shown which counts, and when."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.workspace import Workspace
from keys.identity import Identity
from services.rehearsal.party import write_identity
from tests.stage import MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

LATER = "counts: for IG leads now, for the other parties once the run is released\n"
COUNTS = "children known to north and south: 30 (to the nearest 5)\n"

Ask = Callable[..., tuple[str, str]]


@pytest.fixture
def matched(make_scene: MakeScene) -> tuple[Scene, str, Ask]:
    """A run of a count that waits for approval, and any party's command on it: what it says on stdout and stderr."""
    scene = make_scene(release="count")
    both = children(30, seed=1)
    for seed, name in enumerate(("north", "south"), 2):
        scene.upload(name, both + children(20, seed=seed))
    run = scene.start_run()
    scene.status(run, "matched")
    receiving = scene.door_of("north").get(scene.path)["receiving"]

    def ask(identity: Identity, command: str, *more: str) -> tuple[str, str]:
        workspace = Workspace(scene.root / identity.card.fingerprint)
        if not workspace.identity.exists():
            passphrase = write_identity(workspace, identity)
            (workspace.root / "passphrase").write_text(passphrase)
            workspace.save_agreement(scene.agreement, receiving)
        options = ["--folder", str(workspace.root), "--passphrase-file", str(workspace.root / "passphrase")]
        done = CliRunner().invoke(
            app, [command, *([] if command == "runs" else [run]), "--broker", scene.broker.url, *options, *more]
        )
        if done.exception is not None:
            raise done.exception
        return done.stdout, done.stderr

    return scene, run, ask


def test_counts_are_shown_to_ig_leads_first_and_to_all_after_release(matched: tuple[Scene, str, Ask]) -> None:
    scene, run, ask = matched
    north, lead, recipient = scene.cast.holders["north"], scene.cast.ig_leads["north"], scene.cast.recipient
    for party in (north, recipient):
        told, _ = ask(party, "status")
        assert told == f"matched, 100 % compared\napproved by: nobody\n{LATER}"
    assert COUNTS in ask(lead, "status")[0]
    approved, shown = ask(lead, "approve", "--yes")
    assert COUNTS in shown
    assert approved.endswith("approved by: north\n")
    ask(scene.cast.ig_leads["south"], "approve", "--yes")
    scene.status(run, "released")
    for party in (north, recipient):
        told, _ = ask(party, "status")
        assert told.startswith(
            f"released, 100 % compared\napproved by: north, south\n{COUNTS}possible links: not shown"
        )
    document = json.loads(ask(north, "status", "--json")[0])
    assert document["outcome"]["overlaps"] == [{"holders": ["north", "south"], "links": 30}]


def test_a_refused_count_is_shown_to_nobody_else(matched: tuple[Scene, str, Ask]) -> None:
    scene, _, ask = matched
    _, shown = ask(scene.cast.ig_leads["south"], "decline", "--yes")
    assert COUNTS in shown
    assert ask(scene.cast.holders["north"], "status")[0] == "declined, 100 % compared\napproved by: nobody\n"


def test_runs_are_listed_newest_first_for_every_party(matched: tuple[Scene, str, Ask]) -> None:
    scene, run, ask = matched
    scene.refuse("south", run)
    second = scene.start_run()
    scene.status(second, "matched")
    for party in (scene.cast.holders["north"], scene.cast.ig_leads["south"], scene.cast.recipient):
        told, _ = ask(party, "runs")
        assert [line.split()[:2] for line in told.splitlines()] == [[second, "matched"], [run, "declined"]]
    listed = json.loads(ask(scene.cast.recipient, "runs", "--json")[0])
    assert [one["run"] for one in listed] == [second, run]
    assert set(listed[0]) == {"run", "state", "started_at", "changed_at"}


@pytest.mark.parametrize("page", [{}, {"runs": {}, "next": None}, {"runs": [{"run": 1}], "next": None}, [], None])
def test_what_is_no_list_of_runs_is_not_shown_as_one(
    matched: tuple[Scene, str, Ask], monkeypatch: pytest.MonkeyPatch, page: object
) -> None:
    scene, _, ask = matched
    monkeypatch.setattr(Door, "get", lambda door, path: page)
    with pytest.raises(BrokerRefused, match="not a broker"):
        ask(scene.cast.holders["north"], "runs")


def test_waiting_ends_well_once_the_run_is_released(matched: tuple[Scene, str, Ask]) -> None:
    scene, run, ask = matched
    scene.release(run)
    told, meanwhile = ask(scene.cast.holders["north"], "status", "--wait")
    assert told.startswith("released, 100 % compared\napproved by: north, south\n")
    assert meanwhile == "released, 100 % compared\n"
    answer = json.loads(ask(scene.cast.holders["north"], "status", "--wait", "--json")[0])
    assert answer["state"] == "released"


def test_waiting_for_a_run_that_was_declined_ends_with_1(matched: tuple[Scene, str, Ask]) -> None:
    scene, run, ask = matched
    scene.refuse("south", run)
    with pytest.raises(SystemExit) as ended:
        ask(scene.cast.holders["north"], "status", "--wait")
    assert ended.value.code == 1


def test_what_is_no_status_is_not_shown_as_one(
    matched: tuple[Scene, str, Ask], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, _, ask = matched
    monkeypatch.setattr(Door, "get", lambda door, path: {"state": "released"})
    with pytest.raises(BrokerRefused, match="not a broker"):
        ask(scene.cast.holders["north"], "status")
