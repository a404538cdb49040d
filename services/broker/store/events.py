"""The audit log's leaves, numbered from 0 without a gap."""

from sqlalchemy import Connection, func, insert, select

from services.broker.store.tables import events


def append(connection: Connection, leaf: bytes) -> int:
    """Write the next leaf in the transaction of the change that it records."""
    number = connection.execute(select(func.count()).select_from(events)).scalar_one()
    connection.execute(insert(events).values(number=number, leaf=leaf))
    return int(number)


def leaves(connection: Connection) -> list[bytes]:
    return list(connection.execute(select(events.c.leaf).order_by(events.c.number)).scalars())
