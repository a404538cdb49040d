"""Uploads: streamed into quarantine, checked, accepted as a whole with a signed receipt, or refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.concurrency import run_in_threadpool

from keys.agreement import Agreement, Party, Role
from keys.kinds import Declared
from keys.protocol import Event
from keys.statement import declare
from services.broker.audit import record
from services.broker.auth import authenticate, office_of, stream_body
from services.broker.errors import Conflict, NotFound
from services.broker.inputs import upload_name
from services.broker.office import Office
from services.broker.plausibility import require_plausible
from services.broker.receive import receive
from services.broker.store import uploads

router = APIRouter(tags=["uploads"])


@router.put("/agreements/{agreement}/upload", status_code=201)
async def put_upload(agreement: str, request: Request, response: Response) -> dict[str, Any]:
    """The calling holder's sealed encodings. The same file again gives the same receipt."""
    office = office_of(request)
    caller = await run_in_threadpool(authenticate, request, office, office.card)
    found, holder = await run_in_threadpool(office.member, agreement, caller)
    if holder.role is not Role.HOLDER:
        raise NotFound
    found.require_in_force(office.now())
    part = office.storage.part()
    try:
        with part.open("wb") as stream:
            async for data in stream_body(request, office.settings.maximum_upload_mb << 20):
                await run_in_threadpool(stream.write, data)
        receipt, fresh = await run_in_threadpool(
            _accept, office, found, holder, part, request.headers["content-digest"]
        )
    finally:
        part.unlink(missing_ok=True)
    response.status_code = 201 if fresh else 200
    return receipt


def _accept(
    office: Office, agreement: Agreement, holder: Party, part: Path, content_digest: str
) -> tuple[dict[str, Any], bool]:
    with office.store.transaction("look for upload") as connection:
        office.require_kept(connection, agreement.id)
        before = uploads.of_holder(connection, agreement=agreement.id, holder=holder.name)
    if receipt := _receipt(before, content_digest):
        return receipt, False
    with part.open("rb") as stream:
        received = receive(stream, agreement=agreement, holder=holder, key=office.receiving_key(agreement.id))
    require_plausible(
        received.records,
        terms=agreement.terms,
        holder=holder.name,
        random=office.random,
        budget=office.settings.memory_mb << 20,
    )
    upload_id = office.random(16).hex()
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
        if receipt := _receipt(before, content_digest):  # the same file came twice at once
            return receipt, False
        office.storage.accept(part, upload_name(agreement.id, upload_id))
        entry = record(
            office,
            connection,
            Event.UPLOAD_REPLACED if before else Event.UPLOAD_ACCEPTED,
            agreement=agreement.id,
            holder=holder.name,
            upload=upload_id,
            content_digest=content_digest,
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
            receipt=statement,
            received_at=stamp,
        )
    return statement, True


def _receipt(uploads_before: Sequence[Mapping[Any, Any]], content_digest: str) -> dict[str, Any] | None:
    """The receipt of this very file, if it is the holder's newest. Raises ``Conflict`` if it has been replaced."""
    for upload in uploads_before:
        if upload["content_digest"] == content_digest:
            if upload is not uploads_before[-1]:
                raise Conflict(
                    "This upload has been replaced by a later one.", remedy="Encode again and upload the new file."
                )
            receipt: dict[str, Any] = upload["receipt"]
            return receipt
    return None
