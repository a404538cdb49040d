"""The sealed upload: what leaves a holder, made without any network.

Payload: manifest length (4 bytes, big-endian), manifest (canonical JSON), then one record a row
(``keys.layout.upload_record``). Rows get fresh random handles and are put in the order of these handles, which
is as good as shuffling them. Which handle is whose stays at the holder, sealed to itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.conformance import conformance_digest
from encoder.errors import InputError
from encoder.match_keys import MatchKeyEncoder, encoders, given, rows_of
from encoder.normalise import Normalised
from encoder.workspace import Workspace
from keys.agreement import Agreement, Party
from keys.canonical import canonical, parse
from keys.derive import key_check
from keys.envelope import seal
from keys.errors import SecretError
from keys.files import whole_file
from keys.identity import Identity
from keys.kinds import Sealed
from keys.layout import HANDLE_BYTES, handle_order, upload_record
from keys.receiving import ReceivingAddress
from keys.secret import Secret

_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class Packed:
    """What has been put into an upload file, for the holder to see before it is sent."""

    path: Path
    rows: int
    bytes: int
    sha256: str
    fields: Mapping[str, int]
    """Identifier -> rows that have it. The identifiers themselves do not leave."""
    match_keys: Mapping[str, int]
    """Match-key -> rows that have an encoding for it."""


def pack(
    normalised: Normalised,
    *,
    workspace: Workspace,
    agreement: Agreement,
    holder: Party,
    identity: Identity,
    secret: Secret,
    receiving: ReceivingAddress,
    now: datetime,
    random: Callable[[int], bytes],
    progress: Callable[[int, int], None] | None = None,
) -> Packed:
    """Encode, seal and write the upload and the table of handles. ``progress`` gets rows done and all rows.

    Raises ``AgreementError`` when the agreement is not in force at ``now``, ``SecretError`` when the secret is another
    agreement's and ``InputError`` when there are fewer rows than the agreement's minimum, and writes nothing then.
    """
    agreement.require_in_force(now)
    if secret.agreement != agreement.id:
        raise SecretError(
            "The linkage secret is that of another agreement.", remedy="Receive the contributions of this agreement."
        )
    terms, rows = agreement.terms, normalised.identifiers.rows
    if rows < terms.minimum_rows:
        raise InputError(
            f"There are {rows} rows; the agreement asks for at least {terms.minimum_rows}.",
            remedy="Encode the whole cohort, or agree on a smaller minimum.",
        )
    keys = encoders(terms.keys_of(holder.name), terms=terms, secret=secret)
    handles = np.frombuffer(random(HANDLE_BYTES * rows), dtype=np.uint8).reshape(rows, HANDLE_BYTES)
    order = handle_order(handles)
    manifest = canonical(
        {
            "holder": holder.name,
            "rows": rows,
            "match_keys": [encoder.key.name for encoder in keys],
            "key_check": key_check(secret),
            "conformance": conformance_digest(terms, secret),
        }
    )
    record = upload_record(terms, holder.name)
    counts = {encoder.key.name: 0 for encoder in keys}

    def payload() -> Iterator[bytes]:
        yield len(manifest).to_bytes(4, "big") + manifest
        for start in range(0, rows, _BLOCK_ROWS):
            which = order[start : start + _BLOCK_ROWS]
            yield _records(normalised, which, handles, keys, record, counts).tobytes()
            if progress is not None:
                progress(start + len(which), rows)

    with whole_file(workspace.upload, replace=True, private=True) as stream:
        seal(
            payload(),
            4 + len(manifest) + rows * record.itemsize,
            stream,
            kind=Sealed.UPLOAD,
            agreement=agreement.id,
            sender=identity,
            receiver=receiving,
            random=random,
        )
        ids = normalised.ids.take(order).to_pylist()
        table = rows.to_bytes(8, "big") + handles[order].tobytes() + canonical(ids)
        _keep_handles(table, workspace, agreement=agreement, identity=identity, random=random)
    with workspace.upload.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    fields = {name: int(given(column).sum()) for name, column in normalised.identifiers.columns.items()}
    return Packed(workspace.upload, rows, workspace.upload.stat().st_size, sha256, fields, counts)


def recall_handles(
    workspace: Workspace, *, agreement: Agreement, identity: Identity
) -> tuple[NDArray[np.uint8], list[str]]:
    """The newest upload's handles, uint8 (rows, 16), in ascending order, and the row ids beside them."""
    return _read_handles(workspace.recall(Sealed.HANDLES, agreement=agreement.id, identity=identity))


def every_handles(
    workspace: Workspace, *, agreement: Agreement, identity: Identity
) -> Iterator[tuple[NDArray[np.uint8], list[str]]]:
    """The handles of every upload that was ever packed here, the newest first."""
    yield recall_handles(workspace, agreement=agreement, identity=identity)
    for number in range(_put_aside(workspace), 0, -1):
        yield _read_handles(workspace.recall(f"{Sealed.HANDLES} {number}", agreement=agreement.id, identity=identity))


def _keep_handles(
    table: bytes,
    workspace: Workspace,
    *,
    agreement: Agreement,
    identity: Identity,
    random: Callable[[int], bytes],
) -> None:
    """Keep the new table and put the one before it aside: its upload may have been sent, and be released."""
    if workspace.keeps(Sealed.HANDLES):
        before = workspace.recall(Sealed.HANDLES, agreement=agreement.id, identity=identity)
        aside = f"{Sealed.HANDLES} {_put_aside(workspace) + 1}"
        workspace.keep(aside, before, agreement=agreement.id, identity=identity, random=random)
    workspace.keep(Sealed.HANDLES, table, agreement=agreement.id, identity=identity, random=random)


def _put_aside(workspace: Workspace) -> int:
    """How many older tables there are; they are numbered from 1."""
    return next(number for number in count() if not workspace.keeps(f"{Sealed.HANDLES} {number + 1}"))


def _read_handles(data: bytes) -> tuple[NDArray[np.uint8], list[str]]:
    rows = int.from_bytes(data[:8], "big")
    end = 8 + rows * HANDLE_BYTES
    handles = np.frombuffer(data[8:end], dtype=np.uint8).reshape(rows, HANDLE_BYTES)
    return handles, parse(data[end:], where="table of handles")


def _records(
    normalised: Normalised,
    which: NDArray[np.int64],
    handles: NDArray[np.uint8],
    keys: list[MatchKeyEncoder],
    record: np.dtype[np.void],
    counts: dict[str, int],
) -> NDArray[np.void]:
    records = np.zeros(len(which), dtype=record)
    records["handle"] = handles[which]
    block = rows_of(normalised.identifiers, which)
    for encoder in keys:
        encoded = encoder.encode(block)
        records[encoder.key.name] = encoded.bits
        records[f"present/{encoder.key.name}"] = encoded.present
        counts[encoder.key.name] += int(encoded.present.sum())
    return records
