"""The audit log of each agreement: its entries, numbered from 1 without a gap, and a checkpoint after each."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, insert, select

from services.broker.store import agreements
from services.broker.store.tables import events


def append(connection: Connection, *, agreement: str, number: int, leaf: bytes, checkpoint: str) -> None:
    """Write the next entry in the transaction of the change that it records."""
    connection.execute(insert(events).values(agreement=agreement, number=number, leaf=leaf, checkpoint=checkpoint))


def leaves(connection: Connection, agreement: str) -> Sequence[bytes]:
    """All entries so far. Locks the log, so that no other transaction appends to it before this one ends."""
    agreements.lock(connection, agreement)
    query = select(events.c.leaf).where(events.c.agreement == agreement).order_by(events.c.number)
    return connection.execute(query).scalars().all()


def of_agreement(connection: Connection, agreement: str) -> Sequence[RowMapping]:
    """``leaf`` and ``checkpoint`` of every entry, in order."""
    query = select(events).where(events.c.agreement == agreement).order_by(events.c.number)
    return connection.execute(query).mappings().all()
