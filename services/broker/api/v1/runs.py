"""Runs: start one, list them, watch one, fetch what is yours."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import RowMapping

from keys.agreement import Agreement, Party, Role
from keys.protocol import MAY_CANCEL, TRANSITIONS, Event, State
from services.broker.api.described import BYTES, described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import AgreementId, RunId
from services.broker.audit import record
from services.broker.errors import Conflict, Gone, NotFound, Refused
from services.broker.front.auth import Signed, located, office_of, signed
from services.broker.office import Office
from services.broker.outcome import quality
from services.broker.outcome.counts import shown_to
from services.broker.outcome.release import receives, released_name
from services.broker.runs.plan import percent, seconds_left, shares
from services.broker.runs.rules import require_uploads
from services.broker.runs.states import change_state
from services.broker.runs.workflows import take_up
from services.broker.store import agreements, openings, runs, tasks, uploads

router = APIRouter(tags=["runs"], route_class=InsistingRoute)
_POLL_SECONDS = "1"
"""After which it makes sense to ask again how far a run is."""


@router.post(
    "/agreements/{agreement}/runs",
    **described({202: answers.Run}, "conflict", "agreement-refused", headers=["Location", "Retry-After"]),
)
def start_run(
    agreement: AgreementId, request: Request, response: Response, caller: Annotated[Signed, Depends(signed)]
) -> dict[str, Any]:
    """Start a run on the newest upload of every holder; its status is at ``Location``."""
    office = office_of(request)
    found, party = office.member(agreement, caller.caller)
    if party.role is not Role.HOLDER:
        raise NotFound
    found.require_in_force(office.now())
    run = office.random(16).hex()
    with office.store.transaction("start run") as connection:
        office.require_kept(connection, found.id)
        if any(TRANSITIONS[State(row["state"])] for row in runs.of_agreement(connection, found.id)):
            raise Conflict("A run of this agreement is under way.", remedy="Wait until it has ended.")
        taken = {
            holder.name: newest
            for holder in found.holders()
            if (newest := uploads.newest(connection, agreement=found.id, holder=holder.name)) is not None
        }
        require_uploads(found, taken)
        inputs = {name: upload["id"] for name, upload in taken.items()}
        stamp = office.stamp()
        runs.put(
            connection,
            id=run,
            agreement=found.id,
            state=State.ACCEPTED.value,
            uploads=inputs,
            task_pairs=office.settings.task_pairs,
            started_at=stamp,
            changed_at=stamp,
        )
        record(office, connection, Event.RUN_STARTED, agreement=found.id, run=run, by=party.name, uploads=inputs)
    take_up(run, State.ACCEPTED)
    response.headers["Location"] = located(request, f"/v1/runs/{run}")
    response.headers["Retry-After"] = _POLL_SECONDS
    return _status(office, run, found, party)


@router.get("/agreements/{agreement}/runs", **described({200: answers.Runs}, "invalid-request", headers=["Link"]))
def list_runs(
    agreement: AgreementId,
    request: Request,
    response: Response,
    caller: Annotated[Signed, Depends(signed)],
    cursor: Annotated[str | None, Query(pattern="^[0-9a-f]{32}$", examples=[answers.RUN])] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> dict[str, Any]:
    """The agreement's runs, newest first, in pages: the first without a cursor, each next one by ``next`` of the one
    before, which stands in ``Link`` too (RFC 8288). A run that starts meanwhile moves nothing."""
    office = office_of(request)
    found, _ = office.member(agreement, caller.caller)
    with office.store.transaction("list runs") as connection:
        before = runs.get(connection, cursor) if cursor else None
        if cursor and (before is None or before["agreement"] != found.id):
            raise Refused("There is no such page of runs.", remedy="Begin with the first page, without a cursor.")
        rows, more = runs.page(connection, found.id, before=before, limit=limit)
    following = rows[-1]["id"] if more else None
    if following:
        next_page = located(request, f"/v1/agreements/{found.id}/runs?cursor={following}&limit={limit}")
        response.headers["Link"] = f'<{next_page}>; rel="next"'
    return {
        "runs": [
            {"run": row["id"], **{name: row[name] for name in ("state", "started_at", "changed_at")}} for row in rows
        ],
        "next": following,
    }


@router.get("/runs/{run}", **described({200: answers.Run}, headers=["Retry-After"]))
def run_status(
    run: RunId, request: Request, response: Response, caller: Annotated[Signed, Depends(signed)]
) -> dict[str, Any]:
    """State, progress in percent (of comparisons, not of pairs: those tell of numbers of rows), and the counts that the
    suppression rule lets through: for IG leads once the run is matched, for the others once it is released."""
    office = office_of(request)
    agreement, party = member(office, run, caller)
    status = _status(office, run, agreement, party)
    if TRANSITIONS[State(status["state"])]:
        response.headers["Retry-After"] = _POLL_SECONDS
    return status


@router.get("/runs/{run}/quality", **described({200: answers.Quality}))
def run_quality(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """How good the links are expected to be, as far as the suppression rule lets it be said, for whom the status gives
    the counts to; ``null`` where nothing may be said, or the agreement is not one of two holders with one row each in a
    link."""
    office = office_of(request)
    agreement, party = member(office, run, caller)
    with office.store.transaction("read outcome of run") as connection:
        row = runs.get(connection, run)
    if row is None or not _told(row, party):
        raise NotFound
    return {
        "run": run,
        "agreement": agreement.id,
        "quality": quality.shown_to(row["outcome"], _holder_of(party)),
    }


@router.post("/runs/{run}/cancellation", **described({200: answers.Run}, "conflict"))
def cancel_run(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """Stop a run whose links are not decided yet, as a holder or an IG lead. Its tasks end within seconds, and another
    run may start."""
    office = office_of(request)
    agreement, party = member(office, run, caller)
    if party.role not in MAY_CANCEL:
        raise NotFound
    with office.store.transaction("cancel run") as connection:
        row = runs.get_locked(connection, run)
        if row is None:
            raise NotFound
        if row["state"] not in (State.ACCEPTED, State.CANCELLED):
            raise Conflict(
                f"A run that is {row['state']} cannot be cancelled.",
                remedy="Look at its status. A release that waits can be declined by an IG lead.",
            )
        change_state(office, connection, run, State.CANCELLED, by=party.name)
    return _status(office, run, agreement, party)


@router.get("/runs/{run}/release", response_class=Response, **described({200: BYTES}, "gone"))
def fetch_release(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> Response:
    """Sealed to the caller: a holder's tokens or link keys; the recipient's run key."""
    office = office_of(request)
    agreement, party = member(office, run, caller)
    with office.store.transaction("read state of run") as connection:
        row = runs.get(connection, run)
        kept = agreements.get(connection, agreement.id)
    if row is None or kept is None or row["state"] != State.RELEASED or not receives(agreement, party):
        raise NotFound
    sealed = office.storage.read(released_name(run, party))
    if kept["destroyed"] is not None or sealed is None:
        raise _gone(kept["destroyed"])
    return Response(sealed, media_type="application/octet-stream")


def member(office: Office, run: str, caller: Signed) -> tuple[Agreement, Party]:
    """The run's agreement and the caller's part in it; ``NotFound`` also for a run that is not the caller's."""
    with office.store.transaction("read run") as connection:
        row = runs.get(connection, run)
    if row is None:
        raise NotFound
    return office.member(row["agreement"], caller.caller)


def awaited(agreement: Agreement, opened: Sequence[str]) -> list[str]:
    """The holders that have not opened their control rows."""
    return [holder.name for holder in agreement.holders() if holder.name not in opened]


def _gone(receipt: Any) -> Gone:
    when = f"on {receipt['body']['destroyed_at'][:10]}" if receipt else "a moment ago"
    return Gone(
        f"What this run released was destroyed {when}, as the agreement says.",
        remedy="Fetch results before the agreement's retention is over; for others make and sign a new agreement.",
    )


def _told(row: RowMapping, party: Party) -> bool:
    """Whether the party may know what came of the run: IG leads once the links are decided, others once they are
    released."""
    return row["outcome"] is not None and (row["state"] == State.RELEASED or party.role is Role.IG_LEAD)


def _holder_of(party: Party) -> str | None:
    """The holder that the party is, or whose IG lead it is."""
    return party.name if party.role is Role.HOLDER else party.of


def _status(office: Office, run: str, agreement: Agreement, party: Party) -> dict[str, Any]:
    with office.store.transaction("read status of run") as connection:
        row = runs.get(connection, run)
        approved = runs.approved_by(connection, run)
        opened = openings.of_run(connection, run)
        done = [(one["number"], datetime.fromisoformat(one["done_at"])) for one in tasks.of_run(connection, run)]
        rows = uploads.rows_of(connection, row["uploads"]) if row else {}
    if row is None:
        raise NotFound
    parts = shares(agreement, [rows[holder.name] for holder in agreement.holders()], row["task_pairs"])
    begun = datetime.fromisoformat(row["begun_at"]) if row["begun_at"] else None
    told = _told(row, party)
    comparing = begun is not None and row["state"] == State.ACCEPTED
    return {
        "run": row["id"],
        "agreement": row["agreement"],
        "state": row["state"],
        "percent": percent(parts, [number for number, _ in done]),
        "seconds_left": seconds_left(parts, done, begun=begun, now=office.now()) if begun and comparing else None,
        "control_rows": {"awaited": awaited(agreement, opened)} if row["links"] else None,
        "approved_by": list(approved),
        "outcome": shown_to(row["outcome"], _holder_of(party)) if told else None,
        "problem": row["problem"],
        "started_at": row["started_at"],
        "changed_at": row["changed_at"],
    }
