"""Sealed uploads in: checked outside in, a few records at a time, accepted whole or not at all.

1. The envelope is by this holder, for this agreement, to this agreement's receiving key, complete and undamaged.
2. The manifest says the holder and match-keys of the agreement; the records have exactly their width.
3. At least the agreement's minimum of rows beside its control rows; handles ascend, so that each stands there once;
   flags are 0 or 1; an absent encoding is all zeros.

Nothing is opened before the signature over the whole file has been checked (1). What then comes out of it is
provisional until the last record has: whoever takes records decides nothing before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from keys.agreement import Agreement, Party
from keys.canonical import parse
from keys.envelope import open_verified, verify
from keys.kinds import Sealed
from keys.layout import upload_record
from keys.receiving import ReceivingKey
from services.broker.errors import Refused

_MAXIMUM_MANIFEST = 1 << 16


@dataclass(frozen=True, repr=False)
class Received:
    """An upload whose envelope and manifest have passed; its records (keys.layout.upload_record) may not yet."""

    rows: int
    key_check: str
    conformance: str
    control_rows: str | None
    _stream: BinaryIO
    _key: ReceivingKey
    _agreement: Agreement
    _record: np.dtype[np.void]

    def blocks(self) -> Iterator[NDArray[np.void]]:
        """All records from the first on, some whole ones at a time, as often as it is called.

        Holds a chunk of the envelope. Raises ``Refused`` at the end of the records: for their length (2), or for what
        else is wrong with them (3). Records of another width look wrong in every way, so nothing else is said of them.
        """
        before, wrong = b"", None
        for block in self.unchecked_blocks():
            if wrong is None and len(block):
                try:
                    before = _checked_handles(before, block)
                    _check_encodings(block, self._agreement)
                except Refused as error:
                    wrong = error
                else:
                    yield block
        if wrong is not None:
            raise wrong

    def unchecked_blocks(self) -> Iterator[NDArray[np.void]]:
        """The same of an upload whose records have passed before: without the third rule."""
        self._stream.seek(0)
        parts = open_verified(self._stream, key=self._key)
        _, rest = _manifest(parts)
        yield from _blocks(rest, parts, self.rows, self._record)


def receive(stream: BinaryIO, *, agreement: Agreement, holder: Party, key: ReceivingKey) -> Received:
    """Raises ``EnvelopeError``, ``SignatureError`` or ``Refused``. ``stream`` must stay open, and as it is."""
    header = verify(
        stream, kind=Sealed.UPLOAD, agreement=agreement.id, sender=holder.card, receiver=key.address.key_id
    )  # 1
    manifest, _ = _manifest(open_verified(stream, key=key))
    record = upload_record(agreement.terms, holder.name)
    rows = _checked_manifest(manifest, agreement, holder)  # 2
    if rows * record.itemsize > header.padded:
        raise _refused("it is shorter than its manifest says")  # 2
    return Received(
        rows=rows,
        key_check=manifest["key_check"],
        conformance=manifest["conformance"],
        control_rows=manifest.get("control_rows"),
        _stream=stream,
        _key=key,
        _agreement=agreement,
        _record=record,
    )


def read_columns(
    stream: BinaryIO, *, agreement: Agreement, holder: Party, key: ReceivingKey, fields: Sequence[str]
) -> dict[str, NDArray[Any]]:
    """Some fields (keys.layout.upload_record) of an upload that has been received before, one array each, by row.

    Takes memory for these fields alone. Raises as ``receive`` does; its third rule is not checked again.
    """
    received = receive(stream, agreement=agreement, holder=holder, key=key)
    record = upload_record(agreement.terms, holder.name)
    columns = {field: np.empty(received.rows, dtype=record[field]) for field in fields}
    at = 0
    for block in received.unchecked_blocks():
        for field, column in columns.items():
            column[at : at + len(block)] = block[field]
        at += len(block)
    return columns


def _manifest(parts: Iterator[bytes]) -> tuple[dict[str, Any], bytes]:
    """The manifest and what follows it in the part that it ends in."""
    data = b""
    size = -1
    while size < 0 or len(data) < 4 + size:
        part = next(parts, b"")
        if not part:
            raise _refused("it ends inside its manifest")
        data += part
        if size < 0 and len(data) >= 4:
            size = int.from_bytes(data[:4], "big")
            if size > _MAXIMUM_MANIFEST:
                raise _refused("its manifest is too long")
    manifest = parse(data[4 : 4 + size], where="manifest of the upload")
    return manifest, data[4 + size :]


def _checked_manifest(manifest: Any, agreement: Agreement, holder: Party) -> int:
    terms = agreement.terms
    proofs = ("key_check", "conformance", *(("control_rows",) if terms.control.rows else ()))
    names = {"holder", "rows", "match_keys", *proofs}
    hexadecimal = set("0123456789abcdef")
    if not isinstance(manifest, dict) or set(manifest) != names:
        raise _refused("its manifest is not in the right form")
    for proof in proofs:
        if not isinstance(manifest[proof], str) or len(manifest[proof]) != 64 or set(manifest[proof]) - hexadecimal:
            raise _refused(f"its {proof.replace('_', ' ')} is not in the right form")
    if manifest["holder"] != holder.name:
        raise _refused("it is another holder's")
    if manifest["match_keys"] != [key.name for key in terms.keys_of(holder.name)]:
        raise _refused("its match-keys are not those of the agreement")
    rows = manifest["rows"]
    if type(rows) is not int or rows < 0:
        raise _refused("its number of rows is not valid")
    if rows < terms.minimum_rows + terms.control.rows:
        raise Refused(
            f"The upload has fewer rows than the agreement's minimum of {terms.minimum_rows}.",
            remedy="Encode the whole cohort; small uploads could be used to ask about single children.",
        )
    return rows


def _blocks(first: bytes, parts: Iterator[bytes], rows: int, record: np.dtype[np.void]) -> Iterator[NDArray[np.void]]:
    """The records, whole ones at a time. Raises ``Refused`` unless they are exactly ``rows`` in the end."""
    came, rest = 0, b""
    for part in chain([first], parts):
        data = rest + part
        whole = len(data) // record.itemsize
        came += whole
        rest = data[whole * record.itemsize :]
        if came > rows or (came == rows and rest):
            break
        yield np.frombuffer(data, dtype=record, count=whole)
    if came != rows or rest:
        raise _refused("the records do not have the length that the manifest says")  # 2


def _checked_handles(before: bytes, block: NDArray[np.void]) -> bytes:
    """The last handle of a block, of which ``before`` is the one that stands before it."""
    handles = np.ascontiguousarray(block["handle"])
    words = handles.view(">u8")
    high, low = words[:, 0], words[:, 1]
    same = (high[1:] == high[:-1]) & (low[1:] == low[:-1])
    ascending = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    first = bytes(handles[0])
    if same.any() or first == before:
        raise _refused("a handle stands in it twice")
    if not ascending.all() or first < before:
        raise _refused("its records are not in the order of their handles")
    return bytes(handles[-1])


def _check_encodings(block: NDArray[np.void], agreement: Agreement) -> None:
    for key in agreement.terms.match_keys:
        if key.name in (block.dtype.names or ()):
            present = block[f"present/{key.name}"]
            if (present > 1).any():
                raise _refused("a flag is neither 0 nor 1")
            if block[key.name][present == 0].any():
                raise _refused("an absent encoding is not empty")


def _refused(why: str) -> Refused:
    return Refused(f"The upload is not acceptable: {why}.", remedy="Encode again with a current version of the tool.")
