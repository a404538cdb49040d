"""Runs and their states."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, RowMapping, func, insert, select, tuple_, update

from keys.protocol import TRANSITIONS, State
from services.broker.store.tables import approvals, runs


def put(connection: Connection, **values: Any) -> None:
    connection.execute(insert(runs).values(**values))


def get(connection: Connection, run: str) -> RowMapping | None:
    return connection.execute(select(runs).where(runs.c.id == run)).mappings().first()


def get_locked(connection: Connection, run: str) -> RowMapping | None:
    """The run, which no other transaction changes before this one ends: to look at its state and then act on it."""
    return connection.execute(select(runs).where(runs.c.id == run).with_for_update()).mappings().first()


def of_agreement(connection: Connection, agreement: str) -> Sequence[RowMapping]:
    """Oldest first."""
    query = select(runs).where(runs.c.agreement == agreement).order_by(runs.c.started_at, runs.c.id)
    return connection.execute(query).mappings().all()


def inputs_under_way(connection: Connection, agreement: str) -> set[str]:
    """The uploads of runs that have not ended."""
    under_way = [row["uploads"] for row in of_agreement(connection, agreement) if TRANSITIONS[State(row["state"])]]
    return {upload for taken in under_way for upload in taken.values()}


def in_vain(connection: Connection, *, before: str) -> set[str]:
    """Runs that ended before this time and released nothing, but for those that may have control rows to show."""
    ended = [state.value for state in (State.CANCELLED, State.DECLINED, State.FAILED)]
    query = select(runs.c.id).where(runs.c.state.in_(ended), runs.c.changed_at < before, runs.c.links.is_(None))
    return set(connection.execute(query).scalars())


def page(
    connection: Connection, agreement: str, *, before: RowMapping | None, limit: int
) -> tuple[Sequence[RowMapping], bool]:
    """At most ``limit`` runs, newest first, of those before one of them, or from the newest; whether there are more."""
    query = select(runs).where(runs.c.agreement == agreement)
    if before is not None:
        query = query.where(tuple_(runs.c.started_at, runs.c.id) < (before["started_at"], before["id"]))
    newest = query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit + 1)
    rows = connection.execute(newest).mappings().all()
    return rows[:limit], len(rows) > limit


def change(connection: Connection, run: str, *, at: str, **values: Any) -> None:
    """Another state. Retention counts from here, so nothing else may move the time of it."""
    note(connection, run, changed_at=at, **values)


def note(connection: Connection, run: str, **values: Any) -> None:
    """What came of the run so far, in the state that it is in."""
    connection.execute(update(runs).where(runs.c.id == run).values(**values))


def approve(connection: Connection, *, run: str, holder: str, statement: Any) -> None:
    connection.execute(insert(approvals).values(run=run, holder=holder, statement=statement))


def approved_by(connection: Connection, run: str) -> Sequence[str]:
    """The names of the holders whose IG leads have approved."""
    query = select(approvals.c.holder).where(approvals.c.run == run).order_by(approvals.c.holder)
    return connection.execute(query).scalars().all()


def committed(connection: Connection) -> Sequence[RowMapping]:
    """Runs whose links are committed to and whose outcome waits for control rows."""
    query = select(runs).where(runs.c.state == State.MATCHED.value, runs.c.links.is_not(None))
    return [row for row in connection.execute(query).mappings().all() if row["outcome"] is None]


def unfinished(connection: Connection) -> Sequence[RowMapping]:
    """Runs that wait for the broker, oldest first."""
    waiting = [state.value for state in (State.ACCEPTED, State.APPROVED)]
    query = select(runs).where(runs.c.state.in_(waiting)).order_by(runs.c.started_at)
    return connection.execute(query).mappings().all()


def by_state(connection: Connection) -> dict[str, int]:
    """How many runs there are in each state that any is in."""
    query = select(runs.c.state, func.count().label("how_many")).group_by(runs.c.state)
    return {row.state: row.how_many for row in connection.execute(query)}
