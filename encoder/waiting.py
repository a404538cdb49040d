"""Asking the broker about a run: how far it is, again and again until it has ended, and for what it released."""

from __future__ import annotations

from typing import Any, Protocol

from encoder.door import Door
from encoder.errors import BrokerRefused, NothingThere
from encoder.patience import Patience
from keys.protocol import TRANSITIONS, State

FIRST, LONGEST = 1.0, 30.0
"""Seconds between two questions: after a change, and when nothing has changed for long."""
_ENDED = {state for state, after in TRANSITIONS.items() if not after}


class Seen(Protocol):
    """Gets every answer; ``changed`` if the state of the run is another than before."""

    def __call__(self, answer: dict[str, Any], *, changed: bool) -> None: ...


def look(door: Door, run: str) -> dict[str, Any]:
    """The status of a run as the broker gives it to this party. Raises ``BrokerRefused``, ``NothingThere`` for a run
    that it does not have."""
    try:
        answer = door.get(f"/v1/runs/{run}")
    except NothingThere as error:
        remedy = "Check the run's id, as `counterfoil start` printed it, and the broker's address."
        raise NothingThere("The broker has no such run of this party.", where=error.where, remedy=remedy) from None
    names = {"run", "agreement", "state", "percent", "approved_by", "outcome", "problem", "started_at"}
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


def look_at_quality(door: Door, run: str, *, patience: Patience) -> Any:
    """What the broker says of how good a run's links are, if it may say anything. Raises as ``look`` does, and
    ``NothingThere`` that says how far the run is where this party may not know yet."""
    try:
        answer = patience.insist(lambda: door.get(f"/v1/runs/{run}/quality"))
    except NothingThere as error:
        raise NothingThere(
            f"The quality of the links is not told yet: the run is {look(door, run)['state']}.",
            where=error.where,
            remedy="IG leads see it once the run is matched, other parties once it is released.",
        ) from None
    if not isinstance(answer, dict) or "quality" not in answer or answer.get("run") != run:
        raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
    return answer["quality"]


def fetch_release(door: Door, run: str, *, patience: Patience) -> bytes:
    """What a run has released to this party, sealed. Raises as ``look`` does, and ``NothingThere`` that says how far
    the run is if nothing has been released."""
    try:
        return patience.insist(lambda: door.get_bytes(f"/v1/runs/{run}/release"))
    except NothingThere as error:
        state = look(door, run)["state"]
        if state == State.RELEASED:
            raise
        wait = "Wait for the release; `counterfoil status` with --wait does."
        raise NothingThere(
            f"The run has released nothing: it is {state}.",
            where=error.where,
            remedy="No release will follow." if state in _ENDED else wait,
        ) from None
