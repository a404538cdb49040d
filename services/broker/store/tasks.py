"""Tasks of runs that are done, with the number of pairs that each found: what is not here is still to do."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, insert, select

from services.broker.store.tables import tasks


def done(connection: Connection, run: str, number: int, *, pairs: int, worker: str, at: str) -> None:
    """Note that a task is done; the first note stays."""
    there = select(tasks.c.number).where(tasks.c.run == run, tasks.c.number == number)
    if connection.execute(there).first() is None:
        connection.execute(insert(tasks).values(run=run, number=number, pairs=pairs, worker=worker, done_at=at))


def of_run(connection: Connection, run: str) -> Sequence[RowMapping]:
    """Those that are done, in the order in which they were."""
    query = select(tasks).where(tasks.c.run == run).order_by(tasks.c.done_at, tasks.c.number)
    return connection.execute(query).mappings().all()
