"""The folder of one party in one agreement: what it was given, what it keeps sealed to itself, what it made."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoder.errors import InputError
from keys.agreement import Agreement, Party, Role
from keys.canonical import canonical, parse
from keys.envelope import open_bytes, seal_bytes
from keys.errors import AgreementError
from keys.files import Files, write_whole
from keys.identity import Identity
from keys.kinds import Declared, Sealed
from keys.receiving import ReceivingAddress
from keys.statement import Statement

_KIND = re.compile(r"[A-Za-z0-9 _-]{1,100}")


@dataclass(frozen=True)
class Workspace:
    """File names in ``root``. Nothing in it but ``results`` and the joined files may be shown to others."""

    root: Path

    @property
    def identity(self) -> Path:
        return self.root / "identity.json"

    @property
    def agreement(self) -> Path:
        return self.root / "agreement.json"

    @property
    def upload(self) -> Path:
        return self.root / "upload.sealed"

    @property
    def rejected(self) -> Path:
        """Rows and values of the newest upload that were left out."""
        return self.root / "rejected.csv"

    @property
    def written(self) -> tuple[Path, Path]:
        """What encoding writes beside the list of what was left out."""
        return self.upload, self._kept(Sealed.HANDLES)

    @property
    def receipt(self) -> Path:
        return self.root / "receipt.json"

    @property
    def log(self) -> Path:
        return self.root / "log.json"

    @property
    def checkpoint(self) -> Path:
        """The newest checkpoint of the audit log that this party has countersigned."""
        return self.root / "checkpoint.note"

    @property
    def destruction(self) -> Path:
        """The broker's receipt that it has destroyed the data."""
        return self.root / "destruction.json"

    @property
    def results(self) -> Path:
        return self.root / "results.csv"

    def save_agreement(self, agreement: Agreement, receiving: Any) -> None:
        """Keep the signed agreement and the broker's receiving key, once both have been checked."""
        check_receiving(agreement, receiving)
        document = {"agreement": agreement.to_json(), "receiving": receiving}
        write_whole(self.agreement, canonical(document), replace=True)

    def load_agreement(self) -> tuple[Agreement, ReceivingAddress]:
        """Raises when the file is missing, has been changed, or is signed by others than its parties."""
        where = str(self.agreement)
        try:
            document = parse(self.agreement.read_bytes(), where=where)
        except OSError:
            raise InputError(
                "There is no agreement here.", where=where, remedy="Fetch it from the broker first."
            ) from None
        if not isinstance(document, dict) or set(document) != {"agreement", "receiving"}:
            raise AgreementError("This is not a kept agreement.", where=where, remedy="Fetch it from the broker again.")
        agreement = Agreement.from_json(document["agreement"])
        return agreement, check_receiving(agreement, document["receiving"])

    def keep(
        self,
        kind: str,
        payload: bytes,
        *,
        agreement: str,
        identity: Identity,
        random: Callable[[int], bytes],
        files: Files | None = None,
    ) -> None:
        """Keep something secret, sealed to the party itself, mode 0600; with ``files``, if all of them are written."""
        sealed = seal_bytes(
            payload,
            kind=kind,
            agreement=agreement,
            sender=identity,
            receiver=identity.card.receiving,
            random=random,
        )
        if files is None:
            write_whole(self._kept(kind), sealed, replace=True, private=True)
        else:
            files.open(self._kept(kind), replace=True, private=True).write(sealed)

    def recall(self, kind: str, *, agreement: str, identity: Identity) -> bytes:
        """What ``keep`` kept. Raises ``InputError`` when there is nothing."""
        path = self._kept(kind)
        if not path.is_file():
            raise InputError(
                f"There is no {kind} here.", where=str(path), remedy="Do the step of the linkage that makes it first."
            )
        _, payload = open_bytes(
            path.read_bytes(), kind=kind, agreement=agreement, sender=identity.card, key=identity.receiving
        )
        return payload

    def forget(self, kind: str) -> None:
        """Delete what ``keep`` kept, if there is anything."""
        self._kept(kind).unlink(missing_ok=True)

    def keeps(self, kind: str) -> bool:
        return self._kept(kind).is_file()

    def _kept(self, kind: str) -> Path:
        if not _KIND.fullmatch(kind):  # the id of a run, which is part of a kind, comes from the command line
            raise InputError(
                "This cannot be the id of a run.",
                where=kind,
                remedy="Copy the id that `counterfoil start` printed: letters, digits and hyphens.",
            )
        return self.root / f"{kind.replace(' ', '-')}.sealed"


def check_receiving(agreement: Agreement, document: Any) -> ReceivingAddress:
    """The broker's receiving address for this agreement, if the agreement's own broker signed it."""
    body = Statement.from_json(document).verify(agreement.sole(Role.BROKER).card, kind=Declared.RECEIVING_KEY)
    if body.get("agreement") != agreement.id:
        raise AgreementError(
            "The broker's receiving key is for another agreement.", remedy="Fetch the agreement from the broker again."
        )
    return ReceivingAddress.from_json(body.get("receiving"))


def own_party(agreement: Agreement, identity: Identity, role: Role) -> Party:
    """The party that this identity is. Raises ``AgreementError`` if it has not that role."""
    party = agreement.party(identity.card.fingerprint)
    if party is None or party.role is not role:
        raise AgreementError(
            f"{identity.card.name} is not a {role} in this agreement.",
            remedy="Use the identity whose card is in the agreement.",
        )
    return party
