"""Trying again when the network fails for a moment, a few times and never silently."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from encoder.errors import Unreachable

Answer = TypeVar("Answer")
LONGEST = 60.0
"""Seconds that are waited at once, whatever the other side asks for."""


@dataclass(frozen=True)
class Patience:
    """``pause`` waits for seconds, ``tell`` says to a person why; after ``tries`` without an answer it ends."""

    pause: Callable[[float], None]
    tell: Callable[[str], None]
    tries: int = 6
    waits: int = 100
    """How often a broker may ask for patience, beside the tries that find none."""
    _told: set[str] = field(default_factory=set, init=False, repr=False, compare=False)
    """Why a broker asked for patience, which is said once."""

    def insist(self, ask: Callable[[], Answer]) -> Answer:
        """What ``ask`` answers, which must be a request that may be sent twice. Raises what it raises."""
        tried = waited = 0
        while True:
            try:
                return ask()
            except Unreachable as error:
                if error.too_many and error.retry_after is not None and waited < self.waits:
                    waited += 1
                    seconds = min(LONGEST, max(1.0, error.retry_after))
                    self._tell_once(error.what, f"{error.what} Going on in {seconds:.0f} s, as the broker asks.")
                    self.pause(seconds)
                    continue
                if tried + 1 >= self.tries:
                    raise
                seconds = min(LONGEST, error.retry_after if error.retry_after is not None else 2.0**tried)
                tried += 1
                self.tell(f"{error.what} Trying again in {seconds:.0f} s.")
                self.pause(seconds)

    def _tell_once(self, why: str, line: str) -> None:
        if why not in self._told:
            self._told.add(why)
            self.tell(line)
