"""The broker's identity, opened with a passphrase or with a key of a vault, as its file says."""

from __future__ import annotations

import os
import time
from pathlib import Path

from keys.errors import IdentityError
from keys.identity import Identity
from keys.passphrase import read_passphrase
from keys.wrapped import unlock_wrapped, wrapped_in
from services.broker.identity.vault import VaultKey
from services.broker.identity.vault_token import token_from
from services.broker.settings import Settings


def identity_data(settings: Settings) -> bytes:
    """The identity file. Raises ``IdentityError`` where there is none."""
    if not settings.identity_file.is_file():
        raise IdentityError(
            "There is no identity of a broker here.",
            where=str(settings.identity_file),
            remedy="Name the folder that holds the broker's identity.json.",
        )
    return settings.identity_file.read_bytes()


def unlock(settings: Settings, passphrase_file: Path | None) -> Identity:
    """Raises ``IdentityError`` or ``VaultError``. Asks for a passphrase only where the file needs one."""
    return unlock_data(identity_data(settings), settings, passphrase_file)


def unlock_data(data: bytes, settings: Settings, passphrase_file: Path | None) -> Identity:
    where = str(settings.identity_file)
    if wrapped_in(data, where=where) is None:
        return Identity.unlock(data, read_passphrase(file=passphrase_file), where=where)
    if settings.vault_key is None:
        raise IdentityError(
            "The identity is locked with a key of a vault, and this broker is not told which vault to trust.",
            where=where,
            remedy="Set COUNTERFOIL_BROKER_VAULT_KEY to the address of that key.",
        )
    return unlock_wrapped(data, open_vault(settings.vault_key).unwrap, where=where)


def open_vault(address: str) -> VaultKey:
    """The vault's key, asked for with this machine's own identity. Raises ``VaultError`` for what is no address."""
    return VaultKey(address, token=lambda audience: token_from(os.environ, audience), sleep=time.sleep)
