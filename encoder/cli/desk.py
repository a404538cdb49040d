"""What every command of a party needs: its folder, its unlocked identity, the agreement, the broker's door."""

from __future__ import annotations

import secrets
import time
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.files import read_file
from encoder.cli.layout import say
from encoder.door import Door
from encoder.patience import Patience
from encoder.workspace import Workspace
from keys.agreement import Agreement, Party, Role
from keys.errors import AgreementError
from keys.identity import Identity
from keys.passphrase import read_passphrase
from keys.receiving import ReceivingAddress

Folder = Annotated[Path, typer.Option(help="This party's folder for this agreement, with its identity.json.")]
PassphraseFile = Annotated[Path | None, typer.Option(help="File with the passphrase; else it is asked for.")]
PassphraseFd = Annotated[int | None, typer.Option(help="Open file descriptor to read the passphrase from.")]
Broker = Annotated[str, typer.Option(help="The broker's address, for example https://broker.example.")]
Run = Annotated[str, typer.Argument(help="The run's id, as `counterfoil start` printed it.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
HERE = Path()


def unlock(folder: Path, passphrase_file: Path | None, passphrase_fd: int | None) -> Identity:
    """The identity in the folder. Raises ``IdentityError`` or ``InputError``."""
    path = Workspace(folder).identity
    data = read_file(path)
    return Identity.unlock(data, read_passphrase(file=passphrase_file, descriptor=passphrase_fd), where=str(path))


@dataclass(frozen=True, repr=False)
class Desk:
    """One party at work on one agreement."""

    workspace: Workspace
    identity: Identity
    agreement: Agreement
    receiving: ReceivingAddress
    party: Party

    @classmethod
    def open(cls, folder: Path, passphrase_file: Path | None, passphrase_fd: int | None) -> Desk:
        """The party whose identity and agreement lie in the folder; the agreement must be in force."""
        return cls._open(folder, passphrase_file, passphrase_fd, in_force=True)

    @classmethod
    def open_expired(cls, folder: Path, passphrase_file: Path | None, passphrase_fd: int | None) -> Desk:
        """The same for an agreement that may have expired: for looking at what happened."""
        return cls._open(folder, passphrase_file, passphrase_fd, in_force=False)

    @classmethod
    def _open(cls, folder: Path, passphrase_file: Path | None, passphrase_fd: int | None, *, in_force: bool) -> Desk:
        workspace = Workspace(folder)
        agreement, receiving = workspace.load_agreement()
        if in_force:
            agreement.require_in_force(datetime.now(UTC))
        identity = unlock(folder, passphrase_file, passphrase_fd)
        party = agreement.party(identity.card.fingerprint)
        if party is None:
            raise AgreementError(
                f"{identity.card.name} is not a party to this agreement.",
                where=str(folder),
                remedy="Use the identity whose card is in the agreement.",
            )
        return cls(workspace, identity, agreement, receiving, party)

    def door(self, broker: str) -> AbstractContextManager[Door]:
        return door(broker, self.identity, self.agreement)


def door(broker: str, identity: Identity, agreement: Agreement) -> AbstractContextManager[Door]:
    """Requests signed by this identity for the agreement's broker; closed at the end of the block."""
    return closing(
        Door(
            broker,
            identity=identity,
            broker=agreement.sole(Role.BROKER).card.fingerprint,
            now=lambda: datetime.now(UTC),
            random=secrets.token_bytes,
        )
    )


def patience() -> Patience:
    """For requests that may be sent twice; says on stderr what it waits for."""
    return Patience(time.sleep, say)
