"""Whether the broker can serve: what an orchestrator asks before it sends requests here."""

from collections.abc import Callable, Iterator

from sqlalchemy.exc import SQLAlchemyError

from services.broker.errors import BrokerError
from services.broker.office import Office
from services.broker.runs import workflows
from services.broker.watch.logs import say


def failing(office: Office) -> list[str]:
    """The checks that fail, by name: ``database``, ``migrations``, ``storage``, ``worker``. Nothing else is told."""
    return [name for name, check in _checks(office) if not _holds(name, check)]


def _checks(office: Office) -> Iterator[tuple[str, Callable[[], bool]]]:
    yield "database", office.store.answers
    yield "migrations", office.store.is_migrated
    yield "storage", office.storage.is_writable
    yield "worker", workflows.is_alive


def _holds(name: str, check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (OSError, SQLAlchemyError, BrokerError) as failure:  # ours: a password that cannot be read just now
        say("not ready", failure, check=name)
        return False
