"""Control rows of a run whose links are decided: holders open theirs, and see those of all once all have."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from sqlalchemy import RowMapping

from keys.agreement import Agreement, Party, Role
from keys.canonical import parse
from keys.control_rows import SALT_BYTES, opening
from keys.kinds import Declared
from keys.protocol import Event, State
from keys.statement import Statement
from services.broker.api.described import described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import RunId
from services.broker.api.v1.runs import awaited, member
from services.broker.audit import record
from services.broker.errors import Conflict, Gone, NotFound, Refused
from services.broker.front.auth import Signed, office_of, signed
from services.broker.match.inputs import open_inputs
from services.broker.office import Office
from services.broker.outcome.opening import keep_opened, shown
from services.broker.runs.workflows import take_up
from services.broker.store import agreements, openings, runs, uploads

router = APIRouter(tags=["control rows"], route_class=InsistingRoute)

_PATH = "/runs/{run}/control-rows"


@router.post(
    _PATH,
    **described({201: answers.Opened}, "conflict", "signature-refused", "document-refused", takes=answers.Opening),
)
def open_control_rows(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """A holder's ``{"statement", "salt", "handles"}``: its control rows by number, and its word that it has seen the
    links committed. The same again is the same as once."""
    office = office_of(request)
    agreement, holder = _party(office, run, caller, Role.HOLDER)
    if not agreement.terms.control.rows:
        raise Refused("The agreement has no control rows.", remedy="There is nothing to open.")
    statement, salt, handles = _opening(caller)
    with office.store.transaction("read run to open") as connection:
        row = runs.get(connection, run)
        opened = openings.of_run(connection, run)
        committed = uploads.control_rows_of(connection, row["uploads"][holder.name]) if row else None
    if row is None or committed is None:
        raise NotFound
    if holder.name in opened:
        return _said(agreement, run, opened)
    _require_waiting(row)
    body = opening(agreement=agreement.id, run=run, control_rows=committed, links=row["links"] or "")
    if statement.verify(holder.card, kind=Declared.OPENING) != body:
        raise Refused(
            "The statement is not of these links and this upload.",
            remedy="Fetch the log (counterfoil log fetch), then open again. If it is refused again, the log that you "
            "see is not the broker's: tell every party.",
        )
    place = [party.name for party in agreement.holders()].index(holder.name)
    keep_opened(open_inputs(office, run), place, handles=handles, salt=salt, committed=committed)
    with office.store.transaction("open control rows") as connection:
        locked = runs.get_locked(connection, run)
        if locked is None:
            raise NotFound
        if holder.name not in openings.of_run(connection, run):
            _require_waiting(locked)
            openings.put(connection, run=run, holder=holder.name, statement=statement.to_json())
            facts = {"run": run, "by": holder.name, "statement": statement.to_json()}
            record(office, connection, Event.CONTROL_ROWS_OPENED, agreement=agreement.id, **facts)
        opened = openings.of_run(connection, run)
    if not awaited(agreement, opened):
        take_up(run, State.MATCHED)
    return _said(agreement, run, opened)


@router.get(_PATH, **described({200: answers.Shown}, "gone"))
def see_control_rows(run: RunId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """For holders and their IG leads: who is awaited, and the control rows of all holders once nobody is."""
    office = office_of(request)
    agreement, _ = _party(office, run, caller, Role.HOLDER, Role.IG_LEAD)
    if not agreement.terms.control.rows:
        raise NotFound
    with office.store.transaction("read opened control rows") as connection:
        row = runs.get(connection, run)
        opened = openings.of_run(connection, run)
        destroyed = agreements.is_destroyed(connection, agreement.id)
    if destroyed:
        raise Gone("The control rows of this run were destroyed, as the agreement says.", remedy="Nothing can be done.")
    ready = row is not None and row["outcome"] is not None
    return {**_said(agreement, run, opened), "shown": shown(open_inputs(office, run)) if ready else None}


def _party(office: Office, run: str, caller: Signed, *roles: Role) -> tuple[Agreement, Party]:
    agreement, party = member(office, run, caller)
    if party.role not in roles:
        raise NotFound
    return agreement, party


def _said(agreement: Agreement, run: str, opened: Any) -> dict[str, Any]:
    return {"run": run, "awaited": awaited(agreement, opened)}


def _require_waiting(row: RowMapping) -> None:
    if row["state"] != State.MATCHED:
        raise Conflict(
            f"A run that is {row['state']} takes no control rows.",
            remedy="They are opened once its links are decided, and before it is released: look at its status.",
        )


def _opening(caller: Signed) -> tuple[Statement, bytes, list[str]]:
    document = parse(caller.body, where="opening")
    try:
        salt, handles = bytes.fromhex(document["salt"]), document["handles"]
        fits = set(document) == {"statement", "salt", "handles"} and len(salt) == SALT_BYTES
        fits = fits and isinstance(handles, list) and all(isinstance(one, str) for one in handles)
    except (KeyError, TypeError, ValueError):
        fits = False
    if not fits:
        raise Refused("The opening of control rows is not valid.", remedy="Use a current version of the tool.")
    return Statement.from_json(document["statement"]), salt, handles
