"""Receiving keys: what a message is sealed to.

HPKE (RFC 9180) base mode with the hybrid KEM MLKEM768_X25519, HKDF-SHA256 and ChaCha20-Poly1305. Base mode
does not say who sealed: ``envelope`` signs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.canonical import digest
from keys.errors import EnvelopeError, IdentityError

SUITE = "HPKE-MLKEM768_X25519-HKDF_SHA256-CHACHA20_POLY1305"
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
SEED_BYTES = 64 + 32


@dataclass(frozen=True)
class ReceivingAddress:
    """The public half: raw ML-KEM-768 (1,184 bytes) and X25519 (32 bytes) keys."""

    mlkem768: bytes
    x25519: bytes

    def to_json(self) -> dict[str, str]:
        return {"mlkem768": encode(self.mlkem768), "x25519": encode(self.x25519)}

    @classmethod
    def from_json(cls, document: Any) -> ReceivingAddress:
        """Raises ``IdentityError`` when the document is not a pair of keys of the right form."""
        if not isinstance(document, Mapping) or set(document) != {"mlkem768", "x25519"}:
            raise _bad_address()
        address = cls(decode(document["mlkem768"]), decode(document["x25519"]))
        address._public_key()
        return address

    @property
    def key_id(self) -> str:
        """SHA-256 over the canonical JSON of the address."""
        return digest(self.to_json())

    def seal(self, plaintext: bytes, *, info: bytes) -> bytes:
        """Raises ``IdentityError`` for keys that nothing can be sealed to."""
        try:
            return _SUITE.encrypt(plaintext, self._public_key(), info)
        except ValueError:  # an X25519 key of low order: the shared secret would be known to all
            raise _bad_address() from None

    def _public_key(self) -> hpke.MLKEM768X25519PublicKey:
        try:
            return hpke.MLKEM768X25519PublicKey(
                mlkem.MLKEM768PublicKey.from_public_bytes(self.mlkem768),
                x25519.X25519PublicKey.from_public_bytes(self.x25519),
            )
        except ValueError:
            raise _bad_address() from None


class ReceivingKey:
    """The private half, kept as its two seeds because the hybrid key gives no bytes of its own."""

    __slots__ = ("_mlkem", "_seeds", "_x25519", "address")

    def __init__(self, seeds: bytes) -> None:
        if len(seeds) != SEED_BYTES:
            raise IdentityError("A receiving key has the wrong length.", remedy="Restore the file from backup.")
        self._seeds = seeds
        self._mlkem = mlkem.MLKEM768PrivateKey.from_seed_bytes(seeds[:64])
        self._x25519 = x25519.X25519PrivateKey.from_private_bytes(seeds[64:])
        self.address = ReceivingAddress(
            self._mlkem.public_key().public_bytes_raw(), self._x25519.public_key().public_bytes_raw()
        )

    @classmethod
    def generate(cls, random: Callable[[int], bytes]) -> ReceivingKey:
        return cls(random(SEED_BYTES))

    def __repr__(self) -> str:
        return f"ReceivingKey({self.address.key_id[:16]}, private)"

    def open(self, sealed: bytes, *, info: bytes) -> bytes:
        """Raises ``EnvelopeError`` when this key or ``info`` is not the one it was sealed with."""
        try:
            return _SUITE.decrypt(sealed, hpke.MLKEM768X25519PrivateKey(self._mlkem, self._x25519), info)
        except (InvalidTag, ValueError):
            raise EnvelopeError(
                "The sealed key does not open with this receiving key.",
                remedy="Check that the file was sealed for this party and this agreement.",
            ) from None

    def seeds(self) -> bytes:
        """The 96 secret bytes to keep in an encrypted file, and nowhere else."""
        return self._seeds

    def storage_key(self, label: str) -> bytes:
        """32 bytes for encrypting what is kept beside this key; gone when the key is destroyed."""
        info = b"counterfoil/v1/storage/" + label.encode()
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(self._seeds)


def encode(data: bytes) -> str:
    """Base64url without padding, as every document of ours writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: Any) -> bytes:
    """The bytes of strict base64url without padding. Raises ``IdentityError`` for anything else."""
    if isinstance(text, str):
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            data = None
        if data is not None and encode(data) == text:
            return data
    raise IdentityError("A value is not base64url.", remedy="Get the document again from whoever sent it.")


def _bad_address() -> IdentityError:
    return IdentityError("A receiving address is not valid.", remedy="Ask its owner for the card again.")
