"""Made-up parties and the agreement of most vectors, written from ``docs/reference/formats.md`` and not by ``keys``."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.vectors.making.case import drawn, plain_json, sha256

TERMS: Mapping[str, Any] = {
    "version": 1,
    "title": "Made-up agreement of the vectors",
    "purpose": "To show what an agreement looks like",
    "legal_gateway": "None: nobody is in it",
    "article_6": "None",
    "article_9": "None",
    "dpia": "None",
    "isa": "None",
    "expires": "2027-01-01T00:00:00+00:00",
    "retention_hours": 72,
    "minimum_rows": 2,
    "repeats_percent": 100,
    "release": "blind",
    "holders": [
        {"name": "council", "identifiers": ["forename", "surname", "date_of_birth", "nhs_number"]},
        {"name": "icb", "identifiers": ["forename", "surname", "date_of_birth", "nhs_number"]},
    ],
    "encoding": {
        "length": 512,
        "hash": "blakeHash",
        "kdf_hash": "SHA256",
        "key_size": 64,
        "hardening": {"method": "diffusion", "t": 8, "length": 1024},
        "accept_unhardened": None,
    },
    "normalisation": {"other_scripts": "transliterate", "forename_variants": "join"},
    "match_keys": [
        {"kind": "exact", "name": "nhs-number", "tuple_of": ["nhs_number"]},
        {
            "kind": "fuzzy",
            "name": "names",
            "minimum_bits": 120,
            "features": [
                {"field": "names", "compare": "bigrams", "bits": 120},
                {"field": "year", "compare": "exact", "bits": 30},
            ],
        },
    ],
    "decision": {
        "match": 0.5,
        "possible": 0.1,
        "twin_caution": 4,
        "chance_pairs_per_row": 1,
        "plain_floor": 0.7,
        "contradicting_exact_keys": "refuse",
        "rows_of_one_holder": "one per link",
        "duplicates": "ignore",
    },
    "control": {"rows": 0},
    "suppression": {"below": 8, "round_to": 5},
}


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass(frozen=True)
class Keys:
    """A party's name and private keys."""

    name: str
    signing_seed: bytes
    receiving_seeds: bytes

    @cached_property
    def signing(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.signing_seed)

    @cached_property
    def receiving(self) -> dict[str, str]:
        mlkem = MLKEM768PrivateKey.from_seed_bytes(self.receiving_seeds[:64]).public_key()
        x25519 = X25519PrivateKey.from_private_bytes(self.receiving_seeds[64:]).public_key()
        return {"mlkem768": base64url(mlkem.public_bytes_raw()), "x25519": base64url(x25519.public_bytes_raw())}

    @property
    def key_id(self) -> str:
        return sha256(plain_json(self.receiving))

    @cached_property
    def card(self) -> dict[str, Any]:
        return {
            "counterfoil": "card",
            "version": 1,
            "name": self.name,
            "signing": base64url(self.signing.public_key().public_bytes_raw()),
            "receiving": self.receiving,
        }

    @cached_property
    def fingerprint(self) -> str:
        return sha256(plain_json(self.card))

    def sign(self, label: str, message: bytes) -> bytes:
        return self.signing.sign(b"counterfoil/v1/" + label.encode() + b"\0" + hashlib.sha512(message).digest())

    def declare(self, kind: str, body: Mapping[str, Any], *, label: str | None = None) -> dict[str, Any]:
        """A statement; ``label`` is another one than it should be signed under."""
        signature = self.sign(label or f"statement/{kind}", plain_json(body))
        return {"kind": kind, "body": body, "signer": self.fingerprint, "signature": base64url(signature)}


@cache
def party(name: str) -> Keys:
    return Keys(name, drawn(f"signing key of {name}", 32), drawn(f"receiving key of {name}", 96))


def in_role(role: str, name: str, of: str | None = None) -> dict[str, Any]:
    return {"role": role, "name": name, "of": of, "card": party(name).card}


PARTIES = (
    in_role("holder", "council"),
    in_role("holder", "icb"),
    in_role("ig-lead", "council-lead", "council"),
    in_role("ig-lead", "icb-lead", "icb"),
    in_role("broker", "broker"),
    in_role("recipient", "recipient"),
)
NAMES = tuple(one["name"] for one in PARTIES)
STRANGER = "stranger"


def agreement_id(terms: Mapping[str, Any], parties: Sequence[Mapping[str, Any]]) -> str:
    return sha256(plain_json({"counterfoil": "agreement", "terms": terms, "parties": parties}))


def agreed(
    terms: Mapping[str, Any] = TERMS,
    parties: Sequence[Mapping[str, Any]] = PARTIES,
    *,
    signers: Sequence[str] = NAMES,
) -> dict[str, Any]:
    """An agreement and its signatures, in the order of fingerprints."""
    body = {"agreement": agreement_id(terms, parties)}
    signatures = [party(name).declare("agreement signature", body) for name in signers]
    return {
        "counterfoil": "agreement",
        "terms": terms,
        "parties": parties,
        "signatures": sorted(signatures, key=lambda one: str(one["signer"])),
    }


ID = agreement_id(TERMS, PARTIES)
