"""Destruction when its time has come, whatever was down in between.

The agreement's receiving key goes first: without it uploads, pairs and link ids are noise, also in a backup. Then
the files go. What stays: the agreement, receipts, the states of runs, and the log. What this cannot prove is that
nobody made a copy before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from threading import Event as Signal
from threading import Thread
from typing import Any

from keys.agreement import Agreement
from keys.kinds import Declared
from keys.protocol import TRANSITIONS, Event, State
from keys.statement import declare
from services.broker.audit import record
from services.broker.office import Office
from services.broker.states import change_state
from services.broker.store import agreements, runs

_EVERY_SECONDS = 60.0
_OVERTAKEN = {
    "what": "The data of the agreement were destroyed, as it says, before the run was released.",
    "remedy": "Make and sign a new agreement.",
}


def due(agreement: Agreement, of_agreement: Sequence[Mapping[Any, Any]], now: datetime) -> bool:
    """Whether the data of an agreement must go: retention has passed since its last release, or since it expired.

    A run that is still under way keeps it. ``of_agreement``: the agreement's runs as the store gives them.
    """
    retention = timedelta(hours=agreement.terms.retention_hours)
    if any(TRANSITIONS[State(run["state"])] for run in of_agreement):
        return now >= agreement.terms.expires_at() + retention
    releases = [datetime.fromisoformat(run["changed_at"]) for run in of_agreement if run["state"] == State.RELEASED]
    last = max(releases, default=agreement.terms.expires_at())
    return now >= min(last, agreement.terms.expires_at()) + retention


def destroy_due(office: Office) -> list[str]:
    """Destroy what is due; the ids of the agreements concerned."""
    with office.store.transaction("look for what is due") as connection:
        standing = [
            (Agreement.from_json(row["document"]), runs.of_agreement(connection, row["id"]))
            for row in agreements.standing(connection)
        ]
    gone = [agreement for agreement, of_agreement in standing if due(agreement, of_agreement, office.now())]
    for agreement in gone:
        destroy(office, agreement)
    return [agreement.id for agreement in gone]


def destroy(office: Office, agreement: Agreement) -> None:
    """Destroy the data of one agreement and sign a receipt. Doing so again after a crash completes it."""
    office.destroy_receiving_key(agreement.id)
    with office.store.transaction("list runs to destroy") as connection:
        ids = [row["id"] for row in runs.of_agreement(connection, agreement.id)]
    for run in ids:
        office.storage.remove_folder(f"runs/{run}")
    office.storage.remove_folder(f"agreements/{agreement.id}")
    facts = {"agreement": agreement.id, "runs": ids, "destroyed_at": office.stamp()}
    receipt = declare(office.identity, Declared.DESTRUCTION, facts).to_json()
    with office.store.transaction("note destruction") as connection:
        for row in runs.of_agreement(connection, agreement.id):
            if TRANSITIONS[State(row["state"])]:
                change_state(office, connection, row["id"], State.FAILED, problem=_OVERTAKEN)
        agreements.destroyed(connection, agreement.id, receipt=receipt)
        record(office, connection, Event.DATA_DESTROYED, agreement=agreement.id, receipt=receipt)


class Keeper:
    """Looks once at the start and once a minute."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._stopped = Signal()
        self._thread = Thread(target=self._watch, name="retention", daemon=True)

    def start(self) -> None:
        destroy_due(self._office)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            destroy_due(self._office)
