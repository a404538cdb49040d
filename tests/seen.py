"""What a test sees of a broker: its log, its files, its refusals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy import inspect, select

from services.broker.front.problem_types import KINDS
from services.broker.store import tables

if TYPE_CHECKING:
    from tests.broker import Broker


def events(broker: Broker) -> list[dict[str, Any]]:
    """The broker's whole log, agreement by agreement."""
    columns = tables.events.c
    with broker.tables() as connection:
        query = select(columns.agreement, columns.number, columns.leaf).order_by(columns.agreement, columns.number)
        rows = connection.execute(query).all()
    numbers: dict[str, list[int]] = {}
    for agreement, number, _ in rows:
        numbers.setdefault(agreement, []).append(number)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    return [json.loads(leaf) for _, _, leaf in rows]


def dumped(broker: Broker) -> dict[str, bytes]:
    """Every value in every table of the broker's database, by table: on PostgreSQL with the steps of runs, which have
    a schema ``dbos`` there, and on SQLite a file."""
    found = {}
    with broker.tables() as connection:
        inspector = inspect(connection)
        for schema in set(inspector.get_schema_names()) - {"information_schema"}:
            prefix = "" if schema == inspector.default_schema_name else f"{schema}."
            for name in inspector.get_table_names(schema):
                rows = connection.exec_driver_sql(f'SELECT * FROM "{schema}"."{name}"')  # noqa: S608
                found[prefix + name] = b"\n".join(sorted(b" ".join(map(_raw, row)) for row in rows))
    return found


def database_files(broker: Broker) -> Path:
    """The folder in which its database lies, with all that was committed."""
    with broker.tables() as connection:
        if connection.dialect.name == "sqlite":
            return broker.home
        connection.exec_driver_sql("CHECKPOINT")
        query = "SELECT current_setting('data_directory'), oid FROM pg_database WHERE datname = current_database()"
        folder, number = connection.exec_driver_sql(query).one()
        return Path(folder) / "base" / str(number)


def _raw(value: object) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def stored(broker: Broker) -> set[str]:
    """Every file in the broker's storage. What was replaced is removed at any moment: ask what is new."""
    root = broker.home / "storage"
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def refused(answer: httpx.Response, status: int, kind: str) -> str:
    """That the answer is a problem of this kind in the one form that all have; its title."""
    document = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"urn:counterfoil:problem:{kind}"), document
    assert answer.headers["content-type"] == "application/problem+json"
    members = KINDS[kind].members
    assert set(document) == {"type", "title", "status", "detail", "request_id", *members}
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["status"] == status
    assert document["detail"]
    title: str = document["title"]
    return title


def said(answer: httpx.Response) -> str:
    """What the answer says, whichever request it is to."""
    return answer.text.replace(answer.headers["x-request-id"], "")
