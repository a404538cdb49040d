"""Processes on the roll, each with a count that it raises as long as it lives; ``works`` is false for one that only
answers and leaves the work of runs to others."""

from collections.abc import Sequence

from sqlalchemy import Connection, RowMapping, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from services.broker.store.tables import workers


def every(connection: Connection) -> Sequence[RowMapping]:
    return connection.execute(select(workers).order_by(workers.c.name)).mappings().all()


def get(connection: Connection, name: str) -> RowMapping | None:
    return connection.execute(select(workers).where(workers.c.name == name)).mappings().first()


def enter(connection: Connection, name: str, *, boot: str, works: bool, after: str | None) -> bool:
    """Take a name that nobody has, or whose process is that of the boot ``after``. False if another one has it."""
    if after is not None:
        strike(connection, name, boot=after)
    try:
        with connection.begin_nested():
            connection.execute(insert(workers).values(name=name, boot=boot, beat=0, works=works))
    except IntegrityError:
        return False
    return True


def beat(connection: Connection, name: str, *, boot: str) -> bool:
    """Raise the count. False if the process has been struck off, or another took its name."""
    mine = update(workers).where(workers.c.name == name, workers.c.boot == boot)
    return connection.execute(mine.values(beat=workers.c.beat + 1)).rowcount > 0


def strike(connection: Connection, name: str, *, boot: str) -> None:
    """Take a process off the list, unless another has taken its name."""
    connection.execute(delete(workers).where(workers.c.name == name, workers.c.boot == boot))
