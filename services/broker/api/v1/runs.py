"""Runs: start one, watch it, approve its release, fetch what is yours."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from keys.agreement import Agreement, Party, Role
from keys.canonical import parse
from keys.statement import Statement
from services.broker.audit import Event, record
from services.broker.auth import Signed, office_of, signed
from services.broker.errors import Conflict, NotFound, Refused
from services.broker.office import Office
from services.broker.release import released_name
from services.broker.runs import APPROVALS_NEEDED, TRANSITIONS, State, pairs_total, require_uploads
from services.broker.store import runs, uploads
from services.broker.workflows import change_state, take_up

router = APIRouter(tags=["runs"])
APPROVAL = "approval"


@router.post("/agreements/{agreement}/runs", status_code=202)
def start_run(
    agreement: str, request: Request, response: Response, caller: Annotated[Signed, Depends(signed)]
) -> dict[str, Any]:
    """Start a run on the newest upload of every holder; its status is at ``Location``."""
    office = office_of(request)
    found, party = office.member(agreement, caller.caller)
    if party.role is not Role.HOLDER:
        raise NotFound
    found.require_in_force(office.now())
    office.require_kept(found.id)
    run = office.random(16).hex()
    with office.store.transaction("start run") as connection:
        if any(TRANSITIONS[State(row["state"])] for row in runs.of_agreement(connection, found.id)):
            raise Conflict("A run of this agreement is under way.", remedy="Wait until it has ended.")
        taken = {
            holder.name: newest
            for holder in found.holders()
            if (newest := uploads.newest(connection, agreement=found.id, holder=holder.name)) is not None
        }
        require_uploads(found, taken)
        stamp = office.stamp()
        runs.put(
            connection,
            id=run,
            agreement=found.id,
            state=State.ACCEPTED.value,
            uploads={name: upload["id"] for name, upload in taken.items()},
            pairs_total=pairs_total(found, [taken[holder.name]["rows"] for holder in found.holders()]),
            pairs_compared=0,
            started_at=stamp,
            changed_at=stamp,
        )
        record(connection, Event.RUN_STARTED, at=office.now(), agreement=found.id, run=run, by=party.name)
    take_up(run, State.ACCEPTED)
    response.headers["Location"] = f"/v1/runs/{run}"
    response.headers["Retry-After"] = "1"
    return _status(office, run)


@router.get("/runs/{run}")
def run_status(run: str, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """State, progress in percent (pairs would tell one holder another's number of rows), and the counts that the
    suppression rule lets through once the run is matched."""
    office = office_of(request)
    _member(office, run, caller)
    return _status(office, run)


@router.post("/runs/{run}/approvals", status_code=201)
def approve(run: str, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """An IG lead's signed approval of the release. Two, of two holders, let it go."""
    office = office_of(request)
    agreement, party = _member(office, run, caller)
    if party.role is not Role.IG_LEAD:
        raise NotFound
    statement = Statement.from_json(parse(caller.body, where="approval"))
    if statement.verify(party.card, kind=APPROVAL) != {"agreement": agreement.id, "run": run}:
        raise Refused("The approval is for another run.", remedy="Approve the run that you looked at.")
    with office.store.transaction("approve release") as connection:
        row = runs.get(connection, run)
        if row is None:
            raise NotFound
        approved = runs.approved_by(connection, run)
        if party.of in approved:
            return {"run": run, "approved_by": list(approved)}
        if row["state"] != State.MATCHED:
            raise Conflict(f"A run that is {row['state']} waits for no approval.", remedy="Look at its status.")
        runs.approve(connection, run=run, holder=party.of or "", statement=statement.to_json())
        record(connection, Event.RELEASE_APPROVED, at=office.now(), agreement=agreement.id, run=run, by=party.name)
        approved = runs.approved_by(connection, run)
        enough = len(approved) >= APPROVALS_NEEDED
        if enough:
            change_state(office, connection, run, State.APPROVED)
    if enough:
        take_up(run, State.APPROVED)
    return {"run": run, "approved_by": list(approved)}


@router.get("/runs/{run}/release")
def fetch_release(run: str, request: Request, caller: Annotated[Signed, Depends(signed)]) -> Response:
    """Sealed to the caller: a holder's tokens or link keys; the recipient's run key."""
    office = office_of(request)
    _, party = _member(office, run, caller)
    with office.store.transaction("read state of run") as connection:
        row = runs.get(connection, run)
    name = released_name(run, party)
    if row is None or row["state"] != State.RELEASED or not office.storage.exists(name):
        raise NotFound
    with office.storage.open(name) as stream:
        return Response(stream.read(), media_type="application/octet-stream")


def _member(office: Office, run: str, caller: Signed) -> tuple[Agreement, Party]:
    with office.store.transaction("read run") as connection:
        row = runs.get(connection, run)
    if row is None:
        raise NotFound
    return office.member(row["agreement"], caller.caller)


def _status(office: Office, run: str) -> dict[str, Any]:
    with office.store.transaction("read status of run") as connection:
        row = runs.get(connection, run)
        approved = runs.approved_by(connection, run)
    if row is None:
        raise NotFound
    return {
        "run": row["id"],
        "agreement": row["agreement"],
        "state": row["state"],
        "percent": 100 * row["pairs_compared"] // max(1, row["pairs_total"]),
        "approved_by": list(approved),
        "outcome": row["outcome"],
        "problem": row["problem"],
        "started_at": row["started_at"],
        "changed_at": row["changed_at"],
    }
