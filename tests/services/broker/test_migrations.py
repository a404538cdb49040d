"""The broker's tables: every version up and down, on both databases, with what stands in them."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from services.broker.store.database import Store
from services.broker.store.tables import metadata
from tests.moved import move

RUN = "0123456789abcdef0123456789abcdef"


def tables(store: Store) -> set[str]:
    return set(inspect(store.engine).get_table_names()) - {"schema_version"}


def put_run(connection: Connection) -> None:
    connection.execute(
        text(
            "INSERT INTO runs (id, agreement, state, uploads, pairs_total, pairs_compared, started_at, changed_at) "
            "VALUES (:id, 'a', 'accepted', '{}', 12, 5, 'then', 'now')"
        ),
        {"id": RUN},
    )


def test_the_newest_version_is_what_the_code_says(store: Store) -> None:
    store.migrate()
    store.migrate()
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "schema_version"})
        assert compare_metadata(context, metadata) == []
    assert tables(store) == set(metadata.tables)


def test_every_version_goes_down_and_up_again(store: Store) -> None:
    store.migrate()
    move(store, "base", up=False)
    assert tables(store) == set()
    seen = []
    for version in ("0001", "0002", "0003", "0004"):
        move(store, version, up=True)
        seen.append(tables(store))
        move(store, "-1", up=False)
        move(store, version, up=True)
        assert tables(store) == seen[-1]
    assert seen[0] < seen[1] < seen[2] < seen[3] == set(metadata.tables)


def test_a_run_of_an_older_version_is_kept_both_ways(store: Store) -> None:
    store.migrate()
    move(store, "0002", up=False)
    with store.engine.begin() as connection:
        put_run(connection)
    store.migrate()
    with store.engine.connect() as connection:
        row = connection.execute(text("SELECT state, task_pairs, begun_at FROM runs")).one()
    assert tuple(row) == ("accepted", 8_000_000_000, None)
    move(store, "0002", up=False)
    with store.engine.connect() as connection:
        assert connection.execute(text("SELECT state, pairs_total FROM runs")).one() == ("accepted", 0)
    store.migrate()
    with store.engine.begin() as connection:
        connection.execute(text("DELETE FROM runs"))
