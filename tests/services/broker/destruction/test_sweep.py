"""What nobody finishes, and what a crash leaves behind, does not stay for long; what is finished stays."""

from __future__ import annotations

import errno
from datetime import timedelta

import httpx
import pytest

from keys.agreement import Agreement
from keys.errors import EnvelopeError
from services.broker.app import create_app
from services.broker.destruction.retention import Keeper, destroy
from services.broker.destruction.sweep import sweep
from services.broker.errors import Conflict, NotFound
from services.broker.office import Office
from services.broker.store import incoming
from services.broker.uploads.accept import check, standing
from services.broker.uploads.incoming import parts_here
from tests.asgi import answers_by
from tests.doors import Clock
from tests.receiving import DIGEST, FILE, add, begin, files, handed_in, rows


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


def test_a_full_disk_is_said_to_be_that(office: Office) -> None:
    app = create_app(office)

    @app.get("/full")
    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/srv/broker/storage")

    (answer,) = answers_by(app, httpx.Request("GET", "http://broker/full"))
    assert answer.status_code == 507
    assert answer.json()["title"] == "The broker's disk is full."
    assert "/srv" not in answer.text


def test_what_a_crash_left_of_a_refused_upload_is_swept_up(
    office: Office, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = handed_in(office, agreement, FILE)
    check(office, upload.id)
    office.storage.put(f"{upload.folder}/000000.{'0' * 64}", b"late")
    office.storage.put(f"agreements/{agreement.id}/uploads/{upload.id}", b"late")
    sweep(office)
    assert files(office) == []
    with pytest.raises(EnvelopeError):
        standing(office, agreement, agreement.holders()[0], sha256=DIGEST)
