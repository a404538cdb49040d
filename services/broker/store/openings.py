"""Which holders have opened their control rows to a run: their statements, not the rows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, insert, select

from services.broker.store.tables import openings


def put(connection: Connection, *, run: str, holder: str, statement: Any) -> None:
    connection.execute(insert(openings).values(run=run, holder=holder, statement=statement))


def of_run(connection: Connection, run: str) -> Sequence[str]:
    """The names of the holders, in their order."""
    query = select(openings.c.holder).where(openings.c.run == run).order_by(openings.c.holder)
    return connection.execute(query).scalars().all()
