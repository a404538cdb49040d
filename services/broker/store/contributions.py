"""Sealed contributions to linkage secrets, which the broker relays and cannot open."""

from sqlalchemy import Connection, delete, insert, select

from services.broker.store.tables import contributions


def put(connection: Connection, *, agreement: str, sender: str, receiver: str, sealed: bytes) -> None:
    connection.execute(
        insert(contributions).values(agreement=agreement, sender=sender, receiver=receiver, sealed=sealed)
    )


def forget(connection: Connection, agreement: str) -> None:
    """Delete all of an agreement."""
    connection.execute(delete(contributions).where(contributions.c.agreement == agreement))


def get(connection: Connection, *, agreement: str, sender: str, receiver: str) -> bytes | None:
    return connection.execute(
        select(contributions.c.sealed).where(
            contributions.c.agreement == agreement,
            contributions.c.sender == sender,
            contributions.c.receiver == receiver,
        )
    ).scalar()
