"""``counterfoil controls``: what a holder and an IG lead are shown, and when it ends with 1."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder import opening
from encoder.cli import app
from encoder.control_rows import Fault
from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.opening import Checked
from encoder.recovery import Recovery, Share
from encoder.workspace import Workspace
from keys.errors import ControlError, CounterfoilError
from keys.identity import Identity
from services.rehearsal.party import write_identity
from tests.stage import MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

ROWS = 32
Ask = Callable[..., tuple[str, str]]


def desk(scene: Scene, identity: Identity, workspace: Workspace | None = None) -> Ask:
    """A party's command on a run in its own folder: what it says on stdout and stderr."""
    workspace = workspace or Workspace(scene.root / identity.card.fingerprint)
    passphrase = write_identity(workspace, identity)
    (workspace.root / "passphrase").write_text(passphrase)
    workspace.save_agreement(scene.agreement, scene.door_of("north").get(scene.path)["receiving"])

    def ask(command: str, run: str, *more: str) -> tuple[str, str]:
        options = ["--folder", str(workspace.root), "--passphrase-file", str(workspace.root / "passphrase")]
        done = CliRunner().invoke(app, [command, run, "--broker", scene.broker.url, *options, *more])
        if done.exception is not None:
            raise done.exception
        return done.stdout, done.stderr

    return ask


@pytest.fixture(scope="module")
def linked(make_scene: MakeScene) -> tuple[Scene, str, dict[str, Ask]]:
    scene = make_scene(control={"rows": ROWS}, repeats_percent=100)
    both = children(40, seed=1)
    for seed, name in enumerate(("north", "south"), 2):
        scene.upload(name, both + children(20, seed=seed))
    run = scene.start_run()
    scene.status(run, "matched")
    asks = {name: desk(scene, scene.cast.holders[name], scene.holder(name).workspace) for name in ("north", "south")}
    asks["lead"] = desk(scene, scene.cast.ig_leads["south"])
    asks["recipient"] = desk(scene, scene.cast.recipient)
    return scene, run, asks


def test_holders_open_wait_and_see_and_the_ig_lead_sees_the_same(linked: tuple[Scene, str, dict[str, Ask]]) -> None:
    _, run, asks = linked
    told, meanwhile = asks["north"]("controls", run, "--no-wait")
    assert told == ""
    assert meanwhile.splitlines() == [
        "Your control rows are opened to this run.",
        "Awaited: south. Give the same command again later; nobody can approve before.",
    ]
    assert json.loads(asks["north"]("controls", run, "--no-wait", "--json")[0]) == {"run": run, "awaited": ["south"]}
    awaited = "control rows are not opened yet by: south; counts follow once they are\n"
    assert asks["north"]("status", run)[0] == f"matched, 100 % compared\napproved by: nobody\n{awaited}"
    with pytest.raises(BrokerRefused, match="not opened yet by south"):
        asks["lead"]("approve", run, "--yes")
    told, _ = asks["south"]("controls", run)
    lines = told.splitlines()
    assert lines[0].startswith("control links found ")
    assert [line.split("  ")[1] for line in lines[1:8]] == [one.value for one in Fault if one is not Fault.TWIN]
    assert lines[1].split() == ["no", "error", "4", "of", "4", "100.0", "%", "(51.0", "to", "100.0)"]
    assert f"{ROWS} control rows of each holder" in told
    assert lines[-1].startswith("Proofs hold: the broker had committed to these links")
    assert asks["north"]("controls", run)[0] == asks["lead"]("controls", run)[0] == told
    document = json.loads(asks["north"]("controls", run, "--json")[0])
    assert set(document) == {
        *("run", "awaited", "proofs", "known_before", "recall", "found", "twins_linked", "strangers_linked"),
        "identical_not_linked",
    }
    assert document["found"]["no error"]["part"] == document["found"]["no error"]["whole"] == 4
    assert (document["run"], document["proofs"], document["known_before"]) == (run, "hold", None)
    assert "not opened" not in asks["north"]("status", run)[0]


def test_the_recipient_sees_nothing(linked: tuple[Scene, str, dict[str, Ask]]) -> None:
    _, run, asks = linked
    with pytest.raises(CounterfoilError, match="neither a holder nor an IG lead"):
        asks["recipient"]("controls", run)


def test_nothing_but_the_log_and_its_checkpoint_is_written(linked: tuple[Scene, str, dict[str, Ask]]) -> None:
    scene, run, asks = linked
    scene.open_controls(run=run)
    root = scene.holder("south").workspace.root
    before = {path.name: path.read_bytes() for path in root.iterdir()}
    asks["south"]("controls", run)
    after = {path.name: path.read_bytes() for path in root.iterdir()}
    assert {name for name in after if after[name] != before.get(name)} <= {"log.json", "checkpoint.note"}


def test_a_broker_that_shows_something_else_ends_it_with_a_way_out(
    linked: tuple[Scene, str, dict[str, Ask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    scene, run, asks = linked
    scene.open_controls(run=run)
    honest = Door.get

    def forged(door: Door, path: str) -> Any:
        answer = honest(door, path)
        if path.endswith("/control-rows") and answer["shown"]:
            rows = answer["shown"]["north"]["rows"]
            rows[0]["mark"], rows[1]["mark"] = rows[1]["mark"], rows[0]["mark"]
        return answer

    monkeypatch.setattr(Door, "get", forged)
    with pytest.raises(ControlError, match="not the one that the broker had committed to") as caught:
        asks["south"]("controls", run)
    assert "counterfoil decline" in caught.value.remedy
    assert caught.value.exit_code == 1


def test_what_is_no_answer_is_not_taken_for_one(
    linked: tuple[Scene, str, dict[str, Ask]], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, run, asks = linked
    honest = Door.get
    monkeypatch.setattr(Door, "get", lambda door, path: {} if path.endswith("rows") else honest(door, path))
    with pytest.raises(BrokerRefused, match="not a broker"):
        asks["south"]("controls", run)


@pytest.mark.parametrize(("known_before", "unexplained"), [("an earlier run", {}), (None, {("north", "south"): 2})])
def test_what_is_odd_is_said_loudly(
    linked: tuple[Scene, str, dict[str, Ask]],
    monkeypatch: pytest.MonkeyPatch,
    known_before: str | None,
    unexplained: dict[tuple[str, str], int],
) -> None:
    _, run, asks = linked
    recovery = Recovery({Fault.NONE: Share(2, 4)}, Share(0, 0), 1, unexplained)
    monkeypatch.setattr(opening, "check", lambda *_args, **_named: Checked(recovery, known_before))
    if unexplained:
        with pytest.raises(ControlError, match="2 pairs of control rows of north and south that are the same"):
            asks["north"]("controls", run)
    else:
        told, _ = asks["north"]("controls", run)
        assert "BUT the broker has known these control rows since run an earlier run" in told
        assert "1 pair" in told
        assert "twins" not in told


def test_without_control_rows_there_is_nothing_to_open(make_scene: MakeScene) -> None:
    scene = make_scene()
    ask = desk(scene, scene.cast.holders["north"], scene.holder("north").workspace)
    with pytest.raises(CounterfoilError, match="The agreement has no control rows"):
        ask("controls", "0" * 32)
