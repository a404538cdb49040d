"""Uploads that are not accepted yet. The parts are files; this is what was announced, and how far it is."""

from collections.abc import Collection, Mapping, Sequence
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


def get(connection: Connection, id_: str) -> RowMapping | None:
    return connection.execute(select(incoming).where(incoming.c.id == id_)).mappings().first()


def in_states(connection: Connection, states: Collection[str]) -> Sequence[str]:
    """The ids of all that are in one of some states, those longest untouched first."""
    query = select(incoming.c.id).where(incoming.c.state.in_([str(one) for one in states]))
    query = query.order_by(incoming.c.touched_at, incoming.c.id)
    return connection.execute(query).scalars().all()


def of_agreement(connection: Connection, agreement: str) -> Sequence[RowMapping]:
    """Those longest untouched first."""
    query = select(incoming).where(incoming.c.agreement == agreement).order_by(incoming.c.touched_at, incoming.c.id)
    return connection.execute(query).mappings().all()


def in_agreements(connection: Connection) -> Sequence[str]:
    """The ids of agreements that have any."""
    return connection.execute(select(incoming.c.agreement).distinct()).scalars().all()


def touch(connection: Connection, id_: str, *, at: str) -> None:
    """Note that a part comes."""
    connection.execute(update(incoming).where(incoming.c.id == id_).values(touched_at=at))


def move(
    connection: Connection,
    id_: str,
    *,
    before: Collection[str],
    to: str,
    at: str,
    problem: Mapping[str, str] | None = None,
) -> bool:
    """Bring one to another state. False if it is gone, or was in none of the states ``before``."""
    query = update(incoming).where(incoming.c.id == id_, incoming.c.state.in_([str(one) for one in before]))
    return connection.execute(query.values(state=str(to), touched_at=at, problem=problem)).rowcount > 0


def forget(connection: Connection, *ids: str) -> None:
    connection.execute(delete(incoming).where(incoming.c.id.in_(ids)))
