"""The engine, its transactions and its migrations."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import alembic.command
from sqlalchemy import Connection, Engine, create_engine, event, func, select

from services.broker.store.away import telling_away
from services.broker.store.engine import make_engine
from services.broker.store.schema import configuration, new_enough, version_of

_MIGRATING = 0x636F756E746572
"""Of the lock that a process holds while it changes tables: any number that only we use."""


class Store:
    """One database, SQLite or PostgreSQL. Every transaction has a name."""

    def __init__(self, url: str, *, password_file: Path | None = None) -> None:
        self.url = url
        self.engine: Engine = make_engine(url, password_file=password_file)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_immediate)

    def migrate(self) -> None:
        """Bring the tables to the newest version."""
        config = configuration()
        with self.engine.connect() as connection:
            if self.engine.dialect.name == "postgresql":  # one process at a time; SQLite's own lock does it there
                connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))
            config.attributes["connection"] = connection
            alembic.command.upgrade(config, "head")
            connection.commit()

    def answers(self) -> bool:
        """Whether the database answers; takes no lock. Raises ``SQLAlchemyError`` where it does not."""
        with self._reading() as connection:
            return bool(connection.exec_driver_sql("SELECT 1").scalar_one())

    def is_migrated(self) -> bool:
        """Whether the tables are as new as this code or newer. Raises as ``answers`` does."""
        with self._reading() as connection:
            return new_enough(version_of(connection))

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """Without the write lock, so that it waits for no writer."""
        with self.engine.connect().execution_options(only_reads=True) as connection:
            yield connection

    @contextmanager
    def transaction(self, name: str) -> Iterator[Connection]:
        """All or nothing. ``name`` says what is being done, for whoever reads the database's own logs.

        Raises ``DatabaseAway`` for whatever passes, so that whoever can do all of it again does: a step of a run (see
        ``patience``), a request (``api.insisting``), or who sent the request.
        """
        with telling_away(), self._connected(name) as connection, connection.begin():
            yield connection

    def _connected(self, name: str) -> Connection:
        return self.engine.connect().execution_options(transaction=name)

    def settle(self) -> bool:
        """Bring SQLite's write-ahead log into the database and cut it to nothing, so that what was deleted is gone.

        False if a reader was in the way for half a minute; the next call does it then. PostgreSQL has its own ways.
        """
        if self.engine.dialect.name != "sqlite":
            return True
        with closing(self.engine.raw_connection()) as connection:
            busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        return not busy

    def close(self) -> None:
        self.engine.dispose()


def let_many_in(url: str) -> None:
    """Have a SQLite database that is not ours keep a write-ahead log: one may write while others read."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA secure_delete=ON")
    cursor.execute("PRAGMA temp_store=MEMORY")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    """Take the write lock at once, so that a transaction never fails half-way for lack of it."""
    only_reads = connection.get_execution_options().get("only_reads", False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")
