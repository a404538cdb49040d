"""Uploads while something is away for a while: the database, the storage, or room on a disk. Nothing is lost by it."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from keys.agreement import Agreement
from keys.errors import EnvelopeError
from services.broker.app import create_app
from services.broker.errors import DatabaseAway
from services.broker.files.storage import Storage
from services.broker.front.readiness import failing
from services.broker.office import Office
from services.broker.store.database import Store
from services.broker.uploads import accept
from services.broker.uploads.accept import standing
from services.broker.uploads.checkers import Checkers
from services.broker.uploads.incoming import Incoming, assemble, parts_here
from tests.asgi import answers_by
from tests.broker import Broker
from tests.doors import Clock
from tests.postgres import postgres
from tests.receiving import (
    CAST,
    DIGEST,
    FILE,
    PART,
    START,
    begin,
    files,
    handed_in,
    receiving,
)
from tests.s3 import BUCKET, Bucket, s3_server
from tests.seen import refused
from tests.stage import Scene, signed_request

PLACES = ("folder", "bucket")


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with s3_server() as served:
        yield served


@pytest.fixture
def opened(tmp_path: Path, agreement: Agreement, bucket: Bucket) -> Iterator[Callable[..., Office]]:
    """A broker whose files lie in a place, and further settings of it."""
    with ExitStack() as stack:

        def make(place: str = "folder", **settings: Any) -> Office:
            if place == "bucket":
                options = bucket.options(tmp_path / "options.toml")
                settings |= {"storage_url": f"s3://{BUCKET}/broker", "storage_options": options}
            home = tmp_path / "home"
            home.mkdir()
            return stack.enter_context(receiving(home, Clock(START), agreement, **settings))

        yield make


def found(office: Office, agreement: Agreement) -> str:
    """What has become of the file that no holder makes."""
    try:
        return standing(office, agreement, agreement.holders()[0], sha256=DIGEST).checked_as
    except EnvelopeError:
        return "refused"


def waiting(caplog: pytest.LogCaptureFixture, lack: str) -> None:
    """Come back when the broker has said that it waits for something."""
    deadline = time.monotonic() + 60
    while lack not in [record.msg.get("lack") for record in caplog.records if isinstance(record.msg, dict)]:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_check_that_loses_its_database_goes_on_when_it_is_back(
    opened: Callable[..., Office],
    agreement: Agreement,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However long that takes: it is longer than a run would wait."""
    with postgres() as server:
        office = opened(database_url=server.make_database(), patience_seconds=0)
        upload = handed_in(office, agreement, FILE)

        def cut_off(*arguments: Any, **options: Any) -> None:
            monkeypatch.undo()
            server.stop()
            assemble(*arguments, **options)

        monkeypatch.setattr(accept, "assemble", cut_off)
        checkers = Checkers(office)
        checkers.take(upload.id)
        waiting(caplog, "database")
        assert len(parts_here(office, upload)) == upload.parts
        assert checkers.has(upload.id)
        server.start()
        checkers.finish()
        assert found(office, agreement) == "refused"
        assert files(office) == []


@pytest.mark.parametrize("step", ["look whether upload is decided", "accept upload", "end checking upload"])
def test_an_upload_is_accepted_once_though_the_database_is_lost_at_some_step(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    log = scene.events()
    upload = handed_in(beside, scene.agreement, scene.sealed("north", rows=100))
    transaction, lost = Store.transaction, [1, 2]

    def begun(store: Store, name: str) -> Any:
        if name == step and lost:
            lost.pop()
            raise DatabaseAway
        return transaction(store, name)

    monkeypatch.setattr(Store, "transaction", begun)
    checkers = Checkers(beside)
    checkers.take(upload.id)
    checkers.finish()
    receipt = standing(beside, scene.agreement, scene.agreement.holders()[0], sha256=upload.sha256).receipt
    assert receipt is not None
    assert receipt["body"]["upload"] == upload.id
    assert len(scene.events()) == len(log) + 1
    assert (lost, parts_here(beside, upload)) == ([], {})


def test_a_check_that_the_database_cut_off_at_its_very_end_changes_nothing_more(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection breaks after the database has committed."""
    log = scene.events()
    upload = handed_in(beside, scene.agreement, scene.sealed("north", rows=100))

    class Broken:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def __enter__(self) -> Connection:
            entered: Connection = self._inner.__enter__()
            return entered

        def __exit__(self, *error: object) -> None:
            self._inner.__exit__(*error)
            monkeypatch.undo()
            raise DatabaseAway

    transaction = Store.transaction
    monkeypatch.setattr(
        Store,
        "transaction",
        lambda store, name: (Broken if name == "accept upload" else lambda inner: inner)(transaction(store, name)),
    )
    checkers = Checkers(beside)
    checkers.take(upload.id)
    checkers.finish()
    assert standing(beside, scene.agreement, scene.agreement.holders()[0], sha256=upload.sha256).receipt is not None
    assert len(scene.events()) == len(log) + 1


@pytest.mark.parametrize("place", PLACES)
def test_a_check_waits_for_room(
    opened: Callable[..., Office],
    agreement: Agreement,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    place: str,
) -> None:
    office = opened(place)
    upload, part = handed_in(office, agreement, FILE), Storage.part
    full = Event()
    full.set()
    monkeypatch.setattr(Storage, "part", lambda storage: full_disk(storage) if full.is_set() else part(storage))
    checkers = Checkers(office)
    checkers.take(upload.id)
    waiting(caplog, "room")
    assert found(office, agreement) == upload.id
    full.clear()
    checkers.finish()
    assert found(office, agreement) == "refused"


def full_disk(storage: Storage) -> Path:
    """A fresh name for a file that is coming in, on a disk without room."""
    path = storage.path(f"quarantine/{time.monotonic_ns()}")
    path.symlink_to("/dev/full")
    return path


def test_a_check_that_waits_lets_go_when_it_is_told_to_end(
    opened: Callable[..., Office],
    agreement: Agreement,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    office = opened()
    upload = handed_in(office, agreement, FILE)
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "part", full_disk)
        checkers = Checkers(office)
        checkers.take(upload.id)
        waiting(caplog, "room")
        checkers.stop()
    assert found(office, agreement) == upload.id
    started_again = Checkers(office)
    started_again.take_up()
    started_again.finish()
    assert found(office, agreement) == "refused"


def test_a_check_waits_for_a_storage_that_is_away(
    opened: Callable[..., Office], agreement: Agreement, bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    office = opened("bucket", patience_seconds=0)
    upload = handed_in(office, agreement, FILE)
    bucket.away = True
    checkers = Checkers(office)
    checkers.take(upload.id)
    waiting(caplog, "storage")
    assert found(office, agreement) == upload.id
    bucket.away = False
    checkers.finish()
    assert (found(office, agreement), bucket.objects) == ("refused", {})


def test_a_broker_whose_object_storage_is_away_is_not_ready(
    opened: Callable[..., Office], bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    office = opened("bucket")
    assert "storage" not in failing(office)
    bucket.away = True
    assert "storage" in failing(office)
    said = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    assert ("not ready", "storage") in [(line["event"], line.get("check")) for line in said]
    bucket.away = False
    assert "storage" not in failing(office)
    assert bucket.objects == {}


class Sender:
    """North, sending the first part of an upload to a broker in this process, as often as it takes."""

    def __init__(self, office: Office, agreement: Agreement) -> None:
        self._office, self.upload = office, begin(office, agreement)
        self._broker = Broker(CAST.broker, office.settings, "http://broker.example")
        self._app = create_app(office)
        self._path = f"/v1/agreements/{agreement.id}/uploads/{DIGEST}/parts/0"

    def send(self) -> httpx.Response:
        north = CAST.holders["council"]
        request = signed_request(self._broker, north, "PUT", self._path, FILE[:PART], now=self._office.now())
        return answers_by(self._app, request)[-1]


@pytest.mark.parametrize("place", PLACES)
def test_a_part_that_finds_the_disk_full_is_refused_and_leaves_nothing(
    opened: Callable[..., Office], agreement: Agreement, monkeypatch: pytest.MonkeyPatch, bucket: Bucket, place: str
) -> None:
    office = opened(place)
    sender = Sender(office, agreement)
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "part", full_disk)
        assert refused(sender.send(), 507, "no-room") == "The broker's disk is full."
    assert (left(office), bucket.objects, parts_here(office, sender.upload)) == ([], {}, {})
    assert sender.send().json() == {"part": 0}
    assert len(parts_here(office, sender.upload)) == 1


def left(office: Office) -> list[str]:
    """What lies in the broker's own folder of files."""
    return [str(path) for path in office.settings.storage.rglob("*") if not path.is_dir()]


def test_a_part_that_finds_the_object_storage_full_is_refused_and_leaves_nothing(
    opened: Callable[..., Office], agreement: Agreement, bucket: Bucket
) -> None:
    office = opened("bucket")
    sender = Sender(office, agreement)
    bucket.room = PART - 1
    assert refused(sender.send(), 507, "no-room") == "The broker's disk is full."
    assert (left(office), bucket.objects) == ([], {})
    bucket.room = PART
    assert sender.send().json() == {"part": 0}
    assert (left(office), [len(one) for one in bucket.objects.values()]) == ([], [PART])


def test_a_part_that_finds_the_object_storage_away_is_to_be_sent_again(
    opened: Callable[..., Office], agreement: Agreement, bucket: Bucket
) -> None:
    office = opened("bucket")
    sender = Sender(office, agreement)
    bucket.away = True
    later = sender.send()
    assert refused(later, 503, "storage-away") == "The broker's storage is away for a while."
    assert later.headers["Retry-After"] == "5"
    bucket.away = False
    assert (left(office), bucket.objects) == ([], {})
    assert sender.send().json() == {"part": 0}


@pytest.mark.parametrize("place", PLACES)
def test_a_check_that_finds_no_room_in_the_end_leaves_the_parts_and_can_be_done_again(
    opened: Callable[..., Office], agreement: Agreement, monkeypatch: pytest.MonkeyPatch, bucket: Bucket, place: str
) -> None:
    office = opened(place, patience_seconds=0)
    upload = handed_in(office, agreement, FILE)
    with monkeypatch.context() as patch:
        patch.setattr(Storage, "part", full_disk)
        checked(office, upload)
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        standing(office, agreement, agreement.holders()[0], sha256=DIGEST)
    assert len(parts_here(office, upload)) == upload.parts == len(left(office) or bucket.objects)
    assert handed_in(office, agreement, FILE).id == upload.id
    checked(office, upload)
    assert found(office, agreement) == "refused"
    assert (left(office), bucket.objects) == ([], {})


def checked(office: Office, upload: Incoming) -> None:
    checkers = Checkers(office)
    checkers.take(upload.id)
    checkers.finish()
