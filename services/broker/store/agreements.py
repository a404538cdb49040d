"""Agreements in force, with the broker's receiving address for each."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, null, select, update

from services.broker.store.tables import agreements


def claim(connection: Connection, agreement: str) -> None:
    """Let no other transaction receive this agreement before this one ends: there is no row yet that could be locked.

    SQLite has only one at a time that may write.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(agreement, 0))))


def put(connection: Connection, agreement: str, *, document: Any, receiving: Any, at: str) -> None:
    connection.execute(
        insert(agreements).values(
            id=agreement, document=document, receiving=receiving, received_at=at, destroyed=null()
        )
    )


def get(connection: Connection, agreement: str) -> RowMapping | None:
    return connection.execute(select(agreements).where(agreements.c.id == agreement)).mappings().first()


def standing(connection: Connection) -> Sequence[RowMapping]:
    """Agreements whose data has not been destroyed."""
    return connection.execute(select(agreements).where(agreements.c.destroyed.is_(None))).mappings().all()


def destroyed_ids(connection: Connection) -> Sequence[str]:
    """Agreements whose data have been destroyed."""
    return connection.execute(select(agreements.c.id).where(agreements.c.destroyed.is_not(None))).scalars().all()


def destroyed(connection: Connection, agreement: str, *, receipt: Any) -> None:
    connection.execute(update(agreements).where(agreements.c.id == agreement).values(destroyed=receipt))


def lock(connection: Connection, agreement: str) -> None:
    """Let no other transaction that locks the agreement go on before this one ends."""
    connection.execute(select(agreements.c.id).where(agreements.c.id == agreement).with_for_update())


def is_destroyed(connection: Connection, agreement: str) -> bool:
    """Whether its data have been; ask in the transaction of whatever must not begin after that.

    Locks the agreement until the transaction ends, so that none that asks comes between.
    """
    query = select(agreements.c.destroyed).where(agreements.c.id == agreement).with_for_update()
    return connection.execute(query).scalar() is not None


def all_documents(connection: Connection, *, but: Collection[str] = ()) -> Iterator[Any]:
    """Every agreement but those of these ids."""
    for agreement in connection.execute(select(agreements.c.id)).scalars().all():
        if agreement not in but:
            yield connection.execute(select(agreements.c.document).where(agreements.c.id == agreement)).scalar_one()
