"""Changing the state of a run: by the table of transitions alone, and never without an entry in the log."""

from typing import Any

from sqlalchemy import Connection

from keys.protocol import TRANSITIONS, Event, State
from services.broker.audit import record
from services.broker.errors import Conflict
from services.broker.office import Office
from services.broker.store import runs


def require_transition(old: State, new: State) -> None:
    """Raises ``Conflict`` for a step that the table does not have."""
    if new not in TRANSITIONS[old]:
        raise Conflict(f"A run that is {old} cannot become {new}.", remedy="Look at the run's status first.")


def change_state(
    office: Office, connection: Connection, run: str, new: State, *, by: str | None = None, **values: Any
) -> None:
    """One step in the table of transitions, with its event; the same step twice is the same as once.

    ``by``: the party that asked for it, if one did.
    """
    row = runs.get_locked(connection, run)
    if row is None:
        raise LookupError(run)
    if row["state"] == new:
        return
    require_transition(State(row["state"]), new)
    runs.change(connection, run, at=office.stamp(), state=new.value, **values)
    facts = {"run": run, "state": new.value, **({"by": by} if by else {})}
    if new is State.MATCHED and row["links"] is not None:
        facts["links"] = row["links"]  # the commitment that control rows are opened against
    record(office, connection, Event.RUN_CHANGED, agreement=row["agreement"], **facts)
