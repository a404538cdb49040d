"""Whether a run is still to be matched: asked again and again while it is."""

from __future__ import annotations

import time
from threading import Lock

from keys.protocol import State
from services.broker.errors import BrokerError, DatabaseAway
from services.broker.office import Office
from services.broker.store import runs

SECONDS = 1.0
"""The database is asked this often at most."""


class Overtaken(BrokerError):
    """The run was cancelled, failed or destroyed while something of it was still being done."""

    def __init__(self) -> None:
        super().__init__("The run is no longer being matched.", remedy="Look at its status.")


class Attention:
    """Call it as often as you like, from any thread. Raises ``Overtaken`` within about a second of the run's end.

    A database that is away says nothing of the run, so it goes on.
    """

    def __init__(self, office: Office, run: str) -> None:
        self._office = office
        self._run = run
        self._asked = 0.0
        self._over = False
        self._lock = Lock()

    def __call__(self) -> None:
        with self._lock:
            now = time.monotonic()
            if not self._over and now - self._asked >= SECONDS:
                self._asked = now
                self._over = self._ended()
            over = self._over
        if over:
            raise Overtaken

    def _ended(self) -> bool:
        try:
            with self._office.store.transaction("look at state of run") as connection:
                row = runs.get(connection, self._run)
        except DatabaseAway:
            return False
        return row is None or row["state"] != State.ACCEPTED
