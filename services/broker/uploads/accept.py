"""A whole upload in: handed in, checked outside in, accepted with one signed receipt, or refused with nothing left.

1. Handing in says that all parts are here, and is noted before anything is checked: whatever stops the broker then, the
   check is done again from the parts.
2. Until all is right the upload lies in quarantine and nothing of it counts. It takes its place under a name that is
   its own from the announcement on, so a check that is done twice, also at the same time, leaves one file.
3. What becomes of it is decided once, whoever checks: a refusal by one update, or receipt, entry in the log and row in
   one transaction with it. Only then do parts go, and all of a refused one; only after that is the holder told, as
   often as it asks until it announces the file again.
4. A database or a storage that is away, or a full disk, is waited for. While the first two last the upload stays
   handed in. Where the reason still lies with the broker, parts stay, and the holder can hand in again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement, Party
from keys.kinds import Declared
from keys.protocol import Event
from keys.request import digest_header
from keys.statement import declare
from services.broker.audit import record
from services.broker.errors import AWAY, Conflict, NotFound
from services.broker.office import Office
from services.broker.patience import Patience
from services.broker.store import incoming, uploads
from services.broker.uploads.incoming import Incoming, Stage, assemble, find, require_whole, upload_name
from services.broker.uploads.plausibility import require_plausible
from services.broker.uploads.receive import Received, receive
from services.broker.uploads.verdict import NO_REFUSALS, as_verdict, of_verdict
from services.broker.watch import metrics
from services.broker.watch.logs import say


@dataclass(frozen=True, repr=False)
class Standing:
    """What has become of an upload that was handed in: its receipt, or the id under which it is being checked, and
    since when."""

    receipt: Mapping[str, Any] | None = None
    checked_as: str = ""
    handed_in_at: str = ""


class Halted(Exception):
    """The broker is told to end while an upload is checked."""


def hand_in(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> Standing:
    """Have the upload that was announced by ``sha256`` (hex) checked, unless it is accepted or refused already.

    Raises ``NotFound``, ``Conflict`` while parts are missing, and what it was refused with.
    """
    found = _find(office, agreement, holder, sha256)
    if isinstance(found, Standing):
        return found
    require_whole(office, found)
    again, now = (Stage.COMING, Stage.FAILED), office.stamp()
    with office.store.transaction("hand in upload") as connection:
        office.require_kept(connection, agreement.id)
        handed = incoming.move(connection, found.id, before=again, to=Stage.CHECKING, at=now)  # 1
    if handed:
        return Standing(checked_as=found.id, handed_in_at=now)
    return standing(office, agreement, holder, sha256=sha256)  # somebody has done so at the same time


def standing(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> Standing:
    """What has become of an upload. Raises as ``hand_in`` does; ``Conflict`` if it has not been handed in, and why it
    could not be checked."""
    found = _find(office, agreement, holder, sha256)
    if isinstance(found, Standing):
        return found
    if found.problem is not None:
        raise of_verdict(found.problem)
    raise Conflict("This upload has not been handed in.", remedy="Send all parts; the tool does so by itself.")


def _find(office: Office, agreement: Agreement, holder: Party, sha256: str) -> Standing | Incoming:
    """An upload that can be handed in, or what has become of it. Raises ``NotFound``, and what it was refused with."""
    try:
        upload = find(office, agreement, holder, sha256=sha256)
    except NotFound:
        if receipt := receipt_of(office, agreement, holder, sha256=sha256):
            return Standing(receipt)
        raise
    if upload.stage.in_hand:
        return Standing(checked_as=upload.id, handed_in_at=upload.touched_at)
    if receipt := receipt_of(office, agreement, holder, sha256=sha256):
        return Standing(receipt)
    if upload.stage is Stage.REFUSED and upload.problem is not None:
        raise of_verdict(upload.problem)
    return upload


def receipt_of(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> dict[str, Any] | None:
    """The receipt of this very file, if it has been accepted. Raises ``Conflict`` if it has been replaced."""
    with office.store.transaction("look for upload") as connection:
        office.require_kept(connection, agreement.id)
        before = uploads.of_holder(connection, agreement=agreement.id, holder=holder.name)
    return _receipt(before, digest_header(bytes.fromhex(sha256)))


def check(
    office: Office, id_: str, *, halt: Callable[[], None] = lambda: None, patience: Patience | None = None
) -> None:
    """Accept or refuse an upload that was handed in. Doing so again changes nothing.

    Holds some megabytes, whatever the upload has. ``halt`` is called now and then and may raise ``Halted``: the upload
    stays handed in, as it does when the process dies, and when the database or the storage is away for longer than
    ``patience`` waits (not at all, if there is none): then ``DatabaseAway`` or ``StorageAway`` is raised.
    """
    with office.store.transaction("look for upload to check") as connection:
        row = incoming.get(connection, id_)
    if row is None:
        return
    upload = Incoming.of_row(row)
    if upload.stage is Stage.CHECKING:
        try:
            (patience or Patience(0)).insist(lambda: _check(office, upload, halt))
        except (Halted, *AWAY):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the holder waits for an answer
            _note(office, upload, error)
    _tidy(office, upload)


def _note(office: Office, upload: Incoming, error: Exception) -> None:
    """Decide that it is refused, or note why it could not be checked, unless somebody else has decided."""
    verdict = as_verdict(error)
    stage = Stage.DECIDED
    if verdict["kind"] in NO_REFUSALS:
        say("upload not checked", error)
        stage = Stage.FAILED
    with office.store.transaction("note what is wrong with an upload") as connection:
        noted = incoming.move(
            connection, upload.id, before=(Stage.CHECKING,), to=stage, at=office.stamp(), problem=verdict
        )  # 3, 4
    if noted and stage is Stage.DECIDED:
        metrics.refused_upload()


def _tidy(office: Office, upload: Incoming) -> None:
    """Remove what is not needed any more of an upload that is decided; only then is the holder told."""
    with office.store.transaction("look what was decided") as connection:
        row = incoming.get(connection, upload.id)
        accepted = uploads.is_there(connection, upload.id)
    if row is not None and row["state"] in (Stage.COMING, Stage.CHECKING, Stage.FAILED):
        return
    if not accepted:
        office.storage.remove(upload_name(upload.agreement, upload.id))
    office.storage.remove_folder(upload.folder)
    with office.store.transaction("end checking upload") as connection:
        if accepted:
            incoming.forget(connection, upload.id)
        elif row is not None:
            decided, problem = (Stage.DECIDED,), row["problem"]
            incoming.move(connection, upload.id, before=decided, to=Stage.REFUSED, at=office.stamp(), problem=problem)


def _check(office: Office, upload: Incoming, halt: Callable[[], None]) -> None:
    with office.store.transaction("look whether upload is decided") as connection:
        row = incoming.get(connection, upload.id)
    if row is None or row["state"] != Stage.CHECKING:  # so it may be if this is done again
        return
    agreement = office.agreement(upload.agreement)
    agreement.require_in_force(office.now())
    holder = next(party for party in agreement.holders() if party.name == upload.holder)
    whole = office.storage.part()
    try:
        assemble(office, upload, whole, halt=halt)
        with whole.open("rb") as stream:
            received = receive(stream, agreement=agreement, holder=holder, key=office.receiving_key(agreement.id))

            def blocks() -> Iterator[NDArray[np.void]]:
                for block in received.blocks():
                    halt()
                    yield block

            require_plausible(
                blocks,
                terms=agreement.terms,
                holder=holder.name,
                random=office.random,
                budget=office.settings.memory_mb << 20,
            )
        _accept(office, agreement, upload, received, whole)
    finally:
        with suppress(OSError):
            whole.unlink(missing_ok=True)


def _accept(office: Office, agreement: Agreement, upload: Incoming, received: Received, whole: Path) -> None:
    name = upload_name(agreement.id, upload.id)
    content_digest = digest_header(bytes.fromhex(upload.sha256))
    stamp = office.stamp()
    facts = {
        "agreement": agreement.id,
        "upload": upload.id,
        "holder": upload.holder,
        "rows": received.rows,
        "content_digest": content_digest,
        "received_at": stamp,
    }
    office.storage.accept(whole, name)  # 2
    with office.store.transaction("accept upload") as connection:  # 3
        office.require_kept(connection, agreement.id)
        if not incoming.move(connection, upload.id, before=(Stage.CHECKING,), to=Stage.DECIDED, at=stamp):
            return  # another process has checked it at the same time
        before = uploads.of_holder(connection, agreement=agreement.id, holder=upload.holder)
        if _receipt(before, content_digest):
            raise Conflict("This upload has been accepted before.", remedy="Ask for its receipt again.")
        entry = record(
            office,
            connection,
            Event.UPLOAD_REPLACED if before else Event.UPLOAD_ACCEPTED,
            agreement=agreement.id,
            holder=upload.holder,
            upload=upload.id,
            content_digest=content_digest,
            **({} if received.control_rows is None else {"control_rows": received.control_rows}),
        )
        uploads.put(
            connection,
            id=upload.id,
            agreement=agreement.id,
            holder=upload.holder,
            content_digest=content_digest,
            rows=received.rows,
            key_check=received.key_check,
            conformance=received.conformance,
            control_rows=received.control_rows,
            receipt=declare(office.identity, Declared.RECEIPT, {**facts, "entry": entry}).to_json(),
            received_at=stamp,
        )


def _receipt(uploads_before: Sequence[Mapping[Any, Any]], content_digest: str) -> dict[str, Any] | None:
    for upload in uploads_before:
        if upload["content_digest"] == content_digest:
            if upload is not uploads_before[-1]:
                raise Conflict(
                    "This upload has been replaced by a later one.", remedy="Encode again and upload the new file."
                )
            receipt: dict[str, Any] = upload["receipt"]
            return receipt
    return None
