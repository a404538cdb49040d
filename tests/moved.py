"""The broker's tables at a version of one's choice, on either database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import alembic.command

from services.broker.store.database import Store
from services.broker.store.schema import configuration
from tests.postgres import postgres

DATABASES = ("sqlite", "postgresql")


@contextmanager
def opened(database: str, folder: Path) -> Iterator[Store]:
    """A store without tables; SQLite's is a file in ``folder``."""
    if database == "sqlite":
        with closing(Store(f"sqlite:///{folder / 'broker.sqlite'}")) as store:
            yield store
        return
    with postgres() as server, closing(Store(server.make_database("tables"))) as store:
        yield store


def move(store: Store, version: str, *, up: bool) -> None:
    """Bring the tables up or down to a version."""
    config = configuration()
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        (alembic.command.upgrade if up else alembic.command.downgrade)(config, version)
        connection.commit()
