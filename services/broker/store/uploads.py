"""Accepted uploads. The newest of a holder is the one that a run takes."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, insert, select

from services.broker.store.tables import uploads


def put(connection: Connection, **values: Any) -> None:
    connection.execute(insert(uploads).values(**values))


def is_there(connection: Connection, id_: str) -> bool:
    return connection.execute(select(uploads.c.id).where(uploads.c.id == id_)).first() is not None


def of_holder(connection: Connection, *, agreement: str, holder: str) -> Sequence[RowMapping]:
    """Oldest first, by their entries in the log: the broker's clock may have been set back."""
    query = select(uploads).where(uploads.c.agreement == agreement, uploads.c.holder == holder)
    return sorted(connection.execute(query).mappings().all(), key=_entry)


def newest_of_each(connection: Connection, agreement: str) -> dict[str, str]:
    """The upload that a run would take of each holder that has any: holder -> upload."""
    found = connection.execute(select(uploads).where(uploads.c.agreement == agreement)).mappings().all()
    return {upload["holder"]: upload["id"] for upload in sorted(found, key=_entry)}


def newest(connection: Connection, *, agreement: str, holder: str) -> RowMapping | None:
    """The upload that a run would take."""
    found = of_holder(connection, agreement=agreement, holder=holder)
    return found[-1] if found else None


def control_rows_of(connection: Connection, upload: str) -> str | None:
    """The commitment of an upload's control rows; None where its agreement has none."""
    query = select(uploads.c.control_rows).where(uploads.c.id == upload)
    found: str | None = connection.execute(query).scalar()
    return found


def rows_of(connection: Connection, ids: Mapping[str, str]) -> dict[str, int]:
    """How many rows the upload has, for each name of ``ids`` (name -> upload)."""
    query = select(uploads.c.id, uploads.c.rows).where(uploads.c.id.in_(ids.values()))
    rows = {row.id: row.rows for row in connection.execute(query)}
    return {name: rows[upload] for name, upload in ids.items()}


def _entry(upload: RowMapping) -> int:
    return int(upload["receipt"]["body"]["entry"])
