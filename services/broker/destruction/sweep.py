"""Sweeping up: uploads that nobody finishes, files that a crash left without their row, uploads that were replaced, and
what runs in vain have left.

1. A run takes the newest upload of each holder, so one that was replaced is of use to a run that has taken it and has
   not ended, and to nobody else, ever. Its row stays: what was received, when, and that it has been replaced.
2. That is looked at with the agreement locked, as a run is started and an upload accepted, so that none comes between.
3. A run that was cancelled, declined or failed has an hour: a worker may still be reading what it has written.
4. What is swept is always whole files whose names nobody uses again, so it does not matter when it happens.
"""

from __future__ import annotations

from datetime import UTC, timedelta

from services.broker.office import Office
from services.broker.store import agreements, incoming, runs, uploads
from services.broker.uploads.incoming import Stage, incoming_folder, upload_name, uploads_folder

_IN_VAIN = timedelta(hours=1)


def sweep(office: Office) -> None:
    """Look once at every agreement whose data are kept; those that are destroyed are ``retention``'s."""
    _sweep_runs(office)
    with office.store.transaction("look for incoming uploads") as connection:
        waited_for = incoming.in_agreements(connection)
    for agreement in sorted({*office.storage.folders("agreements"), *waited_for}):
        _sweep(office, agreement)


def _sweep_runs(office: Office) -> None:
    with office.store.transaction("look for runs in vain") as connection:
        useless = runs.in_vain(connection, before=_ago(office, _IN_VAIN))  # 3
    for name in useless.intersection(office.storage.folders("runs")):
        office.storage.remove_folder(f"runs/{name}")


def _ago(office: Office, span: timedelta) -> str:
    return (office.now() - span).astimezone(UTC).isoformat(timespec="microseconds")


def _sweep(office: Office, agreement: str) -> None:
    limit = _ago(office, timedelta(hours=office.settings.unfinished_hours))
    # Looked at first: a file only ever lies there while the row of its upload, on its way or accepted, does.
    parts = set(office.storage.folders(incoming_folder(agreement)))
    files = set(office.storage.folders(uploads_folder(agreement)))
    with office.store.transaction("sweep up") as connection:
        if agreements.is_destroyed(connection, agreement):  # 2
            return
        under_way = incoming.of_agreement(connection, agreement)
        given_up = {row["id"] for row in under_way if row["touched_at"] < limit and not Stage(row["state"]).in_hand}
        incoming.forget(connection, *given_up)
        kept = {row["id"] for row in under_way if row["state"] != Stage.REFUSED} - given_up
        unfinished = {*parts, *given_up} - kept
        of_use = {
            *uploads.newest_of_each(connection, agreement).values(),
            *runs.inputs_under_way(connection, agreement),
        }
    useless = files - kept - of_use  # 1
    for name in unfinished:
        office.storage.remove_folder(incoming_folder(agreement, name))
    for name in useless:
        office.storage.remove(upload_name(agreement, name))
