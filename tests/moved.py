"""The broker's tables at a version of one's choice, on either database."""

from __future__ import annotations

import alembic.command

from services.broker.store.database import Store
from services.broker.store.schema import configuration


def move(store: Store, version: str, *, up: bool) -> None:
    """Bring the tables up or down to a version."""
    config = configuration()
    with store.engine.connect() as connection:
        config.attributes["connection"] = connection
        (alembic.command.upgrade if up else alembic.command.downgrade)(config, version)
        connection.commit()
