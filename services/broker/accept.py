"""A whole upload in: checked outside in, accepted with one signed receipt, or refused with nothing left behind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from keys.agreement import Agreement, Party
from keys.errors import CounterfoilError
from keys.kinds import Declared
from keys.protocol import Event
from keys.request import digest_header
from keys.statement import declare
from services.broker.audit import record
from services.broker.errors import Conflict
from services.broker.incoming import Incoming, assemble, find, give_up
from services.broker.inputs import upload_name
from services.broker.office import Office
from services.broker.plausibility import require_plausible
from services.broker.receive import receive
from services.broker.store import incoming, uploads
from services.broker.watch import metrics


def complete(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> tuple[dict[str, Any], bool]:
    """The receipt of the upload that was announced by ``sha256`` (hex), and whether it is new.

    Takes memory for all encodings of the upload. Raises ``NotFound``, ``Conflict`` while parts are missing, and for
    whatever is wrong with the upload; it is given up then.
    """
    if receipt := receipt_of(office, agreement, holder, sha256=sha256):
        return receipt, False
    upload = find(office, agreement, holder, sha256=sha256)
    whole = office.storage.part()
    try:
        assemble(office, upload, whole)
        try:
            receipt, fresh = _accept(office, agreement, holder, upload, whole)
        except CounterfoilError:
            metrics.refused_upload()
            give_up(office, upload)
            raise
    finally:
        whole.unlink(missing_ok=True)
    office.storage.remove_folder(upload.folder)
    return receipt, fresh


def receipt_of(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> dict[str, Any] | None:
    """The receipt of this very file, if it has been accepted. Raises ``Conflict`` if it has been replaced."""
    with office.store.transaction("look for upload") as connection:
        office.require_kept(connection, agreement.id)
        before = uploads.of_holder(connection, agreement=agreement.id, holder=holder.name)
    return _receipt(before, digest_header(bytes.fromhex(sha256)))


def _accept(
    office: Office, agreement: Agreement, holder: Party, upload: Incoming, whole: Path
) -> tuple[dict[str, Any], bool]:
    with whole.open("rb") as stream:
        received = receive(stream, agreement=agreement, holder=holder, key=office.receiving_key(agreement.id))
    require_plausible(
        received.records,
        terms=agreement.terms,
        holder=holder.name,
        random=office.random,
        budget=office.settings.memory_mb << 20,
    )
    upload_id = office.random(16).hex()
    content_digest = digest_header(bytes.fromhex(upload.sha256))
    stamp = office.stamp()
    facts = {
        "agreement": agreement.id,
        "upload": upload_id,
        "holder": holder.name,
        "rows": received.rows,
        "content_digest": content_digest,
        "received_at": stamp,
    }
    with office.store.transaction("accept upload") as connection:
        office.require_kept(connection, agreement.id)
        before = uploads.of_holder(connection, agreement=agreement.id, holder=holder.name)
        if receipt := _receipt(before, content_digest):  # another process has accepted the same file meanwhile
            return receipt, False
        office.storage.accept(whole, upload_name(agreement.id, upload_id))
        entry = record(
            office,
            connection,
            Event.UPLOAD_REPLACED if before else Event.UPLOAD_ACCEPTED,
            agreement=agreement.id,
            holder=holder.name,
            upload=upload_id,
            content_digest=content_digest,
            **({} if received.control_rows is None else {"control_rows": received.control_rows}),
        )
        statement = declare(office.identity, Declared.RECEIPT, {**facts, "entry": entry}).to_json()
        uploads.put(
            connection,
            id=upload_id,
            agreement=agreement.id,
            holder=holder.name,
            content_digest=content_digest,
            rows=received.rows,
            key_check=received.key_check,
            conformance=received.conformance,
            control_rows=received.control_rows,
            receipt=statement,
            received_at=stamp,
        )
        incoming.forget(connection, upload.id)
    return statement, True


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
