"""The linkage secret of one agreement, made of one contribution from every holder."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.errors import SecretError

CONTRIBUTION_BYTES = 32


class Secret:
    """32 bytes that only the holders of one agreement know. Shows nothing, compares in constant time."""

    __slots__ = ("_key", "agreement")

    def __init__(self, key: bytes, *, agreement: str) -> None:
        if len(key) != 32:
            raise SecretError("A linkage secret has the wrong length.", remedy="Receive all contributions again.")
        self._key = key
        self.agreement = agreement

    def __repr__(self) -> str:
        return f"Secret(agreement {self.agreement[:16]})"

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Secret)
            and self.agreement == other.agreement
            and hmac.compare_digest(self._key, other._key)
        )

    def __hash__(self) -> int:
        return hash(self.agreement)

    def __reduce__(self) -> NoReturn:
        raise SecretError("A linkage secret is never pickled.", remedy="Derive subkeys and pass those.")

    def key(self) -> bytes:
        """For ``derive`` and for sealing to the holder itself, and nowhere else."""
        return self._key


def combine(contributions: Mapping[str, bytes], *, agreement: str) -> Secret:
    """HKDF-Extract (RFC 5869) with the agreement id as salt over all contributions by card fingerprint.

    ``contributions``: fingerprint of the holder's card -> its 32 bytes, the own one included. Raises
    ``SecretError`` for fewer than two, a wrong length, or the same bytes twice.
    """
    if len(contributions) < 2:
        raise SecretError(
            "A linkage secret needs a contribution from every holder.",
            remedy="Wait until the others have contributed, then receive again.",
        )
    if any(len(part) != CONTRIBUTION_BYTES for part in contributions.values()):
        raise SecretError("A contribution has the wrong length.", remedy="Ask its holder to contribute again.")
    if len(set(contributions.values())) != len(contributions):
        raise SecretError(
            "Two holders contributed the same bytes.",
            remedy="Start a new agreement with fresh contributions.",
        )
    material = b"".join(contributions[fingerprint] for fingerprint in sorted(contributions))
    key = HKDF.extract(hashes.SHA256(), bytes.fromhex(agreement), material)
    return Secret(key, agreement=agreement)
