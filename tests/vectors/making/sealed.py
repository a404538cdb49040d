"""Envelopes, written from the description of the format. HPKE draws its own randomness, so what it made is kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tests.vectors.making.case import Case, Folder, Piece, drawn, flipped, plain_json, shake, text
from tests.vectors.making.cast import ID, STRANGER, Keys, base64url, party

_ENVELOPE = Folder("envelope")
KEPT = Path(__file__).with_name("wrapped.json")
WRAPPED: dict[str, str] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.is_file() else {}
"""SHA-256 of content key and header -> sealed key."""
_MAGIC = "counterfoil envelope 1\n"
_SUITE = "HPKE-MLKEM768_X25519-HKDF_SHA256-CHACHA20_POLY1305"
_CHUNK = 1 << 20
COUNCIL, ICB, BROKER, RECIPIENT = party("council"), party("icb"), party("broker"), party("recipient")
FOR_UPLOADS = party("broker for the agreement")
Change = Callable[[Any], Any]


def wrapped(content_key: bytes, bound: bytes, receiver: Keys) -> bytes:
    """The content key sealed to the receiver: what was kept for this header, or else sealed now, to be kept."""
    name = hashlib.sha256(content_key + bound).hexdigest()
    if name not in WRAPPED:
        suite = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
        public = hpke.MLKEM768X25519PublicKey(
            MLKEM768PrivateKey.from_seed_bytes(receiver.receiving_seeds[:64]).public_key(),
            X25519PrivateKey.from_private_bytes(receiver.receiving_seeds[64:]).public_key(),
        )
        WRAPPED[name] = suite.encrypt(content_key, public, bound).hex()
    return bytes.fromhex(WRAPPED[name])


def bucket(length: int) -> int:
    """Padme: the next length whose binary form ends in as many zeros as its exponent allows."""
    exponent = length.bit_length() - 1
    zeros = exponent - exponent.bit_length()
    while length & ((1 << zeros) - 1 if zeros > 0 else 0):
        length += 1
    return length


@dataclass(frozen=True)
class Sealing:
    """An envelope to write. What it says may be changed on the way: before it is signed, unless said otherwise."""

    kind: str
    payload: bytes
    sender: Keys = COUNCIL
    receiver: Keys = ICB
    context: Mapping[str, Any] = field(default_factory=dict)
    label: str = ""
    """If the payload is drawn, from what: the vector then describes it instead of showing it."""
    said: int | None = None
    header: Change = lambda header: header
    head: Change = lambda data: data
    tail: bytes = b""
    nonces: Sequence[bytes] | None = None
    order: Sequence[int] | None = None
    signer: Keys | None = None
    signed_label: str = "envelope"
    magic: str = _MAGIC

    def pieces(self) -> list[Piece]:
        """Its bytes, from magic to signature."""
        padded = bucket(len(self.payload) + 8)
        said = len(self.payload) if self.said is None else self.said
        plain = said.to_bytes(8, "big") + self.payload + bytes(padded - 8 - len(self.payload))
        bound = {
            "counterfoil": "envelope",
            "version": 1,
            "suite": _SUITE,
            "kind": self.kind,
            "agreement": ID,
            "sender": self.sender.fingerprint,
            "receiver": self.receiver.key_id,
            "padded": padded,
            "context": self.context,
        }
        key = drawn(f"content key of {self.kind}, {padded} bytes", 32)
        sealed_key = wrapped(key, plain_json(bound), self.receiver)
        head: bytes = self.head(plain_json(self.header({**bound, "wrapped": base64url(sealed_key)})))
        starts = range(0, padded, _CHUNK)
        last = len(starts) - 1
        nonces = self.nonces or [
            bytes([0] * 7) + number.to_bytes(4, "big") + bytes([number == last]) for number in range(len(starts))
        ]
        chunks = [plain[start : start + _CHUNK] for start in starts]
        cipher = ChaCha20Poly1305(key)
        sealed = [cipher.encrypt(nonce, chunk, None) for nonce, chunk in zip(nonces, chunks, strict=True)]
        order = range(len(chunks)) if self.order is None else self.order
        signed = (
            self.magic.encode()
            + len(head).to_bytes(4, "big")
            + head
            + b"".join(sealed[one] for one in order)
            + self.tail
        )
        signature = (self.signer or self.sender).sign(self.signed_label, hashlib.sha512(signed).digest())
        shown = [self._shown(key, nonces[one], starts[one], len(chunks[one]), sealed[one]) for one in order]
        return [
            text(self.magic),
            len(head).to_bytes(4, "big").hex(),
            text(head.decode()),
            *shown,
            *([self.tail.hex()] if self.tail else []),
            signature.hex(),
        ]

    def _shown(self, key: bytes, nonce: bytes, start: int, length: int, sealed: bytes) -> Piece:
        if not self.label:
            return sealed.hex()
        plain: list[Piece] = []
        if start == 0:
            plain.append(len(self.payload).to_bytes(8, "big").hex())
        first, end = max(0, start - 8), min(len(self.payload), start + length - 8)
        plain.append(shake(self.label, end - first, first))
        zeros = start + length - 8 - end
        if zeros:
            plain.append({"zeros": zeros})
        return {"chacha20poly1305": {"key": key.hex(), "nonce": nonce.hex(), "plain": plain}}

    def opening(self, envelope: list[Piece] | None = None) -> dict[str, Any]:
        """The input: the envelope, what the reader expects of it, and the reader's private key."""
        return {
            "envelope": self.pieces() if envelope is None else envelope,
            "kind": self.kind,
            "agreement": ID,
            "sender": self.sender.card,
            "receiving_seeds": self.receiver.receiving_seeds.hex(),
        }

    def opened(self) -> dict[str, Any]:
        payload = [shake(self.label, len(self.payload))] if self.label else [self.payload.hex()]
        return {"payload": payload, "context": self.context}


def _long(length: int) -> Sealing:
    label = f"payload of {length} bytes"
    return Sealing("upload", drawn(label, length), receiver=FOR_UPLOADS, label=label)


def _upload() -> bytes:
    """Two rows of the agreement's form; the second has no NHS number."""
    manifest = plain_json(
        {
            "holder": "council",
            "rows": 2,
            "match_keys": ["nhs-number", "names"],
            "key_check": drawn("key check", 32).hex(),
            "conformance": drawn("conformance", 32).hex(),
        }
    )
    rows = [
        drawn("handle 1", 16) + b"\1" + drawn("nhs-number 1", 16) + b"\1" + drawn("names 1", 128),
        drawn("handle 2", 16) + b"\0" + bytes(16) + b"\1" + drawn("names 2", 128),
    ]
    return len(manifest).to_bytes(4, "big") + manifest + b"".join(sorted(rows))


CONTRIBUTION = Sealing("contribution", drawn("contribution of council", 32))


def cases() -> Iterator[Case]:
    yield from _accepted()
    yield from _refused_unsigned()
    yield from _refused_signed()


def _accepted() -> Iterator[Case]:
    run = {"run": drawn("run", 16).hex()}
    release = b"".join(sorted(drawn(f"handle {row}", 16) + drawn(f"token {row}", 44) for row in (1, 2)))
    handles = sorted(drawn(f"handle {row}", 16) for row in (1, 2))
    table = (2).to_bytes(8, "big") + b"".join(handles) + b'["row 1","row 2"]'
    for name, about, sealing in (
        ("contribution", "A holder's contribution to the linkage secret, for another holder.", CONTRIBUTION),
        (
            "upload",
            "Two rows, sealed to the broker's key for the agreement.",
            Sealing("upload", _upload(), receiver=FOR_UPLOADS),
        ),
        (
            "release",
            "Two rows' handles and tokens; the run stands in the context.",
            Sealing("release", release, BROKER, COUNCIL, run),
        ),
        (
            "run-key",
            "What opens the tokens of a run.",
            Sealing("run key", drawn("run key", 32), BROKER, RECIPIENT, run),
        ),
        (
            "receiving-key",
            "The broker's private key for the agreement, sealed to itself.",
            Sealing("receiving key", FOR_UPLOADS.receiving_seeds, BROKER, BROKER),
        ),
        (
            "linkage-secret",
            "A holder's own copy of the secret.",
            Sealing("linkage secret", drawn("secret", 32), ICB, ICB),
        ),
        ("handles", "A holder's own table of handles and row ids.", Sealing("handles", table, COUNCIL, COUNCIL)),
        (
            "pseudonym-key",
            "What makes the recipient's link keys its own.",
            Sealing("pseudonym key", drawn("pseudonym key", 32), RECIPIENT, RECIPIENT),
        ),
        (
            "empty",
            "Nothing, sealed: eight bytes of length and no padding.",
            Sealing("upload", b"", receiver=FOR_UPLOADS),
        ),
        (
            "padded",
            "A thousand bytes, which are padded to a bucket of 1,024.",
            _long(1000),
        ),
        (
            "context-beyond-ascii",
            "A context with names to be sorted and letters beyond ASCII.",
            Sealing(
                "upload", b"x", receiver=FOR_UPLOADS, context={"ö": [1, {"b": None, "a": True}], "Z": "é", "a": ""}
            ),
        ),
        ("one-chunk-exactly", "The longest payload that fits into one chunk.", _long(_CHUNK - 8)),
        ("second-chunk", "A payload one byte longer: padding makes the second chunk 32 KiB.", _long(_CHUNK - 7)),
        ("two-chunks-exactly", "A payload that fills two chunks to the last byte.", _long(2 * _CHUNK - 8)),
    ):
        yield _ENVELOPE.accept(name, about, sealing.opening(), sealing.opened())


def _refused_unsigned() -> Iterator[Case]:
    """Changed by somebody on the way, or not meant for the reader."""
    good = CONTRIBUTION.pieces()
    magic, length, head, chunk, signature = good
    data, signed = bytes.fromhex(str(chunk)), bytes.fromhex(str(signature))
    header = str(head["text"]) if isinstance(head, Mapping) else ""
    place = header.index('"wrapped":"') + 20
    other = header[:place] + ("A" if header[place] != "A" else "B") + header[place + 1 :]
    for name, about, pieces in (
        (
            "bit-flipped-chunk",
            "One bit of the chunk was changed.",
            [magic, length, head, flipped(data, 9).hex(), signature],
        ),
        ("bit-flipped-signature", "One bit of the signature was changed.", [*good[:4], flipped(signed, 3).hex()]),
        (
            "changed-sealed-key",
            "A letter of the sealed key was changed.",
            [magic, length, text(other), chunk, signature],
        ),
        ("truncated", "The last bytes are missing.", [*good[:4], signed[:-7].hex()]),
        ("extended", "There is a byte more at the end.", [*good, "00"]),
    ):
        yield _ENVELOPE.reject(name, about, CONTRIBUTION.opening(list(pieces)))
    about = "A file of another version of the format."
    yield _ENVELOPE.reject(
        "another-version", about, Sealing("contribution", b"x", magic="counterfoil envelope 2\n").opening()
    )
    opening = CONTRIBUTION.opening()
    for name, about, changes in (
        ("for-another-purpose", "A good envelope of another kind than the reader asks for.", {"kind": "upload"}),
        ("for-another-agreement", "A good envelope for another agreement.", {"agreement": "ab" * 32}),
        ("from-another-sender", "A good envelope by somebody else.", {"sender": party(STRANGER).card}),
        (
            "to-another-receiver",
            "A good envelope that was sealed to somebody else.",
            {"receiving_seeds": party(STRANGER).receiving_seeds.hex()},
        ),
    ):
        yield _ENVELOPE.reject(name, about, {**opening, **changes})


def _refused_signed() -> Iterator[Case]:
    """Signed after the change: what a faulty or dishonest sender could send."""
    payload = CONTRIBUTION.payload
    long = "payload of 2097144 bytes"

    def made(**changes: Any) -> Sealing:
        return Sealing("contribution", payload, **changes)

    def chunked(**changes: Any) -> Sealing:
        return Sealing("upload", drawn(long, 2 * _CHUNK - 8), receiver=FOR_UPLOADS, label=long, **changes)

    first, second = bytes(12), bytes(10) + b"\1\1"
    for name, about, sealing in (
        ("signed-by-another", "Somebody else's signature under the sender's name.", made(signer=party(STRANGER))),
        (
            "signed-for-another-purpose",
            "The sender's signature under another label.",
            made(signed_label="statement/receipt"),
        ),
        (
            "downgraded-suite",
            "A header that names another suite.",
            made(header=lambda one: {**one, "suite": _SUITE.replace("MLKEM768_", "")}),
        ),
        (
            "unknown-name",
            "A header with something that headers do not have.",
            made(header=lambda one: {**one, "more": 1}),
        ),
        (
            "header-with-spaces",
            "A header that is not canonical JSON.",
            made(head=lambda data: data.replace(b'":"', b'": "', 1)),
        ),
        (
            "changed-context",
            "A context that is not the one bound to the sealed key.",
            made(header=lambda one: {**one, "context": {"a": 1}}),
        ),
        ("signed-extension", "A byte more than the header says, before the signature.", made(tail=b"\0")),
        ("longer-than-it-is", "A plaintext that says it is longer than it is.", made(said=len(payload) + 1)),
        ("chunks-swapped", "Two chunks in each other's place.", chunked(order=(1, 0))),
        (
            "last-chunk-not-marked",
            "A last chunk that is not marked as the last.",
            chunked(nonces=(first, second[:-1] + b"\0")),
        ),
    ):
        yield _ENVELOPE.reject(name, about, sealing.opening())
