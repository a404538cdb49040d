"""The few threads that check uploads: so many at a time as the settings say, whatever waits."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from services.broker.office import Office
from services.broker.patience import Interrupted, Patience
from services.broker.store import incoming
from services.broker.uploads.accept import Halted, check
from services.broker.uploads.incoming import IN_HAND
from services.broker.watch.logs import say


class Checkers:
    """First come, first served. What waits is known to the database, so a process that starts goes on with it.

    A database or a storage that is away is waited for, however long it takes, and a full disk as long as a run would.
    """

    def __init__(self, office: Office) -> None:
        self._office = office
        self._pool = ThreadPoolExecutor(office.settings.checkers, thread_name_prefix="checker")
        self._patience = Patience(office.settings.patience_seconds)
        self._in_hand: set[str] = set()
        self._lock = Lock()
        self._stopped = Event()

    def take_up(self) -> None:
        """Take whatever was handed in: what an earlier process did not come to the end of, or nobody has begun."""
        with self._office.store.transaction("look for uploads to check") as connection:
            waiting = incoming.in_states(connection, IN_HAND)
        for id_ in waiting:
            self.take(id_)

    def take(self, id_: str) -> None:
        """Check an upload that was handed in. Taking what is in hand changes nothing."""
        with self._lock:
            if id_ in self._in_hand or self._stopped.is_set():
                return
            self._in_hand.add(id_)
            self._pool.submit(self._check, id_)

    def has(self, id_: str) -> bool:
        """Whether an upload waits or is being checked here."""
        with self._lock:
            return id_ in self._in_hand

    def finish(self) -> None:
        """Come to the end of all that is in hand."""
        self._pool.shutdown()

    def stop(self) -> None:
        """Let go of everything; who starts next goes on with it."""
        with self._lock:
            self._stopped.set()
        self._patience.end()
        self._pool.shutdown(cancel_futures=True)

    def _check(self, id_: str) -> None:
        try:
            self._patience.insist(
                lambda: check(self._office, id_, halt=self._halt, patience=self._patience), bounded=False
            )
        except (Halted, Interrupted):
            pass
        except Exception as failure:  # noqa: BLE001 - it stays handed in, and is taken up again
            say("upload not checked", failure)
        finally:
            with self._lock:
                self._in_hand.discard(id_)

    def _halt(self) -> None:
        if self._stopped.is_set():
            raise Halted
