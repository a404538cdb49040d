"""Asking the broker again and again, ever more slowly, until a run has ended."""

from __future__ import annotations

from typing import Any, Protocol

from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.patience import Patience
from keys.protocol import TRANSITIONS

FIRST, LONGEST = 1.0, 30.0
"""Seconds between two questions: after a change, and when nothing has changed for long."""
_ENDED = {state for state, after in TRANSITIONS.items() if not after}


class Seen(Protocol):
    """Gets every answer; ``changed`` if the state of the run is another than before."""

    def __call__(self, answer: dict[str, Any], *, changed: bool) -> None: ...


def look(door: Door, run: str) -> dict[str, Any]:
    """The status of a run as the broker gives it to this party. Raises ``BrokerRefused``."""
    answer = door.get(f"/v1/runs/{run}")
    names = {"run", "state", "percent", "approved_by", "outcome", "problem"}
    if not isinstance(answer, dict) or not names <= set(answer) or answer["run"] != run:
        raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
    return answer


def until_ended(door: Door, run: str, *, patience: Patience, seen: Seen) -> dict[str, Any]:
    """The last status: nothing can follow its state any more. Raises as ``look`` does."""
    before: tuple[Any, Any] = (None, None)
    pause = FIRST
    while True:
        answer = patience.insist(lambda: look(door, run))
        now = (answer["state"], answer["percent"])
        seen(answer, changed=now[0] != before[0])
        if answer["state"] in _ENDED:
            return answer
        pause = FIRST if now != before else min(LONGEST, pause * 1.5)
        before = now
        patience.pause(pause)
