"""What becomes of an upload that was handed in is decided once, whoever checks it, and nothing of it stays behind."""

from __future__ import annotations

import errno
from datetime import timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keys.agreement import Agreement
from keys.errors import AgreementError, EnvelopeError
from services.broker.destruction.retention import destroy
from services.broker.destruction.sweep import sweep
from services.broker.errors import Conflict, NotFound, Refused
from services.broker.files.storage import Storage
from services.broker.office import Office
from services.broker.store import uploads
from services.broker.uploads import accept
from services.broker.uploads.accept import Halted, check, hand_in, standing
from services.broker.uploads.checkers import Checkers
from services.broker.uploads.incoming import AT_ONCE, announce, parts_here
from services.broker.uploads.plausibility import require_plausible
from tests.doors import Clock
from tests.receiving import DIGEST, FILE, add, begin, files, handed_in, rows
from tests.seen import stored
from tests.stage import Scene


class Crashed(BaseException):
    """Stands for the end of the process."""


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
    started_again.take_up()
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
    assert (scene.events(), stored(scene.broker) - before) == (log, set())
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


def test_a_part_of_an_upload_that_is_being_checked_is_not_written_again(
    office: Office, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = handed_in(office, agreement, FILE)
    before = files(office)

    def written(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(Storage, "accept", written)
    add(office, upload, 0)
    with pytest.raises(Conflict, match="Other bytes"):
        add(office, upload, 0, FILE[::-1])
    assert files(office) == before


@pytest.mark.parametrize("when", ["before it is written", "after it is written"])
@pytest.mark.parametrize("outcome", ["accepted", "refused"])
def test_a_part_that_is_on_its_way_while_the_whole_is_checked_does_not_stay_behind(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch, when: str, outcome: str
) -> None:
    """Two send the same upload: one has looked and is about to write when the other ends."""
    sealed = scene.sealed("north", rows=100) if outcome == "accepted" else FILE
    holder = scene.agreement.holders()[0]
    upload, _ = announce(beside, scene.agreement, holder, sha256=sha256(sealed).hexdigest(), size=len(sealed))
    accept_file = Storage.accept

    def overtaken(storage: Storage, part: Path, name: str) -> None:
        monkeypatch.undo()
        if when == "after it is written":
            accept_file(storage, part, name)
        check(beside, handed_in(beside, scene.agreement, sealed).id)
        if when == "before it is written":
            accept_file(storage, part, name)

    monkeypatch.setattr(Storage, "accept", overtaken)
    with pytest.raises(NotFound):
        add(beside, upload, 0, sealed)
    accepted = {f"agreements/{scene.agreement.id}/uploads/{upload.id}"} if outcome == "accepted" else set()
    assert {name for name in stored(scene.broker) if upload.id in name} == accepted


def test_a_part_that_is_written_while_the_whole_is_tidied_up_does_not_stay_behind(
    office: Office, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = handed_in(office, agreement, FILE)
    remove_folder = Storage.remove_folder
    late: list[str] = []

    def overtaken(storage: Storage, name: str) -> None:
        remove_folder(storage, name)
        with pytest.raises(NotFound):
            add(office, upload, 0)
        late.extend(files(office))

    monkeypatch.setattr(Storage, "remove_folder", overtaken)
    check(office, upload.id)
    assert (late, files(office)) == ([], [])


def test_a_check_that_is_cut_off_after_it_was_decided_is_ended_by_who_starts_next(
    office: Office, agreement: Agreement, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder, upload = agreement.holders()[0], handed_in(office, agreement, FILE)

    def crash(*_: Any) -> None:
        raise Crashed

    with monkeypatch.context() as patch:
        patch.setattr(Storage, "remove_folder", crash)
        with pytest.raises(Crashed):
            check(office, upload.id)
    assert standing(office, agreement, holder, sha256=DIGEST).checked_as == upload.id, "not told before all is gone"
    assert files(office)
    started_again = Checkers(office)
    started_again.take_up()
    started_again.finish()
    assert files(office) == []
    with pytest.raises(EnvelopeError):
        standing(office, agreement, holder, sha256=DIGEST)


@pytest.mark.parametrize("first", ["accepts", "refuses"])
def test_of_two_processes_that_find_different_things_one_decides(
    scene: Scene, beside: Office, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """Each draws a sample of its own."""
    log = scene.events()
    upload = handed_in(beside, scene.agreement, scene.sealed("north", rows=100))

    def refuses(*_: Any, **__: Any) -> None:
        raise Refused("Too much alike.", remedy="None.")

    def overtaken(*blocks: Any, **options: Any) -> None:
        others, mine = (require_plausible, refuses) if first == "accepts" else (refuses, require_plausible)
        monkeypatch.setattr(accept, "require_plausible", others)
        check(beside, upload.id)
        mine(*blocks, **options)

    monkeypatch.setattr(accept, "require_plausible", overtaken)
    check(beside, upload.id)
    kept = {f"agreements/{scene.agreement.id}/uploads/{upload.id}"} if first == "accepts" else set()
    assert {name for name in stored(scene.broker) if upload.id in name} == kept
    assert len(scene.events()) == len(log) + len(kept)
    ask = partial(standing, beside, scene.agreement, scene.agreement.holders()[0], sha256=upload.sha256)
    if first == "accepts":
        assert ask().receipt is not None
    else:
        with pytest.raises(Refused, match="Too much alike"):
            ask()
