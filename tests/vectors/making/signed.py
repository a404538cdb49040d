"""Identity files and signed statements."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from tests.vectors.making.case import Case, Folder, drawn, flipped, plain_json
from tests.vectors.making.cast import ID, STRANGER, Keys, base64url, party

_IDENTITY, _STATEMENT = Folder("identity"), Folder("statement")
_PASSPHRASE = "a made-up passphrase"
_COSTS = {"iterations": 3, "lanes": 4, "memory_kib": 65536}
_ROTATED = Keys("council", drawn("new signing key", 32), drawn("new receiving key", 96))
COUNCIL, BROKER, LEAD = party("council"), party("broker"), party("icb-lead")
_RECEIPT = {
    "agreement": ID,
    "upload": drawn("upload of council", 16).hex(),
    "holder": "council",
    "rows": 2,
    "content_digest": "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:",
    "received_at": "2026-06-01T12:00:03.000000+00:00",
    "entry": 4,
}


def locked(
    keys: Keys, card: dict[str, Any], label: str, *, passphrase: str = _PASSPHRASE, **costs: int
) -> dict[str, Any]:
    """An identity file; ``costs`` are other ones of Argon2id than the format's."""
    used = {**_COSTS, **costs}
    salt, nonce = drawn(f"salt of {label}", 16), drawn(f"nonce of {label}", 12)
    head = {"counterfoil": "identity", "version": 1, "card": card, "argon2id": {**used, "salt": base64url(salt)}}
    key = Argon2id(
        salt=salt, length=32, iterations=used["iterations"], lanes=used["lanes"], memory_cost=used["memory_kib"]
    ).derive(passphrase.encode())
    private = keys.signing_seed + keys.receiving_seeds
    return {**head, "sealed": base64url(nonce + AESGCM(key).encrypt(nonce, private, plain_json(head)))}


def identity_cases() -> Iterator[Case]:
    file = locked(COUNCIL, COUNCIL.card, "identity")
    expected = {
        "fingerprint": COUNCIL.fingerprint,
        "signing_seed": COUNCIL.signing_seed.hex(),
        "receiving_seeds": COUNCIL.receiving_seeds.hex(),
    }
    about = "An identity file that opens with its passphrase, and the private keys in it."
    yield _IDENTITY.accept("unlocked", about, {"file": file, "passphrase": _PASSPHRASE}, expected)
    about = "A passphrase typed with another space and an accent of its own, which are made the usual ones (RFC 8265)."
    spelled = {
        "file": locked(COUNCIL, COUNCIL.card, "another keyboard", passphrase="a made-up caf\u00e9"),
        "passphrase": "a\u00a0made-up cafe\u0301",
    }
    yield _IDENTITY.accept("another-keyboard", about, spelled, expected)
    raw = base64.urlsafe_b64decode(file["sealed"] + "=")
    for name, about, document in (
        ("damaged", "An identity file whose sealed part was damaged.", {**file, "sealed": base64url(flipped(raw, 40))}),
        ("another-card", "The card was exchanged for somebody else's.", {**file, "card": party(STRANGER).card}),
        ("another-name", "The name on the card was changed.", {**file, "card": {**COUNCIL.card, "name": "icb"}}),
        (
            "cheap-passphrase",
            "A file that asks for less work than the format says, so that its passphrase is easier to guess.",
            locked(COUNCIL, COUNCIL.card, "cheap identity", memory_kib=32),
        ),
        (
            "keys-of-another-card",
            "Everything fits but the keys, which are not those of the card.",
            locked(party(STRANGER), COUNCIL.card, "mixed identity"),
        ),
    ):
        yield _IDENTITY.reject(name, about, {"file": document, "passphrase": _PASSPHRASE})
    typed = "a made-up \x1b[Dpassphrase"
    given = {"file": locked(COUNCIL, COUNCIL.card, "arrow key", passphrase=typed), "passphrase": typed}
    yield _IDENTITY.reject("untyped-character", "A passphrase with an arrow key in it, which nobody means.", given)
    about = "A passphrase that differs in one letter."
    yield _IDENTITY.reject("another-passphrase", about, {"file": file, "passphrase": _PASSPHRASE.title()})


def statement_cases() -> Iterator[Case]:
    for name, about, signer, kind, body in (
        ("agreement-signature", "A party has signed an agreement.", COUNCIL, "agreement signature", {"agreement": ID}),
        (
            "receiving-key",
            "The broker has made a receiving key for an agreement.",
            BROKER,
            "receiving key",
            {"agreement": ID, "receiving": party("broker for the agreement").receiving},
        ),
        (
            "receipt",
            "The broker has accepted an upload, and wrote so as entry 4 of the log.",
            BROKER,
            "receipt",
            _RECEIPT,
        ),
        ("approval", "An IG lead approves a release.", LEAD, "approval", {"agreement": ID, "run": "run-1"}),
        ("refusal", "An IG lead refuses a release.", LEAD, "refusal", {"agreement": ID, "run": "run-1"}),
        (
            "control-rows-opening",
            "A holder opens the control rows of its upload.",
            COUNCIL,
            "control rows opening",
            {"agreement": ID, "run": "run-1", "control_rows": "ab" * 32, "links": "cd" * 32},
        ),
        (
            "destruction-receipt",
            "The broker has destroyed what it held.",
            BROKER,
            "destruction receipt",
            {"agreement": ID, "runs": ["run-1"], "destroyed_at": "2026-06-04T12:00:00.000000+00:00"},
        ),
        (
            "rotation",
            "A party has a new card.",
            COUNCIL,
            "rotation",
            {"old": COUNCIL.fingerprint, "new": _ROTATED.card},
        ),
    ):
        given = {"statement": signer.declare(kind, body), "card": signer.card, "kind": kind}
        yield _STATEMENT.accept(name, about, given, {"body": body})
    good = BROKER.declare("receipt", _RECEIPT)
    approval = LEAD.declare("approval", {"agreement": ID, "run": "run-1"})
    bare = base64url(BROKER.signing.sign(plain_json(_RECEIPT)))
    for name, about, statement in (
        ("changed-body", "A number in the body was changed.", {**good, "body": {**_RECEIPT, "rows": 3}}),
        ("another-kind", "A good signature, but of another kind of statement.", BROKER.declare("approval", _RECEIPT)),
        (
            "kind-renamed",
            "The kind was changed after signing.",
            {**BROKER.declare("approval", _RECEIPT), "kind": "receipt"},
        ),
        (
            "signer-renamed",
            "Somebody else's signature under the broker's fingerprint.",
            {**party(STRANGER).declare("receipt", _RECEIPT), "signer": BROKER.fingerprint},
        ),
        ("signature-of-another", "The signature of another statement.", {**good, "signature": approval["signature"]}),
        ("bare-signature", "A signature of the body alone, without what it is for.", {**good, "signature": bare}),
        ("kind-changed", "The kind was changed; the signature is of the right one.", {**good, "kind": "approval"}),
        (
            "base64-loose-bits",
            "Another spelling of the same signature.",
            {**good, "signature": good["signature"][:-1] + chr(ord(good["signature"][-1]) + 1)},
        ),
        ("no-signature", "An empty signature.", {**good, "signature": ""}),
        ("unknown-name", "Something that statements do not have.", {**good, "at": "2026-06-01"}),
    ):
        yield _STATEMENT.reject(name, about, {"statement": statement, "card": BROKER.card, "kind": "receipt"})


def cases() -> Iterator[Case]:
    yield from identity_cases()
    yield from statement_cases()
