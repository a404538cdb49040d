"""The database: whether it can be reached, how, at which version, by which clock, and which workers count in it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from keys.errors import CounterfoilError
from services.broker.doctor.finding import Finding, wrong
from services.broker.errors import DatabaseAway
from services.broker.runs.roll import BEAT_SECONDS
from services.broker.settings import Settings
from services.broker.store import agreements, workers
from services.broker.store.database import Store
from services.broker.store.schema import version_of, versions

SKEW = 60.0
"""Seconds that two clocks may differ: half of what a broker forgives."""
_LOCAL = ("", "127.0.0.1", "localhost", "::1")


def look_at_database(
    settings: Settings, standing: list[Any], *, now: Callable[[], datetime], sleep: Callable[[float], None] = time.sleep
) -> Iterator[Finding]:
    """``standing`` is filled with the documents of agreements whose data are not destroyed, if they can be read."""
    try:
        url = make_url(settings.database)
        if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
            yield Finding("database", "not there yet", "The first start of the broker makes it; nothing to do before.")
            return
        with closing(Store(settings.database, password_file=settings.database_password_file)) as store:
            yield from _look(store, standing, now, sleep)
    except DatabaseAway as error:
        yield _unusable(error.__cause__ or error)
    except CounterfoilError as error:
        yield wrong("database", error.what, error.remedy)
    except SQLAlchemyError as error:
        yield _unusable(error)


def _unusable(error: BaseException) -> Finding:
    cause = getattr(error, "orig", None) or error
    return wrong(
        "database",
        f"it cannot be used: {str(cause).strip().rpartition('FATAL:')[2].strip().splitlines()[0]}",
        "Check COUNTERFOIL_BROKER_DATABASE_URL, the password in its file, the network, and the database's own log.",
    )


def _look(
    store: Store, standing: list[Any], now: Callable[[], datetime], sleep: Callable[[float], None]
) -> Iterator[Finding]:
    with store.transaction("doctor: look at the database") as connection:
        postgres = connection.dialect.name == "postgresql"
        yield Finding("database", f"{connection.dialect.name}, it answers")
        if postgres:
            yield _clock(connection, now)
            yield from _rights(connection, store.engine.url.host or "")
        version = version_of(connection)
    known = versions()
    if version is None:
        yield Finding("tables", "none yet", "The first start of the broker makes them; nothing to do before.")
        return
    if version not in known:
        remedy = "Use the software that made them, or a newer one: an older one must not go on with newer tables."
        yield wrong("tables", f"at version {version}, which this software does not know", remedy)
        return
    behind = version != known[-1]
    yield Finding(
        "tables",
        f"at version {version}{f'; the newest is {known[-1]}' if behind else ', the newest'}",
        "The next start of this software brings them there: see docs/how-to/upgrade-a-broker.md." if behind else "",
    )
    if behind:
        return
    yield _workers(store, sleep)
    with store.transaction("doctor: read agreements") as connection:
        standing += [row["document"] for row in agreements.standing(connection)]


def _clock(connection: Connection, now: Callable[[], datetime]) -> Finding:
    before = now()
    theirs: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    ours = before + (now() - before) / 2
    off = (ours - theirs.astimezone(UTC)).total_seconds()
    said = (
        "as the database's"
        if abs(off) < 2
        else f"{abs(off):,.0f} s {'ahead of' if off > 0 else 'behind'} the database's"
    )
    remedy = "Set the clocks of both machines: signed requests and retention go by them."
    return wrong("clock", said, remedy) if abs(off) > SKEW else Finding("clock", said)


def _rights(connection: Connection, host: str) -> Iterator[Finding]:
    sealed = connection.execute(text("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")).scalar()
    if not sealed and host not in _LOCAL:
        yield Finding(
            "database TLS",
            "none",
            "Add ?sslmode=verify-full&sslrootcert=FILE to the address, unless the network is this machine's own.",
        )
    if connection.execute(text("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")).scalar():
        remedy = "Give the broker a role of its own that owns its database and nothing else."
        yield Finding("database role", "it is a superuser", remedy)


def _workers(store: Store, sleep: Callable[[float], None]) -> Finding:
    """Who counts, looked at twice, and does the work of runs."""

    def look() -> dict[str, tuple[str, int, bool]]:
        with store.transaction("doctor: look at the workers") as connection:
            return {row["name"]: (row["boot"], row["beat"], row["works"]) for row in workers.every(connection)}

    before = look()
    if before:
        sleep(2 * BEAT_SECONDS)
    after = look()
    alive = sorted(name for name, count in after.items() if before.get(name) != count)
    silent = sorted(set(after) - set(alive))
    at_work = [name for name in alive if after[name][2]]
    only_answering = [name for name in alive if name not in at_work]
    said = f"{len(at_work)} at work" + (f" ({', '.join(at_work)})" if at_work else "")
    for names, what in ((only_answering, "only answering"), (silent, "silent")):
        said += f"; {what}: {', '.join(names)}" if names else ""
    if not at_work:
        return Finding("workers", said, "Start `counterfoil-broker serve`, and `work` unless it does the work itself.")
    return Finding(
        "workers", said, "Look at the logs of the silent ones; others go on with their tasks." if silent else ""
    )
