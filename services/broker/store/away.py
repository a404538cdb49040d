"""Which errors of a database pass: it is away, or gave up one transaction for the sake of another.

1. The connection broke, or none can be had: the server was stopped, restarted, or is out of reach.
2. The server refuses for now: it starts, stops, or has no room (SQLSTATE classes 08, 53 and 57, but for a cancelled
   query), or ended a session that idled in a transaction (25P03).
3. A transaction lost against another: deadlock, serialisation failure (class 40).
4. SQLite: another process holds the lock, or the disk is full.

Whoever meets one may do the whole transaction again; nothing of it stayed, unless the connection broke at its very end.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

from services.broker.errors import DatabaseAway

_CLASSES = ("08", "40", "53", "57")
_IDLED = "25P03"
_CANCELLED = "57014"
_OF_SQLITE = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL}


def passes(error: Exception) -> bool:
    """Whether to do it again later may help."""
    if isinstance(error, NoConnection):
        return True
    if not isinstance(error, DBAPIError):
        return False
    cause = error.orig
    if error.connection_invalidated:  # 1
        return True
    if isinstance(cause, psycopg.OperationalError):
        state = cause.sqlstate
        if state is None:  # 1: never reached the server, or lost it
            return True
        return state == _IDLED or (state.startswith(_CLASSES) and state != _CANCELLED)  # 2, 3
    if isinstance(cause, psycopg.Error):
        return cause.sqlstate == _IDLED
    if isinstance(cause, sqlite3.OperationalError):
        return cause.sqlite_errorcode & 0xFF in _OF_SQLITE  # 4
    return False


@contextmanager
def telling_away() -> Iterator[None]:
    """Make ``DatabaseAway`` of every error that passes."""
    try:
        yield
    except (DBAPIError, NoConnection) as error:
        if passes(error):
            raise DatabaseAway from error
        raise
