"""Uploads in parts: announced, filled in any order and as often as need be, then accepted or refused as a whole."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from keys.agreement import Agreement, Party, Role
from keys.canonical import parse
from keys.request import sha256_in
from services.broker.accept import Standing, hand_in, receipt_of, standing
from services.broker.auth import Signed, authenticate, office_of, signed, stream_body
from services.broker.checkers import Checkers
from services.broker.errors import NotFound, Refused
from services.broker.incoming import Stage, announce, find, keep_part, parts_here
from services.broker.office import Office
from services.broker.storage import settle

router = APIRouter(tags=["uploads"])

_PATH = "/agreements/{agreement}/uploads/{sha256}"
"""The SHA-256 (64 small hexadecimal digits) of the calling holder's sealed file."""


@router.put(_PATH)
def announce_upload(
    agreement: str, sha256: str, request: Request, response: Response, caller: Annotated[Signed, Depends(signed)]
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


@router.put(f"{_PATH}/parts/{{number}}")
async def put_part(agreement: str, sha256: str, number: str, request: Request) -> dict[str, Any]:
    """One part, checked against its own ``Content-Digest``. The same again is the same as once."""
    office = office_of(request)
    caller = await run_in_threadpool(authenticate, request, office, office.card)
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


@router.post(f"{_PATH}/complete")
def complete_upload(
    agreement: str, sha256: str, request: Request, response: Response, caller: Annotated[Signed, Depends(signed)]
) -> Any:
    """All parts are here: have the whole checked. 202 while it is; the receipt is at ``Location`` then."""
    office = office_of(request)
    found, holder = _holder(office, agreement, caller.caller, sha256)
    found.require_in_force(office.now())
    return _answer(request, response, hand_in(office, found, holder, sha256=sha256))


@router.get(f"{_PATH}/receipt")
def upload_receipt(
    agreement: str, sha256: str, request: Request, response: Response, caller: Annotated[Signed, Depends(signed)]
) -> Any:
    """The signed receipt of the whole, or why it is refused; 202 while it is being checked."""
    office = office_of(request)
    found, holder = _holder(office, agreement, caller.caller, sha256)
    return _answer(request, response, standing(office, found, holder, sha256=sha256))


def _answer(request: Request, response: Response, found: Standing) -> Any:
    if found.receipt is not None:
        return found.receipt
    checkers: Checkers = request.app.state.checkers
    checkers.take(found.checked_as)
    response.status_code = 202
    response.headers["Location"] = f"/v1{_PATH}/receipt".format(**request.path_params)
    response.headers["Retry-After"] = "1"
    return {"state": Stage.CHECKING}


def _holder(office: Office, agreement: str, caller: str, sha256: str) -> tuple[Agreement, Party]:
    found, holder = office.member(agreement, caller)
    if holder.role is not Role.HOLDER or not re.fullmatch("[0-9a-f]{64}", sha256):
        raise NotFound
    return found, holder


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0
