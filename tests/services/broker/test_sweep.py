"""What nobody finishes, and what a crash leaves behind, does not stay for long; what is finished stays."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from keys.agreement import Agreement
from keys.statement import declare
from keys.template import default_terms
from services.broker.accept import complete
from services.broker.app import create_app, open_office
from services.broker.errors import Conflict, NotFound
from services.broker.incoming import Incoming, announce, keep_part, parts_here
from services.broker.office import Office
from services.broker.retention import Keeper, destroy
from services.broker.settings import Settings
from services.broker.store import agreements, incoming, uploads
from services.broker.sweep import sweep
from services.rehearsal.party import agree, gather
from tests.doors import Clock
from tests.seen import stored
from tests.stage import IDENTIFIERS, Broker, Scene

START = datetime(2026, 1, 1, tzinfo=UTC)
PART = 64 << 10
FILE = bytes(range(256)) * 512
DIGEST = sha256(FILE).hexdigest()
CAST = gather(["council", "icb"])


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def agreement() -> Agreement:
    terms = default_terms(dict.fromkeys(CAST.holders, IDENTIFIERS), minimum_rows=1)
    return agree(terms, CAST)


@pytest.fixture
def office(tmp_path: Path, clock: Clock, agreement: Agreement) -> Iterator[Office]:
    """A broker that has received the agreement."""
    settings = Settings(home=tmp_path, part_kb=PART >> 10, unfinished_hours=48)
    opened = replace(open_office(settings, CAST.broker), now=clock)
    key = opened.new_receiving_key(agreement.id)
    receiving = declare(CAST.broker, "receiving key", {"agreement": agreement.id, "receiving": key.address.to_json()})
    with opened.store.transaction("set up") as connection:
        agreements.put(
            connection, agreement.id, document=agreement.to_json(), receiving=receiving.to_json(), at=opened.stamp()
        )
    yield opened
    opened.store.close()


def begin(office: Office, agreement: Agreement) -> Incoming:
    upload, _ = announce(office, agreement, agreement.holders()[0], sha256=DIGEST, size=len(FILE))
    return upload


def add(office: Office, upload: Incoming, number: int, data: bytes = FILE) -> None:
    part = data[number * PART : (number + 1) * PART]
    file = office.storage.part()
    file.write_bytes(part)
    try:
        keep_part(office, upload, number, file, sha256=sha256(part).hexdigest())
    finally:
        file.unlink(missing_ok=True)


def rows(office: Office, agreement: Agreement) -> list[str]:
    with office.store.transaction("look") as connection:
        return [row["id"] for row in incoming.of_agreement(connection, agreement.id)]


def files(office: Office) -> list[str]:
    root = office.settings.storage
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_an_upload_is_given_up_when_nobody_has_added_to_it_for_two_days(
    office: Office, agreement: Agreement, clock: Clock
) -> None:
    upload = begin(office, agreement)
    clock.moment += timedelta(hours=47)
    add(office, upload, 0)
    clock.moment += timedelta(hours=48)
    sweep(office)
    assert (len(files(office)), rows(office, agreement)) == (1, [upload.id])
    clock.moment += timedelta(microseconds=1)
    sweep(office)
    assert (files(office), rows(office, agreement)) == ([], [])


def test_a_part_that_was_on_its_way_when_its_upload_was_given_up_is_not_kept(
    office: Office, agreement: Agreement, clock: Clock
) -> None:
    upload = begin(office, agreement)
    clock.moment += timedelta(hours=49)
    sweep(office)
    with pytest.raises(NotFound):
        add(office, upload, 0)
    assert parts_here(office, upload) == {}


def test_parts_without_a_row_are_swept_up(office: Office, agreement: Agreement) -> None:
    """A crash between the row and the files of an upload that was given up, accepted or refused."""
    upload = begin(office, agreement)
    add(office, upload, 0)
    with office.store.transaction("forget the row") as connection:
        incoming.forget(connection, upload.id)
    sweep(office)
    assert files(office) == []


def test_i8_nothing_of_an_unfinished_upload_outlives_destruction(office: Office, agreement: Agreement) -> None:
    upload = begin(office, agreement)
    add(office, upload, 0)
    destroy(office, agreement)
    assert (files(office), rows(office, agreement)) == ([], [])
    with pytest.raises(Conflict, match="have been destroyed"):
        begin(office, agreement)
    with pytest.raises(Conflict, match="have been destroyed"):
        add(office, upload, 1)
    assert files(office) == []


def test_the_keeper_sweeps(office: Office, agreement: Agreement, clock: Clock) -> None:
    add(office, begin(office, agreement), 0)
    clock.moment += timedelta(hours=49)
    keeper = Keeper(office)
    keeper.start()
    keeper.stop()
    assert files(office) == []


@pytest.fixture
def beside(broker: Broker) -> Iterator[Office]:
    """The running broker's office, from another process."""
    opened = open_office(Settings(home=broker.home, part_kb=64), broker.identity)
    yield opened
    opened.store.close()


def test_a_crash_between_the_file_and_its_row_leaves_no_orphan_and_is_repaired_by_asking_again(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = scene.sealed("north", rows=100)
    holder = scene.agreement.holders()[0]
    digest = sha256(sealed).hexdigest()
    log = scene.events()
    upload, _ = announce(beside, scene.agreement, holder, sha256=digest, size=len(sealed))
    for number in range(upload.parts):
        add(beside, upload, number, sealed)

    def crash(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(uploads, "put", crash)
        with pytest.raises(KeyboardInterrupt):
            complete(beside, scene.agreement, holder, sha256=digest)

    def accepted() -> list[str]:
        return [name for name in stored(scene.broker) if f"{scene.agreement.id}/uploads/" in name]

    assert len(accepted()) == 1, "the file is there, and no row knows it"
    assert scene.events() == log
    sweep(beside)
    assert accepted() == []
    receipt, fresh = complete(beside, scene.agreement, holder, sha256=digest)
    assert fresh
    sweep(beside)
    assert accepted() == [f"agreements/{scene.agreement.id}/uploads/{receipt['body']['upload']}"]
    assert parts_here(beside, upload) == {}


def test_a_full_disk_is_said_to_be_that(office: Office) -> None:
    app = create_app(office)

    @app.get("/full")
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/srv/broker/storage")

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://broker") as http:
            return await http.get("/full")

    answer = asyncio.run(ask())
    assert answer.status_code == 507
    assert answer.json()["title"] == "The broker's disk is full."
    assert "/srv" not in answer.text
