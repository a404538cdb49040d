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
from keys.errors import AgreementError, EnvelopeError
from keys.statement import declare
from keys.template import default_terms
from services.broker import accept
from services.broker.accept import Halted, check, hand_in, standing
from services.broker.app import create_app, open_office
from services.broker.checkers import Checkers
from services.broker.errors import Conflict, NotFound
from services.broker.incoming import AT_ONCE, Incoming, announce, keep_part, parts_here
from services.broker.office import Office
from services.broker.plausibility import require_plausible
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


class Crashed(BaseException):
    """Stands for the end of the process."""


def handed_in(office: Office, agreement: Agreement, sealed: bytes) -> Incoming:
    holder = agreement.holders()[0]
    upload, _ = announce(office, agreement, holder, sha256=sha256(sealed).hexdigest(), size=len(sealed))
    for number in range(upload.parts):
        add(office, upload, number, sealed)
    assert hand_in(office, agreement, holder, sha256=upload.sha256).checked_as == upload.id
    return upload


@pytest.mark.parametrize(
    ("room", "step"), [(uploads, "put"), (accept, "require_plausible"), (accept, "assemble"), (accept, "receive")]
)
def test_i6_a_broker_that_is_killed_while_it_checks_goes_on_after_it_starts_again(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch, room: Any, step: str
) -> None:
    """At whatever step: the file may be in its place by then, and no row know it."""
    log = scene.events()
    upload = handed_in(beside, scene.agreement, scene.sealed("north", rows=100))

    def crash(*_: Any, **__: Any) -> None:
        raise Crashed

    with monkeypatch.context() as patch:
        patch.setattr(room, step, crash)
        with pytest.raises(Crashed):
            check(beside, upload.id)

    def accepted() -> list[str]:
        return [name for name in stored(scene.broker) if name.endswith(f"uploads/{upload.id}")]

    assert len(accepted()) == (room is uploads)
    assert scene.events() == log
    sweep(beside)
    assert len(parts_here(beside, upload)) == upload.parts
    started_again = Checkers(beside)
    started_again.start()
    started_again.finish()
    receipt = standing(beside, scene.agreement, scene.agreement.holders()[0], sha256=upload.sha256).receipt
    assert receipt is not None
    assert receipt["body"]["upload"] == upload.id
    assert len(scene.events()) == len(log) + 1
    check(beside, upload.id)
    sweep(beside)
    assert accepted() == [f"agreements/{scene.agreement.id}/uploads/{upload.id}"]
    assert parts_here(beside, upload) == {}
    assert len(scene.events()) == len(log) + 1


def test_an_upload_that_two_processes_check_at_once_is_accepted_once(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = scene.events()
    upload = handed_in(beside, scene.agreement, scene.sealed("north", rows=100))

    def overtaken(*blocks: Any, **options: Any) -> None:
        monkeypatch.undo()
        check(beside, upload.id)
        require_plausible(*blocks, **options)

    monkeypatch.setattr(accept, "require_plausible", overtaken)
    check(beside, upload.id)
    sweep(beside)
    assert len(scene.events()) == len(log) + 1
    assert [name for name in stored(scene.broker) if upload.id in name] == [
        f"agreements/{scene.agreement.id}/uploads/{upload.id}"
    ]


def test_a_broker_that_is_told_to_end_lets_go_of_what_it_checks(scene: Scene, beside: Office) -> None:
    upload = handed_in(beside, scene.agreement, scene.sealed("north", rows=100))
    log, before = scene.events(), stored(scene.broker)

    def halt() -> None:
        raise Halted

    with pytest.raises(Halted):
        check(beside, upload.id, halt=halt)
    assert (scene.events(), stored(scene.broker)) == (log, before)
    stopped = Checkers(beside)
    stopped.stop()
    stopped.take(upload.id)
    assert standing(beside, scene.agreement, scene.agreement.holders()[0], sha256=upload.sha256).checked_as == upload.id
    check(beside, upload.id)


def test_what_lies_with_the_broker_is_no_refusal_and_parts_stay(
    office: Office, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, upload = agreement.holders()[0], handed_in(office, agreement, FILE)
    before = files(office)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(accept, "assemble", full)
        check(office, upload.id)
    with pytest.raises(OSError, match="No space"):
        standing(office, agreement, holder, sha256=DIGEST)
    assert files(office) == before
    assert hand_in(office, agreement, holder, sha256=DIGEST).checked_as == upload.id
    check(office, upload.id)
    for ask in (standing, hand_in):
        with pytest.raises(EnvelopeError, match="not a sealed file"):
            ask(office, agreement, holder, sha256=DIGEST)
    assert files(office) == []


def test_what_is_being_checked_is_never_dropped_or_given_up(office: Office, agreement: Agreement, clock: Clock) -> None:
    holder = agreement.holders()[0]
    everything = [FILE + bytes([number]) for number in range(AT_ONCE)]
    ids = {handed_in(office, agreement, one).id for one in everything}
    with pytest.raises(Conflict, match="4 uploads of this holder are being checked"):
        begin(office, agreement)
    clock.moment += timedelta(hours=100)  # the broker was away
    sweep(office)
    assert set(rows(office, agreement)) == ids
    check(office, next(iter(ids)))
    upload = begin(office, agreement)
    assert upload.id in rows(office, agreement)
    assert len(rows(office, agreement)) == AT_ONCE
    with pytest.raises(Conflict, match="has not been handed in"):
        standing(office, agreement, holder, sha256=DIGEST)


def test_an_upload_that_is_checked_after_its_agreement_has_expired_is_refused(
    office: Office, agreement: Agreement, clock: Clock
) -> None:
    """The broker may have been away for long."""
    upload = handed_in(office, agreement, FILE)
    clock.moment = agreement.terms.expires_at() + timedelta(seconds=1)
    check(office, upload.id)
    with pytest.raises(AgreementError, match="expired"):
        standing(office, agreement, agreement.holders()[0], sha256=DIGEST)
    assert files(office) == []


def test_i8_an_upload_whose_agreement_is_destroyed_while_it_is_checked_leaves_nothing(
    office: Office, agreement: Agreement
) -> None:
    upload = handed_in(office, agreement, FILE)

    def halt() -> None:
        if agreement.id in office.storage.folders("agreements"):
            destroy(office, agreement)

    check(office, upload.id, halt=halt)
    assert (files(office), rows(office, agreement)) == ([], [])


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
