"""Identity files without a passphrase: locked with a key that a vault keeps, and that never leaves the vault.

A fresh key of 32 bytes seals the identity, as one from a passphrase would. It stands in the file wrapped by the vault
(RSA-OAEP-256), so whoever has the file, or a backup of it, has nothing without the vault. What the vault is, and how it
is asked, is the caller's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from keys.errors import IdentityError
from keys.identity import Identity, parts_of
from keys.receiving import decode, encode

ALGORITHM = "RSA-OAEP-256"
_KEY_BYTES = 32


@dataclass(frozen=True)
class Wrapped:
    """A key that only the vault's key named ``key``, in this very version, unwraps."""

    key: str
    sealed: bytes = field(repr=False)


Wrap = Callable[[bytes], Wrapped]
Unwrap = Callable[[Wrapped], bytes]


def lock_wrapped(identity: Identity, wrap: Wrap, *, random: Callable[[int], bytes]) -> bytes:
    """The identity file, locked with a fresh key that the vault wraps. Lets the errors of ``wrap`` through."""
    key = random(_KEY_BYTES)
    wrapped = wrap(key)
    head = {
        "counterfoil": "identity",
        "version": 1,
        "card": identity.card.to_json(),
        "wrapped": {"algorithm": ALGORITHM, "key": wrapped.key, "sealed": encode(wrapped.sealed)},
    }
    return identity.sealed_under(key, head, random=random)


def wrapped_in(data: bytes, *, where: str) -> Wrapped | None:
    """What an identity file is locked with; None if that is a passphrase. Raises ``IdentityError``."""
    head, _ = parts_of(data, where=where)
    if "wrapped" not in head:
        return None
    wrapped = head["wrapped"]
    if wrapped["algorithm"] != ALGORITHM or not isinstance(wrapped["key"], str):
        raise IdentityError(
            "The identity is locked in a way that this software does not know.",
            where=where,
            remedy="Use a current version, or restore the file.",
        )
    return Wrapped(wrapped["key"], decode(wrapped["sealed"]))


def unlock_wrapped(data: bytes, unwrap: Unwrap, *, where: str) -> Identity:
    """Open a file that ``wrapped_in`` finds locked by a vault. Raises ``IdentityError`` for damage or another key, and
    lets the errors of ``unwrap`` through."""
    wrong, remedy = "it is damaged, or was locked with another key.", "Restore the file from a backup."
    wrapped = wrapped_in(data, where=where)
    if wrapped is None:
        raise IdentityError("This identity is locked with a passphrase.", where=where, remedy="Give its passphrase.")
    key = unwrap(wrapped)
    if len(key) != _KEY_BYTES:
        raise IdentityError(f"The identity does not open: {wrong}", where=where, remedy=remedy)
    head, sealed = parts_of(data, where=where)
    return Identity.opened_with(key, head, sealed, where=where, wrong=wrong, remedy=remedy)
