"""A holder's part in control rows: it opens its own once it has seen the links committed, and checks what is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from encoder.door import Door
from encoder.errors import BrokerRefused, InputError
from encoder.package import HandleTable, every_handles
from encoder.patience import Patience
from encoder.recovery import Recovery, recovery
from encoder.waiting import FIRST, LONGEST, look
from encoder.witness import fetch_log
from encoder.workspace import Workspace, own_party
from keys.agreement import Agreement, Role
from keys.control_rows import Committed, check_opened, committed, opening
from keys.errors import ControlError
from keys.identity import Identity
from keys.kinds import Declared
from keys.protocol import State
from keys.statement import declare

_OVER = frozenset({State.CANCELLED, State.DECLINED, State.FAILED})


@dataclass(frozen=True)
class Checked:
    """Proofs that hold, and what they show. ``known_before``: the earlier run in which the broker came to know these
    control rows, if there is one; the links are then no proof that it matched honestly."""

    recovery: Recovery
    known_before: str | None


def open_rows(workspace: Workspace, door: Door, run: str, *, agreement: Agreement, identity: Identity) -> None:
    """Open this holder's control rows, after fetching and checking the log. Doing so again changes nothing.

    Raises ``ControlError`` while the links are not decided, and when the run took an upload that this folder does not
    know; ``LogError`` and ``BrokerRefused``.
    """
    holder = own_party(agreement, identity, Role.HOLDER)
    found = _committed(workspace, door, run, agreement=agreement, identity=identity)
    if holder.name in found.opened:
        return
    bound = found.control_rows[holder.name]
    table = _table(workspace, bound, agreement=agreement, identity=identity)
    body = opening(agreement=agreement.id, run=run, control_rows=bound, links=found.links.hex())
    document = {
        "statement": declare(identity, Declared.OPENING, body).to_json(),
        "salt": table.salt.hex(),
        "handles": [one.tobytes().hex() for one in table.control_handles],
    }
    door.post(_path(run), document)


def awaited(door: Door, run: str) -> list[str]:
    """The holders that have not opened theirs yet."""
    names: list[str] = _see(door, run)["awaited"]
    return names


def until_shown(door: Door, run: str, *, patience: Patience, tell: Callable[[list[str]], None]) -> Any:
    """What the broker shows once every holder has opened. ``tell`` gets the names of those who are awaited, when they
    change. Raises ``ControlError`` when the run ends before."""
    told: list[str] | None = None
    pause = FIRST
    while True:
        answer = patience.insist(lambda: _see(door, run))
        if answer["shown"] is not None:
            return answer["shown"]
        state = patience.insist(lambda: look(door, run))["state"]
        if state in _OVER:
            raise ControlError(
                f"The run is {state}: its control rows will not be shown.",
                where=f"run {run}",
                remedy="Start another run. If control rows of this one were opened, the broker knows them from now on.",
            )
        pause = min(LONGEST, pause * 1.5) if answer["awaited"] == told else FIRST
        if answer["awaited"] != told:
            tell(answer["awaited"])
        told = answer["awaited"]
        patience.pause(pause)


def check(
    workspace: Workspace, door: Door, run: str, shown: Any, *, agreement: Agreement, identity: Identity
) -> Checked:
    """Fetch and check the log again, in which all openings now stand, and check what was shown against it.

    Raises ``ControlError`` when a proof does not hold, and ``LogError``.
    """
    found = _committed(workspace, door, run, agreement=agreement, identity=identity)
    marks = check_opened(shown, found, rows=agreement.terms.control.rows)
    return Checked(recovery(marks, agreement.terms), found.known_before)


def require_control_rows(agreement: Agreement) -> None:
    """Raises ``InputError`` if the agreement has none."""
    if not agreement.terms.control.rows:
        raise InputError("The agreement has no control rows.", remedy="There is nothing to open or to check.")


def _committed(workspace: Workspace, door: Door, run: str, *, agreement: Agreement, identity: Identity) -> Committed:
    log, _ = fetch_log(workspace, door, agreement=agreement, identity=identity)
    return committed([entry.facts for entry in log.entries], run)


def _table(workspace: Workspace, bound: str, *, agreement: Agreement, identity: Identity) -> HandleTable:
    for table in every_handles(workspace, agreement=agreement, identity=identity):
        if table.commitment == bound:
            return table
    raise ControlError(
        "The log says that your upload in this run has other control rows than any that were encoded here.",
        where=str(workspace.root),
        remedy="If the upload was encoded in another folder, give that with --folder. If not, open nothing, let your "
        "IG lead refuse the release (counterfoil decline RUN), and tell every party.",
    )


def _see(door: Door, run: str) -> Any:
    answer = door.get(_path(run))
    if not isinstance(answer, dict) or set(answer) != {"run", "awaited", "shown"} or answer["run"] != run:
        raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
    return answer


def _path(run: str) -> str:
    return f"/v1/runs/{run}/control-rows"
