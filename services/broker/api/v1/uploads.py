"""Uploads in parts: announced, filled in any order and as often as need be, then accepted or refused as a whole."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from keys.agreement import Agreement, Party, Role
from keys.canonical import parse
from keys.request import sha256_in
from services.broker.accept import complete, receipt_of
from services.broker.api.described import BYTES, described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import AgreementId, FileId, Number
from services.broker.auth import Signed, known, office_of, signed, stream_body
from services.broker.errors import NotFound, Refused
from services.broker.incoming import announce, find, keep_part, parts_here
from services.broker.office import Office
from services.broker.storage import settle

router = APIRouter(tags=["uploads"], route_class=InsistingRoute)

_PATH = "/agreements/{agreement}/uploads/{sha256}"
"""The SHA-256 (64 small hexadecimal digits) of the calling holder's sealed file."""


@router.put(
    _PATH,
    **described(
        {200: answers.Announced, 201: answers.Announced},
        *("conflict", "agreement-refused", "document-refused"),
        takes=answers.Announcement,
    ),
)
def announce_upload(
    agreement: AgreementId,
    sha256: FileId,
    request: Request,
    response: Response,
    caller: Annotated[Signed, Depends(signed)],
) -> dict[str, Any]:
    """Announce a file of ``{"bytes": n}``, or ask what of it is here: the answer is the same."""
    office = office_of(request)
    found, holder = _holder(office, agreement, caller.caller, sha256)
    found.require_in_force(office.now())
    document = parse(caller.body, where="announcement")
    if not isinstance(document, dict) or set(document) != {"bytes"} or not _is_size(document["bytes"]):
        raise Refused("The announcement of the upload is not valid.", remedy="Use a current version of the tool.")
    if receipt := receipt_of(office, found, holder, sha256=sha256):
        return {"receipt": receipt}
    upload, fresh = announce(office, found, holder, sha256=sha256, size=document["bytes"])
    response.status_code = 201 if fresh else 200
    return {"receipt": None, "part_bytes": upload.part_size, "parts": sorted(parts_here(office, upload))}


@router.put(
    f"{_PATH}/parts/{{number}}", **described({200: answers.PartKept}, "conflict", "agreement-refused", takes=BYTES)
)
async def put_part(agreement: AgreementId, sha256: FileId, number: Number, request: Request) -> dict[str, Any]:
    """One part, checked against its own ``Content-Digest``. The same again is the same as once."""
    office = office_of(request)
    caller = await known(request)
    found, holder = await run_in_threadpool(_holder, office, agreement, caller, sha256)
    found.require_in_force(office.now())
    upload = await run_in_threadpool(find, office, found, holder, sha256=sha256)
    which = int(number) if re.fullmatch("[0-9]{1,6}", number, re.ASCII) else -1
    length = upload.length(which)
    file = office.storage.part()
    try:
        with file.open("wb") as stream:
            async for data in stream_body(request, length):
                await run_in_threadpool(stream.write, data)
            await run_in_threadpool(settle, stream)
        digest = sha256_in(request.headers["content-digest"])
        await run_in_threadpool(keep_part, office, upload, which, file, sha256=digest.hex())
    finally:
        file.unlink(missing_ok=True)
    return {"part": which}


@router.post(
    f"{_PATH}/complete",
    **described(
        {200: answers.Receipt, 201: answers.Receipt},
        *("conflict", "gone", "agreement-refused", "envelope-refused", "signature-refused", "document-refused"),
    ),
)
async def complete_upload(
    agreement: AgreementId,
    sha256: FileId,
    request: Request,
    response: Response,
    caller: Annotated[Signed, Depends(signed)],
) -> dict[str, Any]:
    """All parts are here: the signed receipt of the whole, or why it is refused. Once accepted, the same receipt."""
    office = office_of(request)
    found, holder = await run_in_threadpool(_holder, office, agreement, caller.caller, sha256)
    found.require_in_force(office.now())
    async with request.app.state.checking:  # an upload's encodings are all in memory while they are checked
        receipt, fresh = await run_in_threadpool(complete, office, found, holder, sha256=sha256)
    response.status_code = 201 if fresh else 200
    return receipt


def _holder(office: Office, agreement: AgreementId, caller: str, sha256: str) -> tuple[Agreement, Party]:
    found, holder = office.member(agreement, caller)
    if holder.role is not Role.HOLDER or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise NotFound
    return found, holder


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0
