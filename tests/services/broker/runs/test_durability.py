"""A broker that is killed again and again while a run is under way, and what is left when its time is up."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from encoder.workspace import Workspace
from keys.errors import CounterfoilError
from keys.statement import Statement
from services.broker.app import open_office
from services.broker.destruction import retention
from services.broker.match.inputs import open_inputs
from services.broker.office import Office
from services.broker.settings import Settings
from services.broker.store import agreements, runs, tables
from services.broker.store.uploads import newest
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import Launched, launch, running_broker
from tests.broker import Broker
from tests.seen import events
from tests.stage import Scene, children

BOTH = children(60, seed=1)
ROWS = {"north": BOTH + children(40, seed=2), "south": BOTH + children(70, seed=3)}


@dataclass(repr=False)
class Life:
    """A run that was cut off, another one that was not, and what the database said after each kill."""

    scene: Scene
    cut_off: str
    undisturbed: str
    killed_in: list[str]
    links: dict[str, set[frozenset[tuple[str, str]]]]
    status: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> Life:
    home = Workspace(tmp_path_factory.mktemp("killed"))
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    launched = launch(home.root, passphrase=passphrase)
    scene = Scene.of(Broker(identity, Settings(home=home.root), launched.url), tmp_path_factory.mktemp("scene"))
    killed_in: list[str] = []

    def kill(running: Launched, run: str) -> Launched:
        running.process.kill()
        running.process.wait()
        killed_in.append(state_of(scene.broker, run))
        again = launch(home.root, passphrase=passphrase)
        scene.broker = replace(scene.broker, url=again.url)
        return again

    try:
        scene.open()
        for name, rows in ROWS.items():
            scene.upload(name, rows)
        cut_off = scene.start_run()
        launched = kill(launched, cut_off)
        launched = kill(launched, cut_off)
        scene.status(cut_off, "matched")
        scene.approve("north", cut_off)
        launched = kill(launched, cut_off)
        scene.approve("south", cut_off)
        launched = kill(launched, cut_off)
        scene.status(cut_off, "released")
        links = {cut_off: scene.links(cut_off)}
        undisturbed = scene.start_run()
        scene.status(undisturbed, "matched")
        scene.release(undisturbed)
        links[undisturbed] = scene.links(undisturbed)
        status = {run: scene.status(run) for run in (cut_off, undisturbed)}
    finally:
        scene.close()
        launched.stop()
    return Life(scene, cut_off, undisturbed, killed_in, links, status)


def state_of(broker: Broker, run: str) -> str:
    with broker.tables() as connection:
        row = runs.get(connection, run)
    assert row is not None
    return str(row["state"])


def test_it_was_killed_while_it_worked_and_while_it_waited(life: Life) -> None:
    assert life.killed_in[0] == "accepted"
    assert life.killed_in[2] == "matched"
    assert life.killed_in[3] in ("approved", "released")


def test_i6_a_run_that_was_cut_off_gives_the_links_of_an_undisturbed_one(life: Life) -> None:
    expected = {frozenset({("north", child["id"]), ("south", child["id"])}) for child in BOTH}
    assert life.links[life.cut_off] == expected
    assert life.links[life.undisturbed] == expected


def test_i6_both_runs_say_the_same(life: Life) -> None:
    one, other = (life.status[run] for run in (life.cut_off, life.undisturbed))
    different = {"run", "started_at", "changed_at"}
    assert {name: one[name] for name in one.keys() - different} == {
        name: other[name] for name in one.keys() - different
    }


def test_no_event_is_lost_or_told_twice(life: Life) -> None:
    log = events(life.scene.broker)
    of_runs = {
        run: [(event["event"], event.get("state"), event.get("by")) for event in log if event.get("run") == run]
        for run in (life.cut_off, life.undisturbed)
    }
    assert of_runs[life.cut_off] == of_runs[life.undisturbed]
    assert len(of_runs[life.cut_off]) == 6


def test_nothing_half_done_is_left(life: Life) -> None:
    storage = life.scene.broker.home / "storage"
    assert not list((storage / "quarantine").iterdir())
    assert not list(life.scene.broker.home.rglob("*.part"))
    names = [{path.name for path in (storage / "runs" / run).rglob("*")} for run in (life.cut_off, life.undisturbed)]
    assert names[0] == names[1]


def test_i6_a_run_is_taken_up_that_was_cut_off_before_its_first_step(tmp_path: Path) -> None:
    """After its row is there, and again after it is approved, but before the runner knows of it."""
    home, identity = Workspace(tmp_path / "home"), gather([]).broker
    passphrase = write_identity(home, identity)
    with running_broker(home.root, passphrase=passphrase) as url:
        scene = Scene.of(Broker(identity, Settings(home=home.root), url), tmp_path / "scene")
        scene.open()
        for name, rows in ROWS.items():
            scene.upload(name, rows)
        scene.close()
    run, stamp = "0" * 32, datetime.now(UTC).isoformat()
    with scene.broker.tables() as connection:
        uploads_of = {name: newest(connection, agreement=scene.agreement.id, holder=name) for name in ROWS}
        runs.put(
            connection,
            id=run,
            agreement=scene.agreement.id,
            state="accepted",
            uploads={name: upload["id"] for name, upload in uploads_of.items() if upload},
            task_pairs=10_000,
            started_at=stamp,
            changed_at=stamp,
        )
    for before, after in (("accepted", "matched"), ("approved", "released")):
        with scene.broker.tables() as connection:
            connection.execute(tables.runs.update().values(state=before))
        with running_broker(home.root, passphrase=passphrase) as url:
            scene.broker = replace(scene.broker, url=url)
            scene.status(run, after)
            scene.close()


@pytest.fixture
def office(life: Life, tmp_path: Path) -> Iterator[Office]:
    """The stopped broker's office, opened again on a copy of all that it keeps."""
    home = shutil.copytree(life.scene.broker.home, tmp_path / "home")
    opened = open_office(Settings(home=home), life.scene.broker.identity)
    yield opened
    opened.store.close()


def test_i5_no_file_of_the_broker_shows_an_encoding_or_a_handle(life: Life, office: Office) -> None:
    inputs = open_inputs(office, life.cut_off)
    needles = []
    for holder in range(len(inputs.rows)):
        needles += [row.tobytes() for row in inputs.handles(holder)]
        for name in inputs.names(holder):
            one = inputs.encodings(holder, name)
            words = one.bits.reshape(len(one.bits), -1)
            needles += [row.tobytes() for row in words[one.present]][:50]
    kept = contents(office.settings.home)
    assert needles
    assert not [needle for needle in needles if needle in kept or needle.hex().encode() in kept]


def contents(home: Path) -> bytes:
    return b"\n".join(path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file())


def test_data_stay_until_retention_has_passed_and_then_go(life: Life, office: Office) -> None:
    home, agreement = office.settings.home, life.scene.agreement
    last = datetime.fromisoformat(life.status[life.undisturbed]["changed_at"])
    retention_time = timedelta(hours=agreement.terms.retention_hours)
    uploads = home / "storage" / "agreements" / agreement.id
    copy = replace(life.scene.broker, settings=office.settings)
    before = events(copy)
    assert retention.destroy_due(replace(office, now=lambda: last + retention_time - timedelta(seconds=1))) == []
    assert len([path for path in uploads.rglob("*") if path.is_file()]) == 2
    later = replace(office, now=lambda: last + retention_time)
    assert retention.destroy_due(later) == [agreement.id]
    assert not uploads.exists()
    assert not list((home / "storage" / "runs").iterdir())
    assert not list((home / "receiving-keys").iterdir())
    with pytest.raises(CounterfoilError):
        open_inputs(later, life.cut_off).handles(0)
    with office.store.transaction("read receipt") as connection:
        row = agreements.get(connection, agreement.id)
    assert row is not None
    facts = Statement.from_json(row["destroyed"]).verify(life.scene.broker.identity.card, kind="destruction receipt")
    assert facts["agreement"] == agreement.id
    assert set(facts["runs"]) == {life.cut_off, life.undisturbed}
    log = events(copy)
    assert log[: len(before)] == before
    assert [event["event"] for event in log[len(before) :]] == ["data destroyed"]
    assert retention.destroy_due(later) == []
    assert events(copy) == log


@pytest.mark.parametrize(
    ("states", "hours", "gone"),
    [
        ([], 71, False),
        ([], 72, True),
        (["accepted"], 71, False),
        (["accepted"], 72, True),
        (["matched"], 71, False),
        (["failed"], 72, True),
    ],
)
def test_without_a_release_data_go_when_retention_has_passed_since_expiry(
    life: Life, states: list[str], hours: int, gone: bool
) -> None:
    agreement = life.scene.agreement
    runs = [{"state": state, "changed_at": "2020-01-01T00:00:00+00:00"} for state in states]
    assert retention.due(agreement, runs, agreement.terms.expires_at() + timedelta(hours=hours)) is gone


@pytest.mark.parametrize(
    ("states", "gone"),
    [
        ({"released": 72}, True),
        ({"released": 71}, False),
        ({"released": 100, "failed": 1}, True),
        ({"released": 100, "accepted": 1}, False),
        ({"released": 100, "matched": 99}, False),
    ],
)
def test_data_go_when_retention_has_passed_since_the_last_release(
    life: Life, states: dict[str, int], gone: bool
) -> None:
    now = datetime(2026, 6, 1, tzinfo=UTC)
    runs = [{"state": state, "changed_at": (now - timedelta(hours=ago)).isoformat()} for state, ago in states.items()]
    assert retention.due(life.scene.agreement, runs, now) is gone


def test_the_log_of_the_process_says_nothing_of_the_runs(life: Life) -> None:
    log = (life.scene.broker.home / "broker.log").read_text()
    assert life.cut_off not in log
    assert "Traceback" not in log
