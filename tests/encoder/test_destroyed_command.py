"""``counterfoil destroyed``: no until it is so, and then only what the broker signed and wrote into the log."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.destruction import fetch_destruction
from encoder.door import Door
from encoder.errors import BrokerRefused
from keys.errors import LogError, SignatureError
from keys.kinds import Declared
from keys.log import Log, verify_log
from keys.statement import Statement, declare
from services.broker.destruction.retention import destroy
from services.rehearsal.party import write_identity
from tests.stage import MakeScene, Scene


def destroyed(scene: Scene) -> None:
    with scene.broker.office() as office:
        destroy(office, scene.agreement)


@pytest.fixture
def ask(make_scene: MakeScene) -> tuple[Scene, Path, Callable[..., str]]:
    """A holder's folder, and the command in it."""
    scene = make_scene()
    workspace = scene.holder("north").workspace
    passphrase = scene.root / "passphrase"
    passphrase.write_text(write_identity(workspace, scene.cast.holders["north"]))

    def run(*more: str) -> str:
        options = ["--broker", scene.broker.url, "--folder", str(workspace.root), "--passphrase-file", str(passphrase)]
        done = CliRunner().invoke(app, ["destroyed", *options, *more])
        if done.exception is not None:
            raise done.exception
        return done.stdout

    return scene, workspace.root, run


def test_not_yet(ask: tuple[Scene, Path, Callable[..., str]]) -> None:
    _, folder, run = ask
    with pytest.raises(BrokerRefused, match="not destroyed the data yet") as refusal:
        run()
    assert "72 hours" in refusal.value.remedy
    assert not (folder / "destruction.json").exists()


def test_the_receipt_is_checked_kept_and_told(ask: tuple[Scene, Path, Callable[..., str]]) -> None:
    scene, folder, run = ask
    destroyed(scene)
    said = json.loads(run("--json"))
    assert said["agreement"] == scene.agreement.id
    assert said["runs"] == []
    kept = json.loads((folder / "destruction.json").read_bytes())
    assert Statement.from_json(kept).verify(scene.broker.identity.card, kind=Declared.DESTRUCTION) == said
    log = Log.from_json(json.loads((folder / "log.json").read_bytes()), where="log")
    assert verify_log(log, where="log").countersigned == {"north": len(log.entries)}
    assert log.entries[-1].facts["receipt"] == kept
    told = run()
    assert told.startswith(f"destroyed on {said['destroyed_at'][:19]} UTC, by broker's signed receipt in ")
    assert told.endswith("runs: none\nIt cannot show that nobody made a copy before.\n")


class Lying(Door):
    """A broker's answers, but for what it says of destruction."""

    def __init__(self, door: Door, receipt: Any) -> None:
        self.url, self._door, self._receipt = door.url, door, receipt

    def get(self, path: str) -> Any:
        answer = self._door.get(path)
        return {**answer, "destroyed": self._receipt} if "destroyed" in answer else answer

    def post(self, path: str, document: Any) -> Any:
        return self._door.post(path, document)


def refused(scene: Scene, receipt: Any, error: type[Exception], words: str) -> None:
    workspace, identity = scene.holder("north").workspace, scene.cast.holders["north"]
    with pytest.raises(error, match=words):
        fetch_destruction(workspace, Lying(scene.door(identity), receipt), agreement=scene.agreement, identity=identity)
    assert not workspace.destruction.exists()


def test_a_receipt_that_is_not_the_brokers_word_for_this_is_refused(make_scene: MakeScene) -> None:
    scene, other = make_scene(), make_scene()
    destroyed(scene)
    destroyed(other)
    said = scene.door_of("north").get(scene.path)["destroyed"]["body"]
    broker, north = scene.broker.identity, scene.cast.holders["north"]
    elsewhere = other.door_of("north").get(other.path)["destroyed"]
    refused(scene, elsewhere, BrokerRefused, "for another agreement")
    refused(
        scene,
        declare(north, Declared.DESTRUCTION, said).to_json(),
        SignatureError,
        "not of the kind destruction receipt",
    )
    refused(
        scene, declare(broker, Declared.RECEIPT, said).to_json(), SignatureError, "not of the kind destruction receipt"
    )
    for missing in ({}, {"destroyed_at": 5, "runs": []}, {"destroyed_at": "today", "runs": [5]}):
        body = {"agreement": scene.agreement.id, **missing}
        refused(scene, declare(broker, Declared.DESTRUCTION, body).to_json(), BrokerRefused, "does not say what")
    earlier = {**said, "destroyed_at": "2026-01-01T00:00:00.000000+00:00"}
    refused(scene, declare(broker, Declared.DESTRUCTION, earlier).to_json(), LogError, "does not end with this")
    refused(scene, "yes", SignatureError, "not a signed statement")


def test_a_receipt_without_an_entry_in_the_log_is_refused(make_scene: MakeScene) -> None:
    scene = make_scene()
    body = {"agreement": scene.agreement.id, "runs": [], "destroyed_at": "2026-01-01T00:00:00.000000+00:00"}
    promised = declare(scene.broker.identity, Declared.DESTRUCTION, body).to_json()
    refused(scene, promised, LogError, "does not end with this")
