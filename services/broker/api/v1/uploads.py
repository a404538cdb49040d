"""Uploads in parts: announced, filled in any order and as often as need be, then accepted or refused as a whole."""

import asyncio
import re
import time
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from keys.agreement import Agreement, Party, Role
from keys.canonical import parse
from keys.request import sha256_in
from services.broker.api.described import BYTES, described
from services.broker.api.insisting import InsistingRoute, insisting
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import AgreementId, FileId, Number
from services.broker.errors import BeingChecked, NotFound, Refused
from services.broker.files.storage import settle
from services.broker.front.auth import Signed, known, located, office_of, signed, stream_body
from services.broker.office import Office
from services.broker.uploads.accept import Standing, hand_in, receipt_of, standing
from services.broker.uploads.checkers import Checkers
from services.broker.uploads.incoming import Stage, announce, find, keep_part, parts_here

router = APIRouter(tags=["uploads"], route_class=InsistingRoute)

_LONGEST_WAIT = 10
_LOOK_SECONDS = 0.02
_PATH = "/agreements/{agreement}/uploads/{sha256}"
"""The SHA-256 (64 small hexadecimal digits) of the calling holder's sealed file."""
_BECOMES = described(
    {202: answers.Checking, 200: answers.Receipt},
    *("conflict", "agreement-refused", "envelope-refused", "signature-refused", "document-refused"),
    "being-checked",
    headers=["Location", "Retry-After"],
)
"""What is answered to whoever asks what becomes of an upload that was handed in."""


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


@router.post(f"{_PATH}/complete", **_BECOMES)
async def complete_upload(
    agreement: AgreementId,
    sha256: FileId,
    request: Request,
    response: Response,
    caller: Annotated[Signed, Depends(signed)],
) -> Any:
    """All parts are here: have the whole checked. 202 if that takes longer than the caller likes to wait (``Prefer:
    respond-async, wait=2``, in seconds); the receipt is at ``Location`` then."""

    def hand_it_in() -> Standing:
        office = office_of(request)
        found, holder = _holder(office, agreement, caller.caller, sha256)
        found.require_in_force(office.now())
        return hand_in(office, found, holder, sha256=sha256)

    found = await run_in_threadpool(insisting(hand_it_in))
    return await _answer(request, response, caller.caller, found)


@router.get(f"{_PATH}/receipt", **_BECOMES)
async def upload_receipt(
    agreement: AgreementId,
    sha256: FileId,
    request: Request,
    response: Response,
    caller: Annotated[Signed, Depends(signed)],
) -> Any:
    """The signed receipt of the whole, or why it is refused; 202 while it is being checked."""
    found = await run_in_threadpool(insisting(_look), request, caller.caller)
    return await _answer(request, response, caller.caller, found)


def _look(request: Request, caller: str) -> Standing:
    office, sha256 = office_of(request), request.path_params["sha256"]
    found, holder = _holder(office, request.path_params["agreement"], caller, sha256)
    return standing(office, found, holder, sha256=sha256)


async def _answer(request: Request, response: Response, caller: str, found: Standing) -> Any:
    """What becomes of an upload that was ``found`` so, after as long a wait as the caller prefers (RFC 7240).

    Tools of version 0.1 before uploads were checked in passing know no 202 and say nothing of it: they are let wait,
    then told by 503 to send the same again, which they do by themselves.
    """
    asynchronous, seconds = preference(request.headers.get("prefer", ""))
    checkers: Checkers = request.app.state.checkers
    until = time.monotonic() + seconds
    while found.receipt is None:
        checkers.take(found.checked_as)
        if time.monotonic() >= until:
            break
        await asyncio.sleep(_LOOK_SECONDS)
        if checkers.has(found.checked_as):
            continue
        found = await run_in_threadpool(insisting(_look), request, caller)
    if found.receipt is not None:
        response.status_code = 200
        return found.receipt
    if not asynchronous:
        raise BeingChecked
    response.headers["Location"] = located(request, f"/v1{_PATH}/receipt".format(**request.path_params))
    response.headers["Retry-After"] = str(_retry_after(office_of(request), found))
    return {"state": Stage.CHECKING}


def preference(prefer: str) -> tuple[bool, float]:
    """Whether the caller takes a 202, and the seconds that it is let wait before."""
    preferences = [one.strip().lower() for one in prefer.split(",")]
    if "respond-async" not in preferences:
        return False, _LONGEST_WAIT
    wait = next((one.removeprefix("wait=") for one in preferences if re.fullmatch("wait=[0-9]{1,6}", one)), "0")
    return True, min(int(wait), _LONGEST_WAIT)


def _retry_after(office: Office, found: Standing) -> int:
    """Seconds, a tenth of the time that it has taken so far."""
    waited = office.now() - datetime.fromisoformat(found.handed_in_at)
    return max(1, min(_LONGEST_WAIT, round(waited.total_seconds() / 10)))


def _holder(office: Office, agreement: AgreementId, caller: str, sha256: str) -> tuple[Agreement, Party]:
    found, holder = office.member(agreement, caller)
    if holder.role is not Role.HOLDER or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise NotFound
    return found, holder


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0
