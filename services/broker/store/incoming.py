"""Uploads of which not all parts are here yet. The parts are files; this is what was announced."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, insert, select, update

from services.broker.store.tables import incoming


def put(connection: Connection, **values: Any) -> None:
    connection.execute(insert(incoming).values(**values))


def find(connection: Connection, *, agreement: str, holder: str, sha256: str) -> RowMapping | None:
    query = select(incoming).where(
        incoming.c.agreement == agreement, incoming.c.holder == holder, incoming.c.sha256 == sha256
    )
    return connection.execute(query).mappings().first()


def of_agreement(connection: Connection, agreement: str) -> Sequence[RowMapping]:
    """Those longest untouched first."""
    query = select(incoming).where(incoming.c.agreement == agreement).order_by(incoming.c.touched_at, incoming.c.id)
    return connection.execute(query).mappings().all()


def in_agreements(connection: Connection) -> Sequence[str]:
    """The ids of agreements that have any."""
    return connection.execute(select(incoming.c.agreement).distinct()).scalars().all()


def touch(connection: Connection, id_: str, *, at: str) -> bool:
    """Note that a part came. False if it has been given up."""
    return connection.execute(update(incoming).where(incoming.c.id == id_).values(touched_at=at)).rowcount > 0


def forget(connection: Connection, *ids: str) -> None:
    connection.execute(delete(incoming).where(incoming.c.id.in_(ids)))
