"""Checkpoints of the audit log as parties have countersigned them."""

from collections.abc import Sequence

from sqlalchemy import Connection, delete, insert, select

from services.broker.store.tables import countersignatures


def put(connection: Connection, *, agreement: str, signer: str, size: int, note: str) -> None:
    """Keep the note; one of the same party and size is replaced. For whoever has locked the agreement."""
    table = countersignatures
    connection.execute(
        delete(table).where(table.c.agreement == agreement, table.c.signer == signer, table.c.size == size)
    )
    connection.execute(insert(table).values(agreement=agreement, signer=signer, size=size, note=note))


def of_agreement(connection: Connection, agreement: str) -> Sequence[str]:
    """The notes, by size and signer."""
    table = countersignatures
    query = select(table.c.note).where(table.c.agreement == agreement).order_by(table.c.size, table.c.signer)
    return connection.execute(query).scalars().all()
