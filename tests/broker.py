"""A broker of the tests, on either database: how one is started, and what is behind its doors."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from encoder.workspace import Workspace
from keys.identity import Identity
from services.broker.app import open_office
from services.broker.office import Office
from services.broker.settings import Settings
from services.broker.store.database import Store
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import launch


@dataclass(frozen=True, repr=False)
class Broker:
    """A broker that answers at ``url``; all that it keeps lies where its settings say."""

    identity: Identity
    settings: Settings
    url: str

    @property
    def home(self) -> Path:
        return self.settings.home

    @contextmanager
    def office(self, **changes: Any) -> Iterator[Office]:
        """Its office, opened in this process as well, with some settings changed."""
        office = open_office(self.settings.model_copy(update=changes), self.identity)
        with closing(office.store):
            yield office

    @contextmanager
    def tables(self) -> Iterator[Connection]:
        """Its database, in one transaction, past all that it does: as whoever runs the database has it."""
        settings = self.settings
        with (
            closing(Store(settings.database, password_file=settings.database_password_file)) as store,
            store.transaction("a test's own") as connection,
        ):
            yield connection


@contextmanager
def started(
    home: Path, *, work: bool = True, trusting: ssl.SSLContext | None = None, **settings: Any
) -> Iterator[Broker]:
    """A broker of its own in a process of its own, with these settings; ``work`` and ``trusting`` as for ``launch``."""
    identity = gather([]).broker
    passphrase = write_identity(Workspace(home), identity)
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(f"COUNTERFOIL_BROKER_{name.upper()}", str(value))
        launched = launch(home, passphrase=passphrase, work=work, trusting=trusting)
        broker = Broker(identity, Settings(home=home), launched.url)
    try:
        yield broker
    finally:
        launched.stop()
