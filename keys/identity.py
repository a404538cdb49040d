"""A party: a signing key (Ed25519) and a receiving key, in one passphrase-encrypted file, and a public card."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from keys.canonical import canonical, digest, is_version, parse
from keys.errors import IdentityError, KeysError, SignatureError
from keys.passphrase import prepared
from keys.receiving import SEED_BYTES, ReceivingAddress, ReceivingKey, decode, encode

MINIMUM_PASSPHRASE = 12
_ARGON2 = {"iterations": 3, "lanes": 4, "memory_kib": 65536}
"""RFC 9106, second recommended option."""
_SALT_BYTES = 16
_HEAD = ("counterfoil", "version", "card")
_SEALED_BYTES = 12 + 32 + SEED_BYTES + 16


@dataclass(frozen=True)
class Card:
    """What a party shows to others. ``fingerprint`` is SHA-256 over its canonical JSON."""

    name: str
    signing: bytes
    receiving: ReceivingAddress

    def to_json(self) -> dict[str, Any]:
        return {
            "counterfoil": "card",
            "version": 1,
            "name": self.name,
            "signing": encode(self.signing),
            "receiving": self.receiving.to_json(),
        }

    @classmethod
    def from_json(cls, document: Any, *, where: str | None = None) -> Card:
        """Raises ``IdentityError`` when the document is not a card."""
        names = {"counterfoil", "version", "name", "signing", "receiving"}
        fits = (
            isinstance(document, Mapping)
            and set(document) == names
            and document["counterfoil"] == "card"
            and is_version(document["version"], 1)
            and isinstance(document["name"], str)
            and 0 < len(document["name"]) <= 100
            and document["name"].isprintable()
        )
        if not fits:
            raise IdentityError("This is not a card.", where=where, remedy="Ask its owner for the card again.")
        signing = decode(document["signing"])
        if len(signing) != 32:
            raise IdentityError("The card's signing key has the wrong length.", where=where, remedy="Ask again.")
        return cls(document["name"], signing, ReceivingAddress.from_json(document["receiving"]))

    @cached_property
    def fingerprint(self) -> str:
        return digest(self.to_json())

    def verify(self, signature: bytes, message: bytes, *, label: str) -> None:
        """Raises ``SignatureError`` unless this party signed ``message`` under ``label``."""
        try:
            self.public_key().verify(signature, _framed(label, message))
        except InvalidSignature:
            raise SignatureError(
                f"A signature is not by {self.name}, or what was signed has been changed.",
                remedy="Do not use it; ask the sender to sign and send it again.",
            ) from None

    def public_key(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.signing)


class Identity:
    """The private side of a card. Its ``repr`` shows the card's fingerprint and nothing else."""

    __slots__ = ("_signing", "_signing_seed", "card", "receiving")

    def __init__(self, name: str, *, signing_seed: bytes, receiving: ReceivingKey) -> None:
        self._signing_seed = signing_seed
        self._signing = Ed25519PrivateKey.from_private_bytes(signing_seed)
        self.receiving = receiving
        self.card = Card(name, self._signing.public_key().public_bytes_raw(), receiving.address)

    @classmethod
    def create(cls, name: str, *, random: Callable[[int], bytes]) -> Identity:
        identity = cls(name, signing_seed=random(32), receiving=ReceivingKey.generate(random))
        Card.from_json(identity.card.to_json())
        return identity

    def __repr__(self) -> str:
        return f"Identity({self.card.name!r}, {self.card.fingerprint[:16]}, private)"

    def sign(self, message: bytes, *, label: str) -> bytes:
        """An Ed25519 signature (64 bytes) of ``message`` under ``label``, good for no other label."""
        return self._signing.sign(_framed(label, message))

    def signing_key(self) -> Ed25519PrivateKey:
        """For ``request`` alone, whose format has no room for a label."""
        return self._signing

    def lock(self, passphrase: str, *, random: Callable[[int], bytes]) -> bytes:
        """The identity file: keys under AES-256-GCM with a key from Argon2id over the passphrase.

        Raises ``IdentityError`` for a passphrase under 12 characters, or with one that nobody types. A lost
        passphrase is final.
        """
        if len(prepared(passphrase)) < MINIMUM_PASSPHRASE:
            raise IdentityError(
                f"The passphrase has fewer than {MINIMUM_PASSPHRASE} characters.", remedy="Use a longer one."
            )
        head = {
            "counterfoil": "identity",
            "version": 1,
            "card": self.card.to_json(),
            "argon2id": {**_ARGON2, "salt": encode(random(_SALT_BYTES))},
        }
        return self.sealed_under(_stretch(passphrase, head), head, random=random)

    @classmethod
    def unlock(cls, data: bytes, passphrase: str, *, where: str) -> Identity:
        """Open an identity file. Raises ``IdentityError`` for another file, damage or a wrong passphrase."""
        head, sealed = parts_of(data, where=where)
        if "argon2id" not in head:
            raise IdentityError(
                "This identity is not locked with a passphrase but with a key of a vault.",
                where=where,
                remedy="Name that key as COUNTERFOIL_BROKER_VAULT_KEY; only the broker opens such a file.",
            )
        return cls.opened_with(
            _stretch(passphrase, head),
            head,
            sealed,
            where=where,
            wrong="the passphrase is wrong, or the file is damaged.",
            remedy="Try again; a lost passphrase cannot be recovered, then make a new identity.",
        )

    def sealed_under(self, key: bytes, head: Mapping[str, Any], *, random: Callable[[int], bytes]) -> bytes:
        """The identity file with this head, its keys under AES-256-GCM with ``key``. For here and ``wrapped`` alone."""
        nonce = random(12)
        private = self._signing_seed + self.receiving.seeds()
        return canonical({**head, "sealed": encode(nonce + AESGCM(key).encrypt(nonce, private, canonical(head)))})

    @classmethod
    def opened_with(
        cls, key: bytes, head: Mapping[str, Any], sealed: bytes, *, where: str, wrong: str, remedy: str
    ) -> Identity:
        """The identity of a file's parts. Raises ``IdentityError``, with what is ``wrong`` if it does not open."""
        try:
            private = AESGCM(key).decrypt(sealed[:12], sealed[12:], canonical(head))
        except InvalidTag:
            raise IdentityError(f"The identity does not open: {wrong}", where=where, remedy=remedy) from None
        identity = cls(head["card"]["name"], signing_seed=private[:32], receiving=ReceivingKey(private[32:]))
        if identity.card.to_json() != head["card"]:
            raise IdentityError("The card is not that of the keys.", where=where, remedy="Restore the file.")
        return identity


def card_of(data: bytes, *, where: str) -> Card:
    """The card inside an identity file, without its passphrase."""
    return Card.from_json(parts_of(data, where=where)[0]["card"], where=where)


def parts_of(data: bytes, *, where: str) -> tuple[dict[str, Any], bytes]:
    """The head of an identity file, which says how it is locked, and what is sealed. Raises ``IdentityError``."""
    refused = IdentityError(
        "This is not an identity file, or it is damaged.", where=where, remedy="Name the file, or restore it."
    )
    try:
        document = parse(data, where=where)
    except KeysError:
        raise refused from None
    if (
        not isinstance(document, dict)
        or set(document) not in ({*_HEAD, "argon2id", "sealed"}, {*_HEAD, "wrapped", "sealed"})
        or document["counterfoil"] != "identity"
        or not is_version(document["version"], 1)
        or not (_are_costs(document.get("argon2id")) or _is_wrapped(document.get("wrapped")))
    ):
        raise refused
    Card.from_json(document["card"], where=where)
    sealed = decode(document.pop("sealed"))
    if len(sealed) != _SEALED_BYTES:
        raise refused
    return document, sealed


def _are_costs(costs: Any) -> bool:
    return (
        isinstance(costs, dict)
        and costs == {**_ARGON2, "salt": costs.get("salt")}
        and len(decode(costs["salt"])) == _SALT_BYTES
    )


def _is_wrapped(wrapped: Any) -> bool:
    """The form alone; ``wrapped`` says what it means."""
    return isinstance(wrapped, dict) and set(wrapped) == {"algorithm", "key", "sealed"}


def _stretch(passphrase: str, head: Mapping[str, Any]) -> bytes:
    argon = Argon2id(
        salt=decode(head["argon2id"]["salt"]),
        length=32,
        iterations=_ARGON2["iterations"],
        lanes=_ARGON2["lanes"],
        memory_cost=_ARGON2["memory_kib"],
    )
    return argon.derive(prepared(passphrase).encode())


def _framed(label: str, message: bytes) -> bytes:
    """Domain separation: no signature made for one purpose can serve for another."""
    return b"counterfoil/v1/" + label.encode() + b"\0" + hashlib.sha512(message).digest()
