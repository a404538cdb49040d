"""Destruction when its time has come, whatever was down in between.

1. That it is destroyed is noted apart from the database, then the agreement's receiving key goes: without it uploads,
   pairs and link ids are noise, also in a backup. An agreement that is noted so, though its database says otherwise, is
   destroyed again, with the receipt of the first time: see ``destroyed``.
2. Then the files: uploads, pairs, link ids, and what was released.
3. Then, in one transaction, the holders' sealed contributions to the secret and what is known of unfinished uploads;
   runs that were under way fail; the receipt and the log say that it is done. If anything stops it before, it is done
   again a minute later.
4. The database forgets what was deleted. A file that came just then (of a step or an upload that was under way, for
   a key that is gone) goes with the next look.

What stays: the agreement, receipts, the states and suppressed outcomes of runs, and the log. What this cannot prove
is that nobody made a copy before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from threading import Event as Signal
from threading import Thread
from typing import Any

from keys.agreement import Agreement
from keys.kinds import Declared
from keys.protocol import TRANSITIONS, Event, State
from keys.statement import declare
from services.broker.audit import record
from services.broker.destruction.sweep import sweep
from services.broker.office import Office
from services.broker.runs.states import change_state
from services.broker.store import agreements, contributions, incoming, runs
from services.broker.watch import metrics
from services.broker.watch.logs import say

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
    """Destroy what is due and sweep up what destruction left behind; the ids of the agreements that were due.

    Raises ``ExceptionGroup`` if some could not be destroyed; the others are.
    """
    # Looked at first: a folder is only ever made after the row of its agreement or run.
    stored = {room: office.storage.folders(room) for room in ("agreements", "runs")}
    with office.store.transaction("look for what is due") as connection:
        standing = [
            (Agreement.from_json(row["document"]), runs.of_agreement(connection, row["id"]))
            for row in agreements.standing(connection)
        ]
    gone, failures = [], []
    for agreement, of_agreement in standing:
        noted = agreement.id in office.destroyed
        if noted:
            say("destruction repeated")
        if noted or due(agreement, of_agreement, office.now()):
            try:
                destroy(office, agreement)
            except Exception as failure:  # noqa: BLE001 - whatever it is, it must not keep the data of others
                failures.append(failure)
            else:
                gone.append(agreement.id)
    kept = {
        "agreements": {agreement.id for agreement, _ in standing},
        "runs": {run["id"] for _, of_agreement in standing for run in of_agreement},
    }
    for room, names in stored.items():
        for name in names:
            if name not in kept[room]:
                office.storage.remove_folder(f"{room}/{name}")
    _note_earlier(office)
    office.store.settle()
    metrics.looked(destroyed=len(gone), left=len(failures), now=office.now())
    if failures:
        raise ExceptionGroup("the data of some agreements could not be destroyed", failures)
    return gone


def _note_earlier(office: Office) -> None:
    """Note those that were destroyed by a version that made no notes."""
    with office.store.transaction("look for what has been destroyed") as connection:
        for agreement in agreements.destroyed_ids(connection):
            if agreement not in office.destroyed:
                row = agreements.get(connection, agreement)
                office.destroyed.complete(agreement, row["destroyed"] if row else None)


def destroy(office: Office, agreement: Agreement) -> None:
    """Destroy the data of one agreement and sign a receipt. Doing so again after a crash completes it."""
    office.destroy_receiving_key(agreement.id)  # 1
    with office.store.transaction("list runs to destroy") as connection:
        ids = [row["id"] for row in runs.of_agreement(connection, agreement.id)]
    for run in ids:
        office.storage.remove_folder(f"runs/{run}")  # 2
    office.storage.remove_folder(f"agreements/{agreement.id}")  # 2
    receipt = office.destroyed.receipt(agreement.id)
    if receipt is None:
        facts = {"agreement": agreement.id, "runs": ids, "destroyed_at": office.stamp()}
        receipt = declare(office.identity, Declared.DESTRUCTION, facts).to_json()
        office.destroyed.complete(agreement.id, receipt)
    with office.store.transaction("note destruction") as connection:  # 3
        if agreements.is_destroyed(connection, agreement.id):
            return
        contributions.forget(connection, agreement.id)
        incoming.forget(connection, *(row["id"] for row in incoming.of_agreement(connection, agreement.id)))
        for row in runs.of_agreement(connection, agreement.id):
            if TRANSITIONS[State(row["state"])]:
                change_state(office, connection, row["id"], State.FAILED, problem=_OVERTAKEN)
        agreements.destroyed(connection, agreement.id, receipt=receipt)
        record(office, connection, Event.DATA_DESTROYED, agreement=agreement.id, receipt=receipt)
    office.store.settle()  # 4


class Keeper:
    """Looks once at the start and once a minute; then it also has uploads taken up that wait to be checked."""

    def __init__(self, office: Office, *, take_up: Callable[[], None] = lambda: None) -> None:
        self._duties: list[tuple[Callable[[], object], str]] = [
            (partial(destroy_due, office), "destruction"),
            (partial(sweep, office), "sweep"),
            (take_up, "checking"),
        ]
        self._stopped = Signal()
        self._thread = Thread(target=self._watch, name="retention", daemon=True)

    def start(self) -> None:
        self._look()
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        for duty, name in self._duties:
            try:
                duty()
            except Exception as failure:  # noqa: BLE001 - it must look again in a minute
                metrics.DUTY_FAILURES.labels(name).inc()
                say("duty failed", failure, duty=name)
