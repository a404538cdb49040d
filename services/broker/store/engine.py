"""Engines: one for the broker's own tables, one for the steps of runs, and a password that neither address holds.

1. An address stands in the environment, which others may read (a list of processes, a crash report): one with a
   password in it is refused.
2. The password is read from its file at each new connection, so that a changed one is used without a restart.
3. It is given to the driver alone, so that no address, error or log shows it.
4. No error holds a value of a row: no parameter, and not what PostgreSQL tells of a row or a value that it refuses.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, ExceptionContext, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError

from services.broker.errors import BrokerError

_IDLE_SECONDS = 15
_STEPS_IDLE_SECONDS = 60
_STEPS_CONNECTIONS = 20
_REACHING: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""So that a server that is out of reach, and says nothing, is missed within half a minute."""


def make_engine(url: str, *, password_file: Path | None = None) -> Engine:
    """For the broker's own tables. Raises ``BrokerError`` for an address with a password, or a file without one."""
    engine = create_engine(
        checked(url), hide_parameters=True, pool_pre_ping=_is_postgres(url), connect_args=_options(url, _IDLE_SECONDS)
    )
    return _discreet(engine, password_file)


def steps_engine(url: str, *, password_file: Path | None = None) -> Engine | None:
    """For the recorded steps of runs on PostgreSQL; None on SQLite, for which the address says all."""
    if not _is_postgres(url):
        return None
    engine = create_engine(
        checked(url),
        hide_parameters=True,
        pool_size=_STEPS_CONNECTIONS,
        max_overflow=0,
        pool_pre_ping=True,
        connect_args=_options(url, _STEPS_IDLE_SECONDS),
    )
    return _discreet(engine, password_file)


def checked(url: str) -> str:
    """The address, if it holds no password."""
    parsed = make_url(url)
    if parsed.password is not None or "password" in parsed.query:
        raise BrokerError(
            "The address of the database holds a password.",
            where="COUNTERFOIL_BROKER_DATABASE_URL",
            remedy="Put the password into a file of its own, name that as COUNTERFOIL_BROKER_DATABASE_PASSWORD_FILE, "
            "and change the password, as it may have been seen.",
        )
    return url


def give_password(engine: Engine, file: Path | None) -> None:
    """Have every new connection read the password from ``file``."""
    if file is None:
        return
    read_password(file)

    def give(_dialect: Any, _record: Any, _words: Any, named: dict[str, Any]) -> None:
        named["password"] = read_password(file)

    event.listen(engine, "do_connect", give)


def read_password(file: Path) -> str:
    """The first line of the file. Raises ``BrokerError``."""
    try:
        with file.open(encoding="utf-8") as stream:
            password = stream.readline().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError):
        password = ""
    if not password:
        raise BrokerError(
            "The password of the database cannot be read.",
            where=str(file),
            remedy="Write it as the first line of this file, in UTF-8, and let the broker's user alone read it.",
        )
    return password


def _discreet(engine: Engine, password_file: Path | None) -> Engine:
    give_password(engine, password_file)
    event.listen(engine, "handle_error", _without_values, retval=True)  # 4
    return engine


def _without_values(context: ExceptionContext) -> BaseException | None:
    """Of a refused row, the rule that it breaks; of a refused value, the SQLSTATE. Every other error stays as it is."""
    cause, told = context.original_exception, context.sqlalchemy_exception
    if not isinstance(told, DBAPIError) or not isinstance(cause, psycopg.IntegrityError | psycopg.DataError):
        return None
    refused_row = isinstance(cause, psycopg.IntegrityError)
    cause.args = (cause.diag.message_primary if refused_row else f"SQLSTATE {cause.sqlstate}",)
    return type(told)(told.statement, None, cause, hide_parameters=True)


def _options(url: str, idle: int) -> dict[str, Any]:
    """PostgreSQL ends the session of a process that was suspended within a transaction, so that it holds up nobody."""
    if not _is_postgres(url):
        return {}
    return {**_REACHING, "options": f"-c idle_in_transaction_session_timeout={idle}s"}


def _is_postgres(url: str) -> bool:
    return make_url(url).get_backend_name() == "postgresql"
