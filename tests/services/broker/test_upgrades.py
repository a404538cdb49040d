"""Old software with newer tables: what a version writes and reads works after the next migration, on both databases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Integer, LargeBinary, MetaData, Table, delete, insert, inspect, select, update
from sqlalchemy.types import TypeEngine

from services.broker.store.database import Store
from services.broker.store.schema import version_of, versions
from tests.moved import move

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "upgrade-a-broker.md"
FIRST = "0003"
"""The oldest version that a broker may be upgraded from while it is in use."""
TAKE_AWAY: dict[str, str] = {}
"""Migrations that take something away -> what; each is in the how-to, with what must have ended before."""
STEPS = [pair for pair in zip(versions(), versions()[1:], strict=False) if pair[0] >= FIRST]


def as_it_knows(store: Store) -> list[Table]:
    """The tables as software of the version that they have now knows them."""
    known = MetaData()
    known.reflect(store.engine)
    return [table for table in known.sorted_tables if table.name != "schema_version"]


def value(kind: TypeEngine[Any], number: int) -> Any:
    if isinstance(kind, JSON):
        return {"number": number}
    if isinstance(kind, LargeBinary):
        return bytes([number])
    if isinstance(kind, Boolean):
        return True
    return number if isinstance(kind, Integer) else str(number)


@pytest.mark.parametrize(("before", "after"), STEPS)
def test_what_a_version_writes_and_reads_works_after_the_next_migration(store: Store, before: str, after: str) -> None:
    store.migrate()
    move(store, before, up=False)
    tables = as_it_knows(store)
    move(store, after, up=True)
    if after in TAKE_AWAY:
        return
    for table in tables:
        row = {column.name: value(column.type, 1) for column in table.columns}
        with store.engine.begin() as connection:
            connection.execute(insert(table).values(row))
            assert dict(connection.execute(select(table)).mappings().one()) == row
            changed = {column.name: value(column.type, 2) for column in table.columns if not column.primary_key}
            if changed:
                connection.execute(update(table).values(changed))
            connection.execute(delete(table))


def test_the_versions_are_in_one_line_and_a_database_says_which_it_has(store: Store) -> None:
    store.migrate()
    with store.engine.connect() as connection:
        assert version_of(connection) == versions()[-1]
    move(store, "base", up=False)
    with store.engine.connect() as connection:
        assert version_of(connection) is None
    assert set(inspect(store.engine).get_table_names()) <= {"schema_version"}
    store.migrate()


def test_the_how_to_names_every_migration_that_takes_something_away() -> None:
    text = HOW_TO.read_text(encoding="utf-8")
    assert set(re.findall(r"^\| (\d{4}) \|", text, re.MULTILINE)) == set(TAKE_AWAY)
    assert STEPS
