"""Waiting for what is away for a while: the database, an object storage, or room on the disk.

What is insisted on is done again as a whole, so it must be the same done twice as done once. Time that the work itself
takes does not count, only what was waited in between.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event
from typing import TypeVar

from keys.files import OutputRefused
from services.broker.errors import AWAY, DatabaseAway
from services.broker.watch.logs import say

Result = TypeVar("Result")
_FIRST_SECONDS = 0.25
_LONGEST_SECONDS = 5.0


class Interrupted(BaseException):
    """This process ends while something waits: it is left as it is, for the next start or for another process.

    No ``Exception``, or it would count as the failure of what waits.
    """


def no_room(error: BaseException) -> bool:
    """Whether the disk is full."""
    number = error.errno if isinstance(error, OSError) else error.number if isinstance(error, OutputRefused) else None
    return number in (errno.ENOSPC, errno.EDQUOT)


def _lack(error: Exception) -> str:
    if no_room(error):
        return "room"
    return "database" if isinstance(error, DatabaseAway) else "storage"


@dataclass
class Patience:
    """Waits for ``seconds`` at most, a little longer each time; ``end`` lets all who wait go."""

    seconds: float
    _ended: Event = field(default_factory=Event)

    def insist(self, work: Callable[[], Result], *, bounded: bool = True) -> Result:
        """What ``work`` returns; raises what it raises, and what it waited for in vain. ``Interrupted`` at the end."""
        pause, waited = _FIRST_SECONDS, 0.0
        while True:
            try:
                return work()
            except (*AWAY, OSError, OutputRefused) as error:
                if not (isinstance(error, AWAY) or no_room(error)):
                    raise
                if bounded and waited >= self.seconds:
                    raise
                if waited == 0:
                    say("waiting", lack=_lack(error))
            if self._ended.wait(pause):
                raise Interrupted
            waited += pause
            pause = min(2 * pause, _LONGEST_SECONDS)

    def end(self) -> None:
        self._ended.set()
