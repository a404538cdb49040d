"""I8: once an agreement's data are destroyed, nothing that is the broker's holds any of them, in whatever dress."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoder.workspace import Workspace
from keys.canonical import canonical
from services.broker.app import open_office
from services.broker.destruction.retention import destroy, destroy_due
from services.broker.office import Office
from services.broker.settings import Settings
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import running_broker
from tests.broker import Broker, started
from tests.postgres import NewDatabase
from tests.seen import database_files, dumped, refused, stored
from tests.stage import MakeScene, Scene
from tests.traces import WINDOW, bring_to, data_of, files, kept, searched, traces


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the broker puts temporary files, if it makes any."""
    return tmp_path_factory.mktemp("temporary")


@pytest.fixture(scope="module")
def broker(
    database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory, temporary: Path
) -> Iterator[Broker]:
    """A broker that no other test uses, so that all its files can be searched."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("TMPDIR", "TEMP", "TMP", "SQLITE_TMPDIR"):
            patch.setenv(name, str(temporary))
        with started(tmp_path_factory.mktemp("broker"), **new_database(database)) as broker:
            yield broker


@settings(max_examples=50, deadline=None)
@given(
    st.binary(min_size=40, max_size=60),
    st.integers(0, 24),
    st.binary(max_size=5),
    st.sampled_from(["raw", "hex", "HEX", "b64", "url"]),
)
def test_the_search_finds_any_sixteen_bytes_in_any_dress(secret: bytes, start: int, before: bytes, dress: str) -> None:
    """Without this the tests below could not fail."""
    piece = secret[start : start + WINDOW]
    dressed = {
        "raw": before + piece,
        "hex": (before + piece).hex().encode(),
        "HEX": b"x " + piece.hex().upper().encode(),
        "b64": b'"' + base64.b64encode(before + piece),
        "url": b"name=" + base64.urlsafe_b64encode(piece + before),
    }[dress]
    assert traces([secret], searched(b"\0" * 9 + dressed + b"\n")) > 0


def test_the_search_finds_nothing_where_nothing_is() -> None:
    rng = np.random.default_rng(1)
    assert traces([rng.bytes(10_000)], searched(rng.bytes(100_000))) == 0


STAGES = ("secret", "replaced", "matched", "declined", "released twice")


@pytest.mark.parametrize("stage", STAGES)
def test_i8_nothing_of_an_agreement_is_left_wherever_it_stood(
    make_scene: MakeScene, beside: Office, temporary: Path, stage: str
) -> None:
    scene = make_scene()
    runs = bring_to(scene, stage)
    data = data_of(scene, beside, runs, uploads=stage != "secret")
    before = kept(scene.broker.home, temporary, objects=dumped(scene.broker))
    assert traces(data.clear, before) == 0
    for sealed in data.sealed:
        assert traces([sealed], before) > 0
    destroy(beside, scene.agreement)
    log = scene.broker.home / "broker.sqlite-wal"  # not there on PostgreSQL
    assert not log.exists() or log.stat().st_size == 0
    after = kept(scene.broker.home, temporary, objects=dumped(scene.broker))
    assert traces([*data.clear, *data.sealed], after) == 0
    assert not [name for name in stored(scene.broker) if scene.agreement.id in name or any(run in name for run in runs)]
    assert {event["event"] for event in scene.events()[-1:]} == {"data destroyed"}


def test_i8_what_lingers_in_the_files_of_a_database_is_sealed(
    make_scene: MakeScene, beside: Office, database: str
) -> None:
    """SQLite overwrites what is deleted; PostgreSQL leaves that to whoever has the room next."""
    scene = make_scene()
    data = data_of(scene, beside, bring_to(scene, "released"))
    destroy(beside, scene.agreement)
    found = kept(database_files(scene.broker))
    assert traces(data.clear, found) == 0
    assert (traces(data.sealed, found) > 0) == (database == "postgresql")


@pytest.fixture(scope="module")
def neighbours(make_scene: MakeScene, broker: Broker) -> tuple[tuple[Scene, str], tuple[Scene, str]]:
    """Two agreements in one home, both released; the first keeps its data for a day, the second for two."""
    scenes = []
    for hours in (24, 48):
        scene = make_scene(retention_hours=hours)
        (run,) = bring_to(scene, "released")
        scenes.append((scene, run))
    return scenes[0], scenes[1]


def test_i8_destroying_one_agreement_touches_no_other(
    neighbours: tuple[tuple[Scene, str], tuple[Scene, str]], beside: Office, temporary: Path
) -> None:
    (first, run), (second, other) = neighbours
    going, staying = data_of(first, beside, [run]), data_of(second, beside, [other])
    lying = {
        path: path.read_bytes()
        for room in (f"agreements/{second.agreement.id}", f"runs/{other}")
        for path in files(beside, room)
    }
    links, log = second.links(other), second.events()
    later = replace(beside, now=lambda: datetime.now(UTC) + timedelta(hours=25))
    assert destroy_due(later) == [first.agreement.id]
    after = kept(first.broker.home, temporary, objects=dumped(first.broker))
    assert traces([*going.clear, *going.sealed], after) == 0
    assert {path: path.read_bytes() for path in lying} == lying
    for sealed in staying.sealed:
        assert traces([sealed], after) > 0
    assert second.links(other) == links
    assert second.events() == log
    assert second.door_of("north").get(second.path)["destroyed"] is None
    again = second.start_run()
    assert second.status(again, "matched")["state"] == "matched"


def test_a_run_that_waited_fails_and_cannot_be_approved_any_more(make_scene: MakeScene, beside: Office) -> None:
    scene = make_scene()
    (run,) = bring_to(scene, "matched")
    scene.approve("north", run)
    destroy(beside, scene.agreement)
    status = scene.status(run)
    assert status["state"] == "failed"
    assert "were destroyed" in status["problem"]["what"]
    body = canonical(scene.approval("south", run))
    answer = scene.ask(scene.cast.ig_leads["south"], "POST", f"/v1/runs/{run}/approvals", body)
    assert refused(answer, 409, "conflict") == "A run that is failed waits for no decision."
    assert [(event["event"], event.get("state")) for event in scene.events()[-2:]] == [
        ("run changed", "failed"),
        ("data destroyed", None),
    ]


def test_who_fetches_late_is_told_when_it_was_destroyed(make_scene: MakeScene, beside: Office) -> None:
    scene = make_scene()
    (run,) = bring_to(scene, "released")
    destroy(beside, scene.agreement)
    today = scene.events()[-1]["at"][:10]
    for by in (*scene.cast.holders.values(), scene.cast.recipient):
        answer = scene.ask(by, "GET", f"/v1/runs/{run}/release")
        assert (
            refused(answer, 410, "gone") == f"What this run released was destroyed on {today}, as the agreement says."
        )
    for by in (*scene.cast.ig_leads.values(), scene.broker.identity):
        refused(scene.ask(by, "GET", f"/v1/runs/{run}/release"), 404, "not-found")
    refused(scene.ask(gather([]).recipient, "GET", f"/v1/runs/{run}/release"), 401, "unauthenticated")


def test_a_count_has_nothing_that_could_be_gone(make_scene: MakeScene, beside: Office) -> None:
    scene = make_scene(release="count")
    (run,) = bring_to(scene, "released")
    destroy(beside, scene.agreement)
    refused(scene.ask(scene.cast.holders["north"], "GET", f"/v1/runs/{run}/release"), 404, "not-found")
    assert scene.status(run)["outcome"]["overlaps"] == [{"holders": ["north", "south"], "links": 20}]


def test_nothing_is_taken_after_destruction(make_scene: MakeScene, beside: Office) -> None:
    scene = make_scene(opened=False)
    scene.door_of("north").post("/v1/agreements", scene.agreement.to_json())
    north = scene.holder("north")
    north.workspace.root.mkdir(parents=True)
    answer = scene.door_of("north").get(scene.path)
    north.workspace.save_agreement(scene.agreement, answer["receiving"])
    destroy(beside, scene.agreement)
    before = scene.events()
    with pytest.raises(Exception, match="have been destroyed"):
        north.contribute(scene.door_of("north"))
    assert scene.events() == before


def test_an_upload_that_was_on_its_way_is_swept_up(make_scene: MakeScene, beside: Office) -> None:
    """A step or an upload under way may put a file back just after its folder went."""
    scene = make_scene()
    (run,) = bring_to(scene, "matched")
    destroy(beside, scene.agreement)
    late = [f"agreements/{scene.agreement.id}/uploads/late", f"runs/{run}/pairs-000009", "runs/unknown/pairs-000000"]
    for name in late:
        beside.storage.put(name, b"late")
    destroy_due(beside)
    assert not [name for name in stored(scene.broker) if name in late]


def test_a_cut_off_upload_is_gone_when_the_broker_starts_again(tmp_path: Path) -> None:
    home = Workspace(tmp_path / "home")
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with closing(open_office(Settings(home=home.root), identity).store):
        pass
    part = home.root / "storage" / "quarantine" / "cut-off"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"half of an upload")
    with running_broker(home.root, passphrase=passphrase):
        assert not part.exists()


def test_a_copy_of_the_storage_opens_no_more(make_scene: MakeScene, beside: Office, tmp_path: Path) -> None:
    """Crypto-shredding: what a backup of the storage kept is noise without the key."""
    scene = make_scene()
    (run,) = bring_to(scene, "matched")
    clear = data_of(scene, beside, [run]).clear[1:]
    shutil.copytree(beside.settings.storage, tmp_path / "copy")
    destroy(beside, scene.agreement)
    shutil.copytree(tmp_path / "copy", tmp_path / "home" / "storage")
    shutil.copytree(beside.settings.receiving_keys, tmp_path / "home" / "receiving-keys")
    assert (tmp_path / "home" / "storage" / "runs" / run).exists()
    assert not list((tmp_path / "home" / "receiving-keys").glob(f"{scene.agreement.id}*"))
    assert traces(clear, kept(tmp_path / "home")) == 0
