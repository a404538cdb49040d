"""Whether a matched run is released: IG leads approve or refuse, by statements that they sign."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import Connection, RowMapping

from keys.agreement import Agreement, Party, Role
from keys.canonical import parse
from keys.kinds import Declared
from keys.protocol import APPROVALS_NEEDED, Event, State
from keys.statement import Statement
from services.broker.api.described import described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import RunId
from services.broker.api.v1.runs import awaited, member
from services.broker.audit import record
from services.broker.errors import Conflict, NotFound, Refused
from services.broker.front.auth import Signed, office_of, signed
from services.broker.office import Office
from services.broker.runs.states import change_state
from services.broker.runs.workflows import take_up
from services.broker.store import openings, runs

router = APIRouter(tags=["decisions"], route_class=InsistingRoute)


@router.post(
    "/runs/{run}/approvals",
    **described(
        {201: answers.Approved},
        *("conflict", "agreement-refused", "signature-refused", "document-refused"),
        takes=answers.Statement,
    ),
)
def approve(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """An IG lead's signed approval of the release. Two, of two holders, let it go."""
    office = office_of(request)
    agreement, lead = _lead(office, run, caller)
    statement = _statement(caller, lead, Declared.APPROVAL, agreement, run)
    agreement.require_in_force(office.now())
    with office.store.transaction("approve release") as connection:
        row = _row(connection, run)
        approved = runs.approved_by(connection, run)
        enough = False
        if lead.of not in approved:
            _waiting(row)
            _require_opened(connection, row, agreement)
            runs.approve(connection, run=run, holder=lead.of or "", statement=statement.to_json())
            _record(office, connection, Event.RELEASE_APPROVED, agreement, run, lead, statement)
            approved = runs.approved_by(connection, run)
            enough = len(approved) >= APPROVALS_NEEDED
        if enough:
            change_state(office, connection, run, State.APPROVED)
    if enough:
        take_up(run, State.APPROVED)
    return {"run": run, "approved_by": list(approved)}


@router.post(
    "/runs/{run}/refusals",
    **described({201: answers.Declined}, "conflict", "signature-refused", "document-refused", takes=answers.Statement),
)
def refuse(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """An IG lead's signed refusal. One is enough: nothing of the run is released, and another run may start."""
    office = office_of(request)
    agreement, lead = _lead(office, run, caller)
    statement = _statement(caller, lead, Declared.REFUSAL, agreement, run)
    with office.store.transaction("refuse release") as connection:
        row = _row(connection, run)
        if row["state"] != State.DECLINED:
            _waiting(row)
            _record(office, connection, Event.RELEASE_REFUSED, agreement, run, lead, statement)
            change_state(office, connection, run, State.DECLINED)
    return {"run": run, "state": State.DECLINED.value}


def _lead(office: Office, run: str, caller: Signed) -> tuple[Agreement, Party]:
    agreement, party = member(office, run, caller)
    if party.role is not Role.IG_LEAD:
        raise NotFound
    return agreement, party


def _statement(caller: Signed, lead: Party, kind: Declared, agreement: Agreement, run: str) -> Statement:
    statement = Statement.from_json(parse(caller.body, where=kind))
    if statement.verify(lead.card, kind=kind) != {"agreement": agreement.id, "run": run}:
        raise Refused(f"The {kind} is for another run.", remedy="Decide on the run that you looked at.")
    return statement


def _waiting(row: RowMapping) -> None:
    state = row["state"]
    if state != State.MATCHED:
        raise Conflict(f"A run that is {state} waits for no decision.", remedy="Look at its status.")


def _require_opened(connection: Connection, row: RowMapping, agreement: Agreement) -> None:
    """Nobody approves what no holder could check."""
    if row["links"] is None or row["outcome"] is not None:
        return
    names = awaited(agreement, openings.of_run(connection, row["id"]))
    raise Conflict(
        f"Control rows are not opened yet by {', '.join(names)}."
        if names
        else "Control rows are being shown just now.",
        remedy="Ask for it (counterfoil controls RUN), then approve. If a holder does not open, decline the run, and "
        "another can start.",
    )


def _row(connection: Connection, run: str) -> RowMapping:
    row = runs.get_locked(connection, run)
    if row is None:
        raise NotFound
    return row


def _record(
    office: Office,
    connection: Connection,
    event: Event,
    agreement: Agreement,
    run: str,
    lead: Party,
    statement: Statement,
) -> None:
    facts = {"run": run, "by": lead.name, "statement": statement.to_json()}
    record(office, connection, event, agreement=agreement.id, **facts)
