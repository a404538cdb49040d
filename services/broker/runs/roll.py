"""The roll of processes: who is at work, told by the database alone, and what the dead have left is taken up.

1. Every process enters its name, which DBOS notes with all that it takes from a queue, and raises a count each
   second.
2. A process whose count has stood still for ``worker_timeout_seconds``, on the watch of whoever looks, is dead: clocks
   of different machines are never compared. What it had taken goes back to the queues, and it is struck off.
3. A process that was taken for dead and is not (it was suspended, say) enters its name again. What it was doing may be
   done twice, which is the same as once: see ``spill``.
4. A name can be used again as soon as its count stands still for some seconds, so that a process that was killed can be
   started again at once; while the count goes on, the name is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Thread

from services.broker.errors import BrokerError
from services.broker.office import Office
from services.broker.store import workers
from services.broker.watch.logs import say

BEAT_SECONDS = 1.0
PATIENCE_SECONDS = 3.0
"""How long a name must be still before another process takes it."""


@dataclass
class Watch:
    """When each count was last seen to move, on this process's own steady clock."""

    seen: dict[str, tuple[str, int, float]] = field(default_factory=dict)

    def dead(self, name: str, boot: str, beat: int, *, now: float, timeout: float) -> bool:
        """Whether the count of a process has stood still for ``timeout`` seconds of this watch."""
        known = self.seen.get(name)
        if known is None or known[:2] != (boot, beat):
            self.seen[name] = (boot, beat, now)
            return False
        return now - known[2] >= timeout


class Roll:
    """This process's place on the roll, from ``enter`` to ``leave``. ``works``: whether it does the work of runs, or
    only answers. ``take_over`` gets the name of a dead process."""

    def __init__(
        self,
        office: Office,
        name: str,
        *,
        works: bool,
        take_over: Callable[[str], None],
        each_beat: Callable[[], None],
    ) -> None:
        self._office = office
        self.name = name
        self._works = works
        self._boot = office.random(8).hex()
        self._take_over = take_over
        self._each_beat = each_beat
        self._watch = Watch()
        self._left = Event()
        self._thread = Thread(target=self._keep, name="roll", daemon=True)

    def enter(self) -> None:
        """Take the name. Raises ``BrokerError`` while a living process has it, or if another takes it just now."""
        before = now = self._row()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while now is not None and now == before and time.monotonic() < deadline:
            time.sleep(BEAT_SECONDS / 4)
            now = self._row()
        if now not in (None, before) or not self._take(None if now is None else now[0]):
            raise BrokerError(
                f"A worker named {self.name} is at work on this database already.",
                remedy="Give this one another --name, or stop the other one first.",
            )

    def _take(self, after: str | None) -> bool:
        with self._office.store.transaction("enter worker") as connection:
            return workers.enter(connection, self.name, boot=self._boot, works=self._works, after=after)

    def start(self) -> None:
        """Begin to count, and to watch the others."""
        self._thread.start()

    def is_kept(self) -> bool:
        """Whether the count goes on, or would if the database answered."""
        return self._thread.is_alive()

    def leave(self) -> None:
        """Strike this process off; it has stopped its work."""
        self._left.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._office.store.transaction("leave worker") as connection:
            workers.strike(connection, self.name, boot=self._boot)

    def _row(self) -> tuple[str, int] | None:
        with self._office.store.transaction("look at worker") as connection:
            row = workers.get(connection, self.name)
        return None if row is None else (row["boot"], row["beat"])

    def _keep(self) -> None:
        while not self._left.wait(BEAT_SECONDS):
            try:
                self._beat()
            except Exception as failure:  # noqa: BLE001 - the database may be away for a while; the next beat tries again
                say("beat failed", failure)
                self._watch = Watch()  # nobody could count: others have not been silent

    def _beat(self) -> None:
        with self._office.store.transaction("beat") as connection:
            if not workers.beat(connection, self.name, boot=self._boot):  # 3
                taken = workers.get(connection, self.name)
                after = None if taken is None else taken["boot"]
                workers.enter(connection, self.name, boot=self._boot, works=self._works, after=after)
            others = [row for row in workers.every(connection) if row["name"] != self.name]
        timeout, now = float(self._office.settings.worker_timeout_seconds), time.monotonic()
        for row in others:
            if self._watch.dead(row["name"], row["boot"], row["beat"], now=now, timeout=timeout):
                say("worker silent", worker=row["name"])
                self._take_over(row["name"])
                with self._office.store.transaction("strike off worker") as connection:
                    workers.strike(connection, row["name"], boot=row["boot"])
        self._each_beat()
