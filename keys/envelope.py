"""Sealed and signed files: from one party, to one receiving key, for one agreement and one purpose.

Layout: ``magic``; header length (4 bytes, big-endian); header (canonical JSON); chunks; signature (64 bytes).

1. A fresh 32-byte content key is sealed by HPKE to the receiver; ``info`` is the header without that sealed key,
   so nothing in the header can be changed.
2. The plaintext is its length (8 bytes), the payload, and zeros up to a Padme bucket (Nikitin et al., PoPETs
   2019), so that sizes say little.
3. Chunks of 1 MiB are ChaCha20-Poly1305 with a counter nonce whose last byte marks the final chunk (the STREAM
   construction, Hoang et al. 2015): no chunk can be dropped, moved or added.
4. The sender signs SHA-512 over all before the signature. A reader checks the signature before opening anything.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from keys.canonical import canonical, parse
from keys.errors import EnvelopeError, KeysError
from keys.identity import Card, Identity
from keys.receiving import SUITE, ReceivingAddress, ReceivingKey, decode, encode

MAGIC = b"counterfoil envelope 1\n"
CHUNK_BYTES = 1 << 20
WRAPPED_KEY_BYTES = 1088 + 32 + 32 + 16
"""A sealed content key: the encapsulations of ML-KEM-768 and of X25519, the key, and a tag."""
_TAG_BYTES = 16
_SIGNATURE_BYTES = 64
_MAXIMUM_HEADER = 1 << 16
_LABEL = "envelope"


@dataclass(frozen=True)
class Header:
    """What an envelope says of itself; all of it is authenticated."""

    kind: str
    agreement: str
    sender: str
    receiver: str
    padded: int
    context: Mapping[str, Any]
    wrapped: bytes

    def bound(self) -> dict[str, Any]:
        return {
            "counterfoil": "envelope",
            "version": 1,
            "suite": SUITE,
            "kind": self.kind,
            "agreement": self.agreement,
            "sender": self.sender,
            "receiver": self.receiver,
            "padded": self.padded,
            "context": dict(self.context),
        }


def padded_length(length: int) -> int:
    """The Padme bucket for ``length`` bytes: at most 12 % more, and few distinct sizes."""
    if length < 2:
        return length
    exponent = length.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    step = 1 << max(free_bits, 0)
    return -(-length // step) * step


def seal(
    payload: Iterable[bytes],
    length: int,
    out: BinaryIO,
    *,
    kind: str,
    agreement: str,
    sender: Identity,
    receiver: ReceivingAddress,
    random: Callable[[int], bytes],
    context: Mapping[str, Any] | None = None,
) -> None:
    """Write an envelope of ``payload`` (``length`` bytes in all, in parts of any size) to ``out``.

    ``context`` (small JSON) is readable by whoever carries the envelope. Memory: one chunk and one part.
    """
    padded = padded_length(length + 8)
    bound = Header(kind, agreement, sender.card.fingerprint, receiver.key_id, padded, context or {}, b"").bound()
    key = random(32)
    header = canonical({**bound, "wrapped": encode(receiver.seal(key, info=canonical(bound)))})
    if len(header) > _MAXIMUM_HEADER:
        raise ValueError("the envelope's context is too large")
    signed = hashlib.sha512()

    def write(data: bytes) -> None:
        signed.update(data)
        out.write(data)

    write(MAGIC + len(header).to_bytes(4, "big") + header)
    cipher = ChaCha20Poly1305(key)
    for number, (chunk, final) in enumerate(_chunks(_padded(payload, length, padded))):
        write(cipher.encrypt(_nonce(number, final=final), chunk, None))
    out.write(sender.sign(signed.digest(), label=_LABEL))


def sealed_length(
    length: int,
    *,
    kind: str,
    agreement: str,
    sender: Card,
    receiver: ReceivingAddress,
    context: Mapping[str, Any] | None = None,
) -> int:
    """How many bytes ``seal`` writes for a payload of ``length`` bytes and the same arguments."""
    padded = padded_length(length + 8)
    bound = Header(kind, agreement, sender.fingerprint, receiver.key_id, padded, context or {}, b"").bound()
    header = canonical({**bound, "wrapped": encode(bytes(WRAPPED_KEY_BYTES))})
    chunks = -(-padded // CHUNK_BYTES)
    return len(MAGIC) + 4 + len(header) + padded + chunks * _TAG_BYTES + _SIGNATURE_BYTES


def seal_bytes(payload: bytes, **options: Any) -> bytes:
    """``seal`` for a payload that fits in memory; the same keyword arguments."""
    out = io.BytesIO()
    seal([payload], len(payload), out, **options)
    return out.getvalue()


def read_header(stream: BinaryIO) -> Header:
    """The header, not yet authenticated. Raises ``EnvelopeError`` for anything that is not an envelope."""
    if stream.read(len(MAGIC)) != MAGIC:
        raise _damaged("This is not a sealed file of this version.")
    size = int.from_bytes(stream.read(4), "big")
    data = stream.read(size) if size <= _MAXIMUM_HEADER else b""
    if len(data) != size or not size:
        raise _damaged("The header of the sealed file is cut off.")
    try:
        fields = parse(data, where="header of the sealed file")
        header = Header(
            kind=fields["kind"],
            agreement=fields["agreement"],
            sender=fields["sender"],
            receiver=fields["receiver"],
            padded=fields["padded"],
            context=fields["context"],
            wrapped=decode(fields["wrapped"]),
        )
        same = canonical({**header.bound(), "wrapped": encode(header.wrapped)}) == data
    except (KeysError, KeyError, TypeError, ValueError):
        same = False
    if not same or type(header.padded) is not int or header.padded < 8:
        raise _damaged("The header of the sealed file is not one of this version and suite.")
    return header


def verify(stream: BinaryIO, *, kind: str, agreement: str, sender: Card, receiver: str) -> Header:
    """Check purpose, agreement, sender, receiver (a key id), length and signature, reading the file once.

    ``stream`` must be seekable and is left at its start. Raises ``EnvelopeError`` or ``SignatureError``.
    """
    stream.seek(0, io.SEEK_END)
    signed_bytes = stream.tell() - _SIGNATURE_BYTES
    stream.seek(0)
    header = read_header(stream)
    start = stream.tell()
    expected = (kind, agreement, sender.fingerprint, receiver)
    for name, found, wanted in zip(
        ("kind", "agreement", "sender", "receiver"),
        (header.kind, header.agreement, header.sender, header.receiver),
        expected,
        strict=True,
    ):
        if found != wanted:
            raise EnvelopeError(
                f"The sealed file is for another {name}.",
                remedy="Check that you use the file, the agreement and the identity that belong together.",
            )
    chunks = -(-header.padded // CHUNK_BYTES)
    if signed_bytes != start + header.padded + chunks * _TAG_BYTES:
        raise _damaged("The sealed file has been cut off or extended.")
    stream.seek(0)
    hashed = hashlib.sha512()
    for part in _read_exactly(stream, signed_bytes):
        hashed.update(part)
    sender.verify(stream.read(_SIGNATURE_BYTES), hashed.digest(), label=_LABEL)
    stream.seek(0)
    return header


def open_verified(stream: BinaryIO, *, key: ReceivingKey) -> Iterator[bytes]:
    """The payload, chunk by chunk, of an envelope that ``verify`` has passed. Raises ``EnvelopeError``."""
    header = read_header(stream)
    content_key = key.open(header.wrapped, info=canonical(header.bound()))
    if len(content_key) != 32:
        raise _damaged("The sealed key has the wrong length.")
    cipher = ChaCha20Poly1305(content_key)
    left, remaining, number = header.padded, -1, 0
    while left:
        size = min(left, CHUNK_BYTES)
        left -= size
        try:
            chunk = cipher.decrypt(_nonce(number, final=not left), stream.read(size + _TAG_BYTES), None)
        except InvalidTag:
            raise _damaged("A part of the sealed file is damaged.") from None
        if remaining < 0:
            remaining, chunk = int.from_bytes(chunk[:8], "big"), chunk[8:]
            if remaining > header.padded - 8:
                raise _damaged("The sealed file says it is longer than it is.")
        yield chunk[:remaining]
        remaining -= min(remaining, len(chunk))
        number += 1


def open_bytes(data: bytes, *, kind: str, agreement: str, sender: Card, key: ReceivingKey) -> tuple[Header, bytes]:
    """Verify and open an envelope that fits in memory."""
    stream = io.BytesIO(data)
    header = verify(stream, kind=kind, agreement=agreement, sender=sender, receiver=key.address.key_id)
    return header, b"".join(open_verified(stream, key=key))


def _nonce(number: int, *, final: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\1" if final else b"\0")


def _padded(payload: Iterable[bytes], length: int, padded: int) -> Iterator[bytes]:
    yield length.to_bytes(8, "big")
    seen = 0
    for part in payload:
        seen += len(part)
        yield part
    if seen != length:
        raise ValueError(f"the payload has {seen} bytes, not {length}")
    left = padded - 8 - length
    while left:
        yield bytes(min(left, CHUNK_BYTES))
        left -= min(left, CHUNK_BYTES)


def _chunks(parts: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in chunks of ``CHUNK_BYTES``; the last is marked."""
    held = bytearray()
    for part in parts:
        left = memoryview(part)
        while len(held) + len(left) > CHUNK_BYTES:
            fitting = CHUNK_BYTES - len(held)
            held += left[:fitting]
            left = left[fitting:]
            yield bytes(held), False
            held.clear()
        held += left
    yield bytes(held), True


def _read_exactly(stream: BinaryIO, count: int) -> Iterator[bytes]:
    while count:
        part = stream.read(min(count, CHUNK_BYTES))
        if not part:
            raise _damaged("The sealed file is cut off.")
        count -= len(part)
        yield part


def _damaged(what: str) -> EnvelopeError:
    return EnvelopeError(what, remedy="Ask its sender to send it again.")
