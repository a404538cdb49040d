"""Destruction comes on time, after any downtime, and takes the key with it."""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection

from keys.agreement import Agreement
from keys.kinds import Declared
from keys.protocol import State
from keys.statement import Statement, declare
from keys.template import default_terms
from services.broker.app import open_office
from services.broker.destruction.retention import Keeper, destroy_due
from services.broker.errors import Conflict, NotFound
from services.broker.files.storage import Storage
from services.broker.office import Office
from services.broker.settings import Settings
from services.broker.store import agreements, runs
from services.rehearsal.party import Cast, agree, gather
from tests.doors import Clock

START = datetime(2026, 1, 1, tzinfo=UTC)
HOURS = 72


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def office(tmp_path: Path, clock: Clock) -> Office:
    cast = gather(["council", "icb"])
    opened = replace(open_office(Settings(home=tmp_path), cast.broker), now=clock)
    add_agreement(opened, cast)
    return opened


def add_agreement(opened: Office, cast: Cast) -> Agreement:
    """Received, with its key and an upload."""
    fields = ["forename", "surname", "date_of_birth"]
    agreement = agree(default_terms({"council": fields, "icb": fields}, retention_hours=HOURS), cast)
    key = opened.new_receiving_key(agreement.id)
    receiving = declare(cast.broker, "receiving key", {"agreement": agreement.id, "receiving": key.address.to_json()})
    with opened.store.transaction("set up") as connection:
        agreements.put(
            connection, agreement.id, document=agreement.to_json(), receiving=receiving.to_json(), at=opened.stamp()
        )
    opened.storage.put(f"agreements/{agreement.id}/uploads/one", b"sealed upload")
    return agreement


def only(office: Office) -> Agreement:
    with office.store.transaction("read") as connection:
        (document,) = agreements.all_documents(connection)
    return Agreement.from_json(document)


def add_run(office: Office, state: State, run: str = "r") -> None:
    stamp, agreement = office.stamp(), only(office).id
    with office.store.transaction("add run") as connection:
        _put_run(connection, run, agreement, state, stamp)
    office.storage.put(f"runs/{run}/link-ids", b"sealed link ids")


def _put_run(connection: Connection, run: str, agreement: str, state: State, stamp: str) -> None:
    runs.put(
        connection,
        id=run,
        agreement=agreement,
        state=state.value,
        uploads={},
        task_pairs=1,
        started_at=stamp,
        changed_at=stamp,
    )


def files(office: Office) -> list[str]:
    root = office.settings.storage
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_nothing_is_destroyed_before_its_time(office: Office, clock: Clock) -> None:
    add_run(office, State.RELEASED)
    clock.moment = START + timedelta(hours=HOURS) - timedelta(seconds=1)
    assert destroy_due(office) == []
    assert len(files(office)) == 2
    office.receiving_key(only(office).id)


@pytest.mark.parametrize("late", [timedelta(0), timedelta(days=400)])
def test_key_and_files_go_when_retention_has_passed_since_release(
    office: Office, clock: Clock, late: timedelta
) -> None:
    add_run(office, State.RELEASED)
    agreement = only(office)
    clock.moment = START + timedelta(hours=HOURS) + late
    assert destroy_due(office) == [agreement.id]
    assert files(office) == []
    with pytest.raises(NotFound):
        office.receiving_key(agreement.id)
    with office.store.transaction("read") as connection:
        row = agreements.get(connection, agreement.id)
    assert row is not None
    body = Statement.from_json(row["destroyed"]).verify(office.identity.card, kind=Declared.DESTRUCTION)
    assert body["agreement"] == agreement.id
    assert body["runs"] == ["r"]
    assert destroy_due(office) == []


def test_retention_counts_from_the_last_release(office: Office, clock: Clock) -> None:
    add_run(office, State.RELEASED, "first")
    clock.moment = START + timedelta(hours=HOURS - 1)
    add_run(office, State.RELEASED, "second")
    clock.moment = START + timedelta(hours=2 * HOURS - 1) - timedelta(seconds=1)
    assert destroy_due(office) == []
    clock.moment += timedelta(seconds=1)
    assert len(destroy_due(office)) == 1


def test_nothing_that_is_noted_of_a_released_run_puts_destruction_off(office: Office, clock: Clock) -> None:
    add_run(office, State.RELEASED)
    clock.moment = START + timedelta(hours=HOURS)
    with office.store.transaction("note") as connection:
        runs.note(connection, "r", begun_at=office.stamp(), outcome={})
    assert len(destroy_due(office)) == 1


@pytest.mark.parametrize("state", [State.ACCEPTED, State.MATCHED, State.APPROVED])
def test_a_run_under_way_keeps_its_data_until_the_agreement_is_over(office: Office, clock: Clock, state: State) -> None:
    add_run(office, State.RELEASED, "old")
    add_run(office, state, "new")
    clock.moment = START + timedelta(hours=HOURS * 2)
    assert destroy_due(office) == []
    clock.moment = only(office).terms.expires_at() + timedelta(hours=HOURS)
    assert len(destroy_due(office)) == 1
    assert files(office) == []


def test_an_agreement_that_never_ran_is_destroyed_after_it_expires(office: Office, clock: Clock) -> None:
    clock.moment = only(office).terms.expires_at() + timedelta(hours=HOURS) - timedelta(seconds=1)
    assert destroy_due(office) == []
    clock.moment += timedelta(seconds=1)
    assert len(destroy_due(office)) == 1


def test_a_crash_between_key_and_files_is_completed(
    office: Office, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_run(office, State.RELEASED)
    clock.moment = START + timedelta(hours=HOURS)

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(type(office.storage), "remove_folder", crash)
    with pytest.raises(KeyboardInterrupt):
        destroy_due(office)
    monkeypatch.undo()
    assert len(destroy_due(office)) == 1
    assert files(office) == []


def test_i8_the_key_is_overwritten_before_it_is_removed(office: Office, clock: Clock, tmp_path: Path) -> None:
    (key,) = office.settings.receiving_keys.iterdir()
    before, other_name = key.read_bytes(), tmp_path / "other name of the same file"
    os.link(key, other_name)
    clock.moment = only(office).terms.expires_at() + timedelta(hours=HOURS)
    destroy_due(office)
    after = other_name.read_bytes()
    assert len(after) == len(before)
    assert not any(before[start : start + 16] in after for start in range(0, len(before) - 16, 16))


def test_one_that_cannot_be_destroyed_has_no_receipt_and_keeps_no_other_from_it(
    office: Office, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = only(office)
    other = add_agreement(office, replace(gather(["council", "icb"]), broker=office.identity))
    clock.moment = stuck.terms.expires_at() + timedelta(hours=HOURS)
    remove = Storage.remove_folder

    def refuse(storage: Storage, name: str) -> None:
        if stuck.id in name:
            raise PermissionError("somebody has the file open")
        remove(storage, name)

    monkeypatch.setattr(Storage, "remove_folder", refuse)
    with pytest.raises(ExceptionGroup, match="could not be destroyed"):
        destroy_due(office)
    assert [is_destroyed(office, one) for one in (stuck, other)] == [False, True]
    monkeypatch.undo()
    assert destroy_due(office) == [stuck.id]
    assert files(office) == []


def is_destroyed(office: Office, agreement: Agreement) -> bool:
    with office.store.transaction("read") as connection:
        return agreements.is_destroyed(connection, agreement.id)


def test_the_keeper_looks_on_when_something_is_in_the_way(
    office: Office, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock.moment = only(office).terms.expires_at() + timedelta(hours=HOURS)
    monkeypatch.setattr(Storage, "remove_folder", lambda *_: (_ for _ in ()).throw(PermissionError("open")))
    keeper = Keeper(office)
    keeper.start()
    keeper.stop()
    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert [(line["event"], line["duty"], line["causes"]) for line in said] == [
        ("duty failed", "destruction", ["PermissionError"])
    ]
    monkeypatch.undo()
    again = Keeper(office)
    again.start()
    again.stop()
    assert files(office) == []


def test_a_file_that_cannot_be_removed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = Storage(tmp_path)
    storage.put("runs/one/pairs", b"pairs")
    monkeypatch.setattr(shutil, "rmtree", lambda _path: (_ for _ in ()).throw(PermissionError("open")))
    with pytest.raises(PermissionError):
        storage.remove_folder("runs/one")
    monkeypatch.undo()
    storage.remove_folder("runs/one")
    storage.remove_folder("runs/one")
    assert storage.folders("runs") == []


def test_a_restored_database_and_storage_bring_nothing_back(
    office: Office, clock: Clock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    add_run(office, State.MATCHED)
    agreement, home = only(office), office.settings.home
    backup = tmp_path / "backup"
    with closing(sqlite3.connect(home / "broker.sqlite")) as connection:
        backup.mkdir()
        connection.execute("VACUUM INTO ?", (str(backup / "broker.sqlite"),))
    shutil.copytree(home / "storage", backup / "storage")
    clock.moment = agreement.terms.expires_at() + timedelta(hours=HOURS)
    destroy_due(office)
    with office.store.transaction("read") as connection:
        row = agreements.get(connection, agreement.id)
    assert row is not None
    office.store.close()

    for left in home.glob("broker.sqlite*"):
        left.unlink()
    shutil.rmtree(home / "storage")
    shutil.copytree(backup, home, dirs_exist_ok=True)
    clock.moment = START + timedelta(hours=1)  # nothing is due
    restored = replace(open_office(Settings(home=home), office.identity), now=clock)
    assert not is_destroyed(restored, agreement)
    assert len(files(restored)) == 2
    with pytest.raises(NotFound):
        restored.receiving_key(agreement.id)
    with pytest.raises(Conflict, match="have been destroyed"):
        restored.new_receiving_key(agreement.id)
    with restored.store.transaction("begin") as connection, pytest.raises(Conflict, match="have been destroyed"):
        restored.require_kept(connection, agreement.id)

    assert destroy_due(restored) == [agreement.id]
    assert "destruction repeated" in {record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)}
    assert files(restored) == []
    with restored.store.transaction("read") as connection:
        again = agreements.get(connection, agreement.id)
        run = runs.get(connection, "r")
    assert again is not None
    assert again["destroyed"] == row["destroyed"]
    assert Statement.from_json(again["destroyed"]).verify(office.identity.card, kind=Declared.DESTRUCTION)
    assert run is not None
    assert run["state"] == State.FAILED
    assert destroy_due(restored) == []
    restored.store.close()


def test_what_was_destroyed_before_notes_were_made_is_noted(office: Office, clock: Clock) -> None:
    agreement = only(office)
    clock.moment = agreement.terms.expires_at() + timedelta(hours=HOURS)
    destroy_due(office)
    shutil.rmtree(office.settings.destroyed)
    assert destroy_due(office) == []
    with office.store.transaction("read") as connection:
        row = agreements.get(connection, agreement.id)
    assert row is not None
    assert office.destroyed.receipt(agreement.id) == row["destroyed"]
