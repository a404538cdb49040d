"""Agreements in force, with the broker's receiving address for each."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from services.broker.store.tables import agreements


def put(connection: Connection, agreement: str, *, document: Any, receiving: Any, at: str) -> None:
    connection.execute(insert(agreements).values(id=agreement, document=document, receiving=receiving, received_at=at))


def get(connection: Connection, agreement: str) -> RowMapping | None:
    return connection.execute(select(agreements).where(agreements.c.id == agreement)).mappings().first()


def all_documents(connection: Connection) -> Iterator[Any]:
    yield from connection.execute(select(agreements.c.document)).scalars()
