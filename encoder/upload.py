"""Send the sealed upload, and accept nothing but the broker's signed receipt for exactly that file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from encoder.door import Door
from encoder.errors import BrokerRefused, InputError
from encoder.workspace import Workspace
from keys.agreement import Agreement, Party, Role
from keys.canonical import canonical
from keys.files import write_whole
from keys.kinds import Declared
from keys.request import digest_header
from keys.statement import Statement


def upload(
    workspace: Workspace,
    door: Door,
    *,
    agreement: Agreement,
    holder: Party,
    progress: Callable[[int], None] | None = None,
) -> Mapping[str, Any]:
    """Send the file that ``pack`` wrote and keep the receipt; what the receipt says.

    Sending the same file again gives the same receipt. ``progress`` gets the bytes of each part. Raises
    ``InputError`` when there is no file, ``BrokerRefused`` with the broker's reason, ``SignatureError``.
    """
    require_packed(workspace)
    receipt = door.put_file(f"/v1/agreements/{agreement.id}/upload", workspace.upload, progress=progress)
    with workspace.upload.open("rb") as stream:
        sent = digest_header(hashlib.file_digest(stream, "sha256").digest())
    said = Statement.from_json(receipt).verify(agreement.sole(Role.BROKER).card, kind=Declared.RECEIPT)
    expected = {"agreement": agreement.id, "holder": holder.name, "content_digest": sent}
    if {name: said.get(name) for name in expected} != expected:
        raise BrokerRefused(
            "The broker's receipt is for another file.",
            where=door.url,
            remedy="Do not go on; ask the broker's operator.",
        )
    write_whole(workspace.receipt, canonical(receipt), replace=True)
    return said


def require_packed(workspace: Workspace) -> None:
    """Raises ``InputError`` when nothing has been packed in this folder."""
    if not workspace.upload.is_file():
        raise InputError("There is no upload here.", where=str(workspace.upload), remedy="Encode first.")
