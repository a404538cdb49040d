"""What the broker's rooms share: settings, database, storage, its identity, a clock and randomness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection

from keys.agreement import Agreement, Party
from keys.envelope import open_bytes, seal_bytes
from keys.files import write_whole
from keys.identity import Card, Identity
from keys.kinds import Sealed
from keys.receiving import ReceivingKey
from services.broker.destruction.destroyed import Destroyed
from services.broker.errors import Conflict, NotFound
from services.broker.files.storage import Storage, erase
from services.broker.settings import Settings
from services.broker.store import agreements
from services.broker.store.database import Store


@dataclass(frozen=True)
class Office:
    """One broker. Its clock and its randomness are arguments, so that tests can hold them still."""

    settings: Settings
    identity: Identity
    store: Store
    storage: Storage
    now: Callable[[], datetime]
    random: Callable[[int], bytes]
    _cards: dict[str, Card] = field(default_factory=dict, repr=False)
    _read: set[str] = field(default_factory=set, repr=False)

    @property
    def destroyed(self) -> Destroyed:
        """What the database may not know of, if it was restored from a backup."""
        return Destroyed(self.settings.destroyed)

    def stamp(self) -> str:
        """Now, as the database and statements write it: UTC, microseconds, sorts as text."""
        return self.now().astimezone(UTC).isoformat(timespec="microseconds")

    def agreement(self, agreement: str) -> Agreement:
        """Raises ``NotFound``."""
        with self.store.transaction("read agreement") as connection:
            row = agreements.get(connection, agreement)
        if row is None:
            raise NotFound
        return Agreement.from_json(row["document"])

    def member(self, agreement: str, fingerprint: str) -> tuple[Agreement, Party]:
        """The agreement and the caller's part in it; ``NotFound`` also for one that is not the caller's."""
        found = self.agreement(agreement)
        party = found.party(fingerprint)
        if party is None:
            raise NotFound
        return found, party

    def require_kept(self, connection: Connection, agreement: str) -> None:
        """Raises ``Conflict`` once the agreement's data have been destroyed: nothing begins again after that.

        In the transaction that begins something, so that destruction cannot come between.
        """
        if agreements.is_destroyed(connection, agreement) or agreement in self.destroyed:
            raise _destroyed()

    def card(self, fingerprint: str) -> Card | None:
        """The card of any party of any agreement here. Agreements never change, so each is read once."""
        if fingerprint not in self._cards:
            with self.store.transaction("read cards") as connection:
                for document in agreements.all_documents(connection, but=self._read):
                    agreement = Agreement.from_json(document)
                    self._cards.update((party.card.fingerprint, party.card) for party in agreement.parties)
                    self._read.add(agreement.id)
        return self._cards.get(fingerprint)

    def new_receiving_key(self, agreement: str) -> ReceivingKey:
        """A fresh key for one agreement, in a file of its own that only this broker's identity opens.

        One that is there already was made just before a crash, and serves. Raises ``Conflict`` once the agreement's
        data have been destroyed.
        """
        if agreement in self.destroyed:
            raise _destroyed()
        path = self._key_path(agreement)
        if path.is_file():
            return self.receiving_key(agreement)
        key = ReceivingKey.generate(self.random)
        sealed = seal_bytes(
            key.seeds(),
            kind=Sealed.RECEIVING_KEY,
            agreement=agreement,
            sender=self.identity,
            receiver=self.identity.card.receiving,
            random=self.random,
        )
        path.parent.mkdir(mode=0o700, exist_ok=True)
        write_whole(path, sealed, private=True)
        return key

    def receiving_key(self, agreement: str) -> ReceivingKey:
        """The key that opens this agreement's uploads; ``NotFound`` once it is destroyed."""
        path = self._key_path(agreement)
        if not path.is_file():
            raise NotFound
        card = self.identity.card
        _, seeds = open_bytes(
            path.read_bytes(), kind=Sealed.RECEIVING_KEY, agreement=agreement, sender=card, key=self.identity.receiving
        )
        return ReceivingKey(seeds)

    def destroy_receiving_key(self, agreement: str) -> None:
        """After this nothing that was sealed to it opens again, here or in any copy of the storage."""
        self.destroyed.begin(agreement)
        erase(self._key_path(agreement))

    def _key_path(self, agreement: str) -> Path:
        return self.settings.receiving_keys / f"{agreement}.sealed"


def _destroyed() -> Conflict:
    return Conflict("The data of this agreement have been destroyed.", remedy="Make and sign a new agreement.")
