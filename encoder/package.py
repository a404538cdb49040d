"""The sealed upload: what leaves a holder, made without any network.

Payload: manifest length (4 bytes, big-endian), manifest (canonical JSON), then one record a row
(``keys.layout.upload_record``). Rows get fresh random handles and are put in the order of these handles, which
is as good as shuffling them. Which handle is whose stays at the holder, sealed to itself.

The control rows of the agreement stand among the holder's own, as many as it says, and the manifest binds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.ahead import in_order
from encoder.conformance import conformance_digest
from encoder.control_rows import control_rows
from encoder.errors import InputError
from encoder.identifiers import Identifiers
from encoder.match_keys import MatchKeyEncoder, encodable, encoders, given, rows_of
from encoder.normalise import Normalised
from encoder.rejected import write_rejected
from encoder.sheet import sha256_of
from encoder.wording import counted
from encoder.workspace import Workspace
from keys.agreement import Agreement, Party
from keys.canonical import canonical, canonical_texts, parse
from keys.control_rows import SALT_BYTES, commitment, handle_digest
from keys.derive import key_check
from keys.envelope import seal, sealed_length
from keys.errors import SecretError
from keys.files import Files, whole_files
from keys.identity import Identity
from keys.kinds import Sealed
from keys.layout import HANDLE_BYTES, handle_order, upload_record
from keys.receiving import ReceivingAddress
from keys.secret import Secret
from keys.terms import Terms

_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True)
class Packed:
    """What has been put into an upload file, for the holder to see before it is sent."""

    path: Path
    rows: int
    """The holder's own. All counts are of these."""
    control_rows: int
    """Made-up rows beside them."""
    bytes: int
    sha256: str
    fields: Mapping[str, int]
    """Identifier -> rows that have it. The identifiers themselves do not leave."""
    match_keys: Mapping[str, int]
    """Match-key -> rows that have an encoding for it."""
    rejected_lines: int
    """Lines of the list of what was left out; 0 without a list."""


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
    workers: int = 1,
    rejected: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Packed:
    """Encode, seal and write the upload and the table of handles. ``progress`` gets rows done and all rows.

    ``rejected``: where to write the list of what was left out. An older list and an older upload are replaced.

    ``workers`` threads encode blocks of rows beside the one that seals them. Every row's record is the same however
    many there are.

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
            f"There {'is' if rows == 1 else 'are'} {counted(rows, 'row')}; the agreement asks for at least "
            f"{terms.minimum_rows}.",
            remedy="Encode the whole cohort, or agree on a smaller minimum.",
        )
    keys = encoders(terms.keys_of(holder.name), terms=terms, secret=secret)
    identifiers, controls = normalised.identifiers, terms.control.rows
    if controls:
        identifiers = identifiers.followed_by(control_rows(terms, holder.name, secret))
    whole = identifiers.rows
    handles = np.frombuffer(random(HANDLE_BYTES * whole), dtype=np.uint8).reshape(whole, HANDLE_BYTES)
    salt = random(SALT_BYTES) if controls else b""
    order = handle_order(handles)
    manifest = _manifest(
        terms,
        holder.name,
        whole,
        check=key_check(secret),
        conformance=conformance_digest(terms, secret),
        control_rows=commitment(salt, _digests(handles[rows:])),
    )
    record = upload_record(terms, holder.name)

    def payload() -> Iterator[bytes]:
        yield len(manifest).to_bytes(4, "big") + manifest
        done = 0
        blocks = (order[start : start + _BLOCK_ROWS] for start in range(0, whole, _BLOCK_ROWS))
        for records in in_order(partial(_records, identifiers, handles, keys, record), blocks, workers=workers):
            yield records.tobytes()
            done += len(records)
            if progress is not None:
                progress(done, whole)

    ids = canonical_texts(normalised.ids.take(order[order < rows]).to_pylist())
    if controls:
        places = canonical(np.argsort(order)[rows:].tolist())
        ids = b'{"control_rows":%b,"row_ids":%b,"salt":"%b"}' % (places, ids, salt.hex().encode())
    table = whole.to_bytes(8, "big") + handles[order].tobytes() + ids
    with whole_files() as files:
        lines = 0
        if rejected is not None:
            lines = write_rejected(files.open(rejected, replace=True, private=True), normalised)
        _keep_handles(table, workspace, files, agreement=agreement, identity=identity, random=random)
        seal(
            payload(),
            4 + len(manifest) + whole * record.itemsize,
            files.open(workspace.upload, replace=True, private=True),
            kind=Sealed.UPLOAD,
            agreement=agreement.id,
            sender=identity,
            receiver=receiving,
            random=random,
        )
    sha256 = sha256_of(workspace.upload)
    fields = {name: int(given(column).sum()) for name, column in normalised.identifiers.columns.items()}
    counts = {one.key.name: int(np.count_nonzero(encodable(one.key, normalised.identifiers))) for one in keys}
    return Packed(workspace.upload, rows, controls, workspace.upload.stat().st_size, sha256, fields, counts, lines)


def upload_bytes(agreement: Agreement, holder: Party, receiving: ReceivingAddress, rows: int) -> int:
    """How many bytes the upload of so many rows, and the control rows, will have, whatever is in them."""
    record, whole = upload_record(agreement.terms, holder.name), rows + agreement.terms.control.rows
    noughts = "0" * 64
    manifest = _manifest(agreement.terms, holder.name, whole, check=noughts, conformance=noughts, control_rows=noughts)
    return sealed_length(
        4 + len(manifest) + whole * record.itemsize,
        kind=Sealed.UPLOAD,
        agreement=agreement.id,
        sender=holder.card,
        receiver=receiving,
    )


@dataclass(frozen=True, repr=False)
class HandleTable:
    """One upload. ``handles``: uint8 (rows, 16), ascending, of its own and its control rows. ``row_ids``: of its own
    rows, in the order of their handles. ``control_rows``: the places in ``handles`` of control rows, by number."""

    handles: NDArray[np.uint8]
    row_ids: list[str]
    control_rows: Sequence[int]
    salt: bytes

    @property
    def own(self) -> NDArray[np.bool_]:
        """Which handles are of the holder's own rows."""
        found = np.ones(len(self.handles), dtype=np.bool_)
        found[list(self.control_rows)] = False
        return found

    @property
    def control_handles(self) -> NDArray[np.uint8]:
        """The handles of the control rows, by number."""
        return self.handles[list(self.control_rows)]

    @property
    def commitment(self) -> str:
        """What the manifest of the upload says of its control rows."""
        return commitment(self.salt, _digests(self.control_handles))


def recall_handles(
    workspace: Workspace, *, agreement: Agreement, identity: Identity
) -> tuple[NDArray[np.uint8], list[str]]:
    """The handles of the holder's own rows in the newest upload, uint8 (rows, 16), in ascending order, and the row ids
    beside them."""
    newest = next(every_handles(workspace, agreement=agreement, identity=identity))
    return newest.handles[newest.own], newest.row_ids


def every_handles(workspace: Workspace, *, agreement: Agreement, identity: Identity) -> Iterator[HandleTable]:
    """The handles of every upload that was ever packed here, the newest first."""
    yield _read_handles(workspace.recall(Sealed.HANDLES, agreement=agreement.id, identity=identity))
    for number in range(_put_aside(workspace), 0, -1):
        yield _read_handles(workspace.recall(f"{Sealed.HANDLES} {number}", agreement=agreement.id, identity=identity))


def _keep_handles(
    table: bytes,
    workspace: Workspace,
    files: Files,
    *,
    agreement: Agreement,
    identity: Identity,
    random: Callable[[int], bytes],
) -> None:
    """Keep the new table and put the one before it aside: its upload may have been sent, and be released."""
    if workspace.keeps(Sealed.HANDLES):
        before = workspace.recall(Sealed.HANDLES, agreement=agreement.id, identity=identity)
        aside = f"{Sealed.HANDLES} {_put_aside(workspace) + 1}"
        workspace.keep(aside, before, agreement=agreement.id, identity=identity, random=random, files=files)
    workspace.keep(Sealed.HANDLES, table, agreement=agreement.id, identity=identity, random=random, files=files)


def _manifest(terms: Terms, holder: str, rows: int, *, check: str, conformance: str, control_rows: str) -> bytes:
    """What the upload says of itself. ``check``, ``conformance`` and ``control_rows``: 64 hexadecimal digits each. The
    last is not said where the agreement has no control rows."""
    said = {
        "holder": holder,
        "rows": rows,
        "match_keys": [key.name for key in terms.keys_of(holder)],
        "key_check": check,
        "conformance": conformance,
    }
    return canonical({**said, "control_rows": control_rows} if terms.control.rows else said)


def _digests(handles: NDArray[np.uint8]) -> list[str]:
    return [handle_digest(one.tobytes()) for one in handles]


def _put_aside(workspace: Workspace) -> int:
    """How many older tables there are; they are numbered from 1."""
    return next(number for number in count() if not workspace.keeps(f"{Sealed.HANDLES} {number + 1}"))


def _read_handles(data: bytes) -> HandleTable:
    rows = int.from_bytes(data[:8], "big")
    end = 8 + rows * HANDLE_BYTES
    handles = np.frombuffer(data[8:end], dtype=np.uint8).reshape(rows, HANDLE_BYTES)
    found = parse(data[end:], where="table of handles")
    if isinstance(found, list):
        return HandleTable(handles, found, (), b"")
    return HandleTable(handles, found["row_ids"], found["control_rows"], bytes.fromhex(found["salt"]))


def _records(
    identifiers: Identifiers,
    handles: NDArray[np.uint8],
    keys: list[MatchKeyEncoder],
    record: np.dtype[np.void],
    which: NDArray[np.int64],
) -> NDArray[np.void]:
    records = np.zeros(len(which), dtype=record)
    records["handle"] = handles[which]
    block = rows_of(identifiers, which)
    for encoder in keys:
        encoded = encoder.encode(block)
        records[encoder.key.name] = encoded.bits
        records[f"present/{encoder.key.name}"] = encoded.present
    return records
