"""``counterfoil-broker rewrap``: the broker's identity, locked anew. The keys in it stay the same."""

from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import Annotated

import typer

from keys.errors import IdentityError
from keys.files import write_whole
from keys.identity import Identity
from keys.passphrase import read_passphrase
from keys.wrapped import lock_wrapped, unlock_wrapped
from services.broker.cli import Home, PassphraseFile
from services.broker.identity.unlocking import identity_data, open_vault, unlock_data
from services.broker.settings import Settings


def rewrap(
    home: Home,
    passphrase_file: PassphraseFile = None,
    lock_with: Annotated[
        Path | None, typer.Option(help="Lock it with the passphrase in this file: its first line.")
    ] = None,
    vault_key: Annotated[
        str | None, typer.Option(help="Lock it with the newest version of this key of an Azure Key Vault.")
    ] = None,
) -> None:
    """Lock the broker's identity anew: with another passphrase, or with a key of a vault. Its card stays the same, so
    agreements and runs go on. Older copies of the file still open as before.

    Example: counterfoil-broker rewrap --home broker --vault-key https://example.vault.azure.net/keys/broker
    """
    if (lock_with is None) == (vault_key is None):
        raise IdentityError(
            "It is not clear what to lock the identity with.",
            remedy="Give either --lock-with or --vault-key.",
        )
    settings = Settings(home=home)
    path, where = settings.identity_file, str(settings.identity_file)
    identity = unlock_data(identity_data(settings), settings, passphrase_file)
    if vault_key is not None:
        vault = open_vault(vault_key)
        data = lock_wrapped(identity, vault.wrap, random=secrets.token_bytes)
        again = unlock_wrapped(data, vault.unwrap, where=where)
    else:
        passphrase = read_passphrase(file=lock_with)
        data = identity.lock(passphrase, random=secrets.token_bytes)
        again = Identity.unlock(data, passphrase, where=where)
    if again.card != identity.card:  # before the file that surely opens is replaced
        raise IdentityError("The identity would not open again.", where=where, remedy="Nothing was changed. Try again.")
    write_whole(path, data, replace=True, private=True)
    sys.stderr.write(f"{where} is locked anew. Broker {identity.card.name}, fingerprint {identity.card.fingerprint}\n")
    if vault_key is not None:
        sys.stderr.write(f"Set COUNTERFOIL_BROKER_VAULT_KEY={vault_key} wherever the broker runs.\n")
    sys.stderr.write("Copies of the file from before still open with what locked them: destroy them and their key.\n")
