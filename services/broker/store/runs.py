"""Runs and their states."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select, update

from services.broker.store.tables import approvals, runs


def put(connection: Connection, **values: Any) -> None:
    connection.execute(insert(runs).values(**values))


def get(connection: Connection, run: str) -> RowMapping | None:
    return connection.execute(select(runs).where(runs.c.id == run)).mappings().first()


def of_agreement(connection: Connection, agreement: str) -> Sequence[RowMapping]:
    """Oldest first."""
    query = select(runs).where(runs.c.agreement == agreement).order_by(runs.c.started_at, runs.c.id)
    return connection.execute(query).mappings().all()


def change(connection: Connection, run: str, *, at: str, **values: Any) -> None:
    connection.execute(update(runs).where(runs.c.id == run).values(changed_at=at, **values))


def approve(connection: Connection, *, run: str, holder: str, statement: Any) -> None:
    connection.execute(insert(approvals).values(run=run, holder=holder, statement=statement))


def approved_by(connection: Connection, run: str) -> Sequence[str]:
    """The names of the holders whose IG leads have approved."""
    query = select(approvals.c.holder).where(approvals.c.run == run).order_by(approvals.c.holder)
    return connection.execute(query).scalars().all()


def unfinished(connection: Connection) -> Sequence[RowMapping]:
    """Runs that wait for the broker, oldest first."""
    query = select(runs).where(runs.c.state.in_(("accepted", "approved"))).order_by(runs.c.started_at)
    return connection.execute(query).mappings().all()
