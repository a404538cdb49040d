"""An upload over a real network to a real broker that is cut, or whose sender or receiver is killed, and goes on."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.errors import Unreachable
from encoder.patience import Patience
from encoder.upload import upload
from encoder.workspace import Workspace
from keys.canonical import parse
from services.broker.settings import Settings
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import launch
from tests.broker import Broker
from tests.parts import announce, checked, hand_in, parts_of, put_part, put_whole, upload_path
from tests.stage import MakeScene, Scene
from tests.wire import Wire, wiretap

pytestmark = pytest.mark.apart_from_database

PART = 64 << 10
ROWS = 4_600
"""Of some 293 bytes each, which makes about ten parts."""


@dataclass(repr=False)
class Sending:
    """North, with a sealed file in its folder, behind a wire that can be cut."""

    scene: Scene
    wire: Wire
    workspace: Workspace
    parts: list[bytes]

    def send(
        self, url: str = "", pause: Callable[[float], None] = lambda seconds: time.sleep(0.05)
    ) -> tuple[Any, list[str]]:
        """The receipt, and what was told meanwhile but that the broker is checking."""
        told: list[str] = []
        there = replace(self.scene.broker, url=url or self.wire.url)
        door = replace(self.scene, broker=there).door_of("north")
        said = upload(
            self.workspace,
            door,
            agreement=self.scene.agreement,
            identity=self.scene.cast.holders["north"],
            patience=Patience(pause, told.append),
        )
        return said, [line for line in told if "The broker is checking" not in line]

    def times_sent(self) -> list[int]:
        """How often each part went over the wire, as far as its first thousand bytes."""
        asked = b"\n".join(bytes(one) for one in self.wire.asked)
        return [asked.count(part[:1000]) for part in self.parts]

    def command(self) -> list[str]:
        passphrase = self.workspace.root / "passphrase"
        if not passphrase.exists():
            passphrase.write_text(write_identity(self.workspace, self.scene.cast.holders["north"]))
        folder = ["--folder", str(self.workspace.root), "--passphrase-file", str(passphrase)]
        return ["upload", "--broker", self.wire.url, *folder, "--yes"]


@pytest.fixture
def sending(make_scene: MakeScene) -> Iterator[Sending]:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    workspace = scene.holder("north").workspace
    workspace.upload.write_bytes(sealed)
    with wiretap(scene.broker.url) as wire:
        yield Sending(scene, wire, workspace, parts_of(sealed, PART))


def receipt_at_broker(scene: Scene, sealed: bytes) -> Any:
    return announce(scene, scene.cast.holders["north"], sealed).json()["receipt"]


def test_an_upload_over_a_good_network_sends_every_byte_once(sending: Sending) -> None:
    said, told = sending.send()
    assert (said["rows"], told) == (ROWS, [])
    assert sending.times_sent() == [1] * len(sending.parts)


def test_a_connection_that_is_cut_twice_in_a_part_costs_these_parts_alone(sending: Sending) -> None:
    sending.wire.cuts += [3 * PART + PART // 2, 4 * PART]
    said, told = sending.send()
    assert sending.wire.cuts == []
    assert len(told) == 2
    assert all("Trying again" in line for line in told)
    assert sorted(sending.times_sent()) == [1] * (len(sending.parts) - 2) + [2, 2]
    size, sent = sending.workspace.upload.stat().st_size, sum(map(len, sending.wire.asked))
    assert sent < size + 2 * PART + 2000 * (len(sending.parts) + 10)
    kept = parse(sending.workspace.receipt.read_bytes(), where="receipt")
    assert kept["body"] == dict(said)
    assert kept == receipt_at_broker(sending.scene, sending.workspace.upload.read_bytes())
    assert [event["event"] for event in sending.scene.events()].count("upload accepted") == 1


def test_a_sender_that_is_killed_goes_on_when_the_command_is_given_again(sending: Sending) -> None:
    sending.wire.cuts.append(4 * PART + PART // 2)
    script = [sys.executable, "-c", "from encoder.cli import main; main()", *sending.command()]
    with subprocess.Popen(script, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as first:
        assert first.stderr is not None
        assert any("Trying again" in line for line in first.stderr), "it was cut in the middle"
        first.kill()
    assert not sending.workspace.receipt.exists()
    again = CliRunner().invoke(app, sending.command())
    assert again.exception is None, again.output
    assert "Resuming at 3" in again.stderr or "Resuming at 4" in again.stderr
    assert again.stdout.startswith(f"accepted {ROWS:,} rows as upload ")
    assert sum(sending.times_sent()) == len(sending.parts) + 1
    third = CliRunner().invoke(app, sending.command())
    assert third.stdout == again.stdout
    assert sum(sending.times_sent()) == len(sending.parts) + 1


def test_a_broker_that_is_killed_has_what_it_had_and_goes_on_checking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_BROKER_PART_KB", "64")
    home = Workspace(tmp_path / "home")
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    launched = launch(home.root, passphrase=passphrase)
    scene = Scene.of(Broker(identity, Settings(home=home.root), launched.url), tmp_path / "scene")
    try:
        scene.open()
        sealed, north = scene.sealed("north", rows=ROWS), scene.cast.holders["north"]
        announce(scene, north, sealed)
        for number in (0, 1, 4):
            put_part(scene, north, sealed, number, parts_of(sealed, PART)[number])
        launched.process.kill()
        launched.process.wait()
        launched = launch(home.root, passphrase=passphrase)
        scene.broker = replace(scene.broker, url=launched.url)
        assert announce(scene, north, sealed).json()["parts"] == [0, 1, 4]
        for number, part in enumerate(parts_of(sealed, PART)):
            put_part(scene, north, sealed, number, part)
        assert hand_in(scene, north, sealed).status_code == 202
        launched.process.kill()  # whether it has come to the end or not
        launched.process.wait()
        launched = launch(home.root, passphrase=passphrase)
        scene.broker = replace(scene.broker, url=launched.url)
        receipt = scene.ask(north, "GET", f"{upload_path(scene, sealed)}/receipt")
        assert checked(scene, north, receipt).json()["body"]["rows"] == ROWS
        assert put_whole(scene, north, sealed).status_code == 200
        assert [event["event"] for event in scene.events()].count("upload accepted") == 1
    finally:
        scene.close()
        launched.stop()


def test_a_broker_that_is_away_is_waited_for_and_then_told(sending: Sending) -> None:
    waited: list[float] = []
    with pytest.raises(Unreachable, match="cannot be reached") as caught:
        sending.send("http://127.0.0.1:9", waited.append)
    assert waited == [1, 2, 4, 8, 16]
    assert "give the same command again" in caught.value.remedy
