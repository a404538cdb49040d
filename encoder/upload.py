"""Send the sealed upload part by part, and accept nothing but the broker's signed receipt for exactly that file.

What has arrived the broker knows, so nothing is kept here: whoever sends the same file again goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from encoder.door import Door, Pending
from encoder.errors import BrokerRefused, InputError, NothingThere, Unreachable
from encoder.package import every_handles
from encoder.patience import LONGEST, Patience
from encoder.sheet import sha256_of
from encoder.witness import witness
from encoder.workspace import Workspace, own_party
from keys.agreement import Agreement, Role
from keys.canonical import canonical
from keys.files import write_whole
from keys.identity import Identity
from keys.kinds import Declared
from keys.request import digest_header
from keys.statement import Statement

Progress = Callable[[int, int], None]
"""Takes the bytes that are there and all that there are."""
_WAIT = 2
"""Seconds that the broker may take for each answer whether the upload has been checked."""
_CHECKING = "All is sent. The broker is checking it."
_MOST = 1 << 26
"""The largest part that a broker may ask for, in bytes: it is in memory while it is sent."""


def upload(
    workspace: Workspace,
    door: Door,
    *,
    agreement: Agreement,
    identity: Identity,
    patience: Patience,
    progress: Progress | None = None,
) -> Mapping[str, Any]:
    """Send the file that ``pack`` wrote, keep the receipt, see that the log holds it and countersign; what it says.

    Parts that the broker has are not sent again; a file that it has accepted gives the same receipt. Memory: one part.
    Raises ``InputError`` when there is no file, ``BrokerRefused`` with the broker's reason, ``Unreachable`` when
    ``patience`` is at its end, ``SignatureError``, ``LogError``.
    """
    require_packed(workspace)
    holder = own_party(agreement, identity, Role.HOLDER)
    sha256 = sha256_of(workspace.upload)
    path = f"/v1/agreements/{agreement.id}/uploads/{sha256}"
    try:
        receipt = _send(workspace, door, path, patience=patience, progress=progress or (lambda done, total: None))
    except Unreachable as error:
        remedy = f"{error.remedy} Then give the same command again: it goes on where it stopped."
        raise Unreachable(error.what, where=error.where, remedy=remedy) from None
    except NothingThere as error:
        if error.where == door.url + path:
            raise
        raise BrokerRefused(  # it was there a moment ago
            "The broker has let go of this upload while it was sent.",
            where=door.url,
            remedy="Give the same command again, and give it once only; what the broker then says is the reason.",
        ) from None
    said = Statement.from_json(receipt).verify(agreement.sole(Role.BROKER).card, kind=Declared.RECEIPT)
    facts = {
        "agreement": agreement.id,
        "holder": holder.name,
        "content_digest": digest_header(bytes.fromhex(sha256)),
    }
    if any(said.get(name) != value for name, value in facts.items()) or type(said.get("entry")) is not int:
        raise BrokerRefused(
            "The broker's receipt is for another file.",
            where=door.url,
            remedy="Do not go on; ask the broker's operator.",
        )
    write_whole(workspace.receipt, canonical(receipt), replace=True)
    expect = {**facts, "upload": said.get("upload")}
    if agreement.terms.control.rows:
        expect["control_rows"] = next(every_handles(workspace, agreement=agreement, identity=identity)).commitment
    patience.insist(
        lambda: witness(workspace, door, agreement=agreement, identity=identity, entry=said["entry"], expect=expect)
    )
    return said


def require_packed(workspace: Workspace) -> None:
    """Raises ``InputError`` when nothing has been packed in this folder."""
    if not workspace.upload.is_file():
        raise InputError("There is no upload here.", where=str(workspace.upload), remedy="Encode first.")


def _send(workspace: Workspace, door: Door, path: str, *, patience: Patience, progress: Progress) -> Any:
    """Announce, send what is missing, complete: the receipt as the broker gave it."""
    size = workspace.upload.stat().st_size
    state = patience.insist(lambda: door.put(path, {"bytes": size}))
    if isinstance(state, dict) and state.get("receipt"):
        progress(size, size)
        return state["receipt"]
    part_bytes, here = _understood(state, size, door)
    lengths = [min(part_bytes, size - start) for start in range(0, size, part_bytes)]
    done = sum(lengths[number] for number in here)
    if done:
        patience.tell(f"Resuming at {100 * done // size} %.")
    progress(done, size)
    try:
        with workspace.upload.open("rb") as stream:
            for number, length in enumerate(lengths):
                if number not in here:
                    stream.seek(number * part_bytes)
                    patience.insist(partial(door.put_bytes, f"{path}/parts/{number}", stream.read(length)))
                    done += length
                    progress(done, size)
    except NothingThere:
        pass  # completed by another process, or let go of: the broker says which
    return _until_checked(door, path, patience)


def _until_checked(door: Door, path: str, patience: Patience) -> Any:
    """Hand in, and ask until the broker has checked the whole: what it then says."""
    answer = patience.insist(lambda: door.outcome("POST", f"{path}/complete", wait=_WAIT))
    waited, tell = 0.0, 0.0
    while isinstance(answer, Pending):
        waited += _WAIT
        if waited > tell:
            minutes = int(waited // 60)
            patience.tell(_CHECKING if minutes == 0 else f"The broker has been checking it for {minutes} min.")
            tell = 60.0 if tell == 0 else 2 * tell
        seconds = min(LONGEST, answer.seconds)
        patience.pause(seconds)
        waited += seconds
        answer = patience.insist(lambda: door.outcome("GET", f"{path}/receipt", wait=_WAIT))
    return answer


def _understood(state: Any, size: int, door: Door) -> tuple[int, set[int]]:
    """The size of parts, and the numbers of those that are there."""
    part_bytes = state.get("part_bytes") if isinstance(state, dict) else None
    here = state.get("parts") if isinstance(state, dict) else None
    if type(part_bytes) is int and 0 < part_bytes <= _MOST and isinstance(here, list):
        parts = -(-size // part_bytes)
        if all(type(number) is int and 0 <= number < parts for number in here):
            return part_bytes, set(here)
    raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
