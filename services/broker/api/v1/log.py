"""The audit log of an agreement, for its parties: whole, as a newest checkpoint with proofs, and countersigned."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from keys.agreement import Role
from keys.canonical import parse
from keys.checkpoint import parse_note
from keys.errors import LogError
from keys.merkle import consistency_proof, inclusion_proof, leaf_hash
from keys.receiving import encode
from services.broker.api.described import described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import AgreementId
from services.broker.errors import NotFound, Refused
from services.broker.front.auth import Signed, office_of, signed
from services.broker.store import agreements, countersignatures, events

router = APIRouter(tags=["audit log"], route_class=InsistingRoute)


@router.get("/agreements/{agreement}/log", **described({200: answers.Log}))
def get_log(agreement: AgreementId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """Everything that happened in this agreement, in the form that ``counterfoil log verify`` checks offline."""
    office = office_of(request)
    found, _ = office.member(agreement, caller.caller)
    with office.store.transaction("export log") as connection:
        # First, so that whatever is countersigned is in the log that is read: both may grow between the two.
        notes = countersignatures.of_agreement(connection, found.id)
        rows = events.of_agreement(connection, found.id)
    return {
        "counterfoil": "audit log",
        "version": 1,
        "agreement": found.to_json(),
        "entries": [{"facts": parse(row["leaf"], where="log"), "checkpoint": row["checkpoint"]} for row in rows],
        "countersigned": list(notes),
    }


@router.get("/agreements/{agreement}/log/checkpoint", **described({200: answers.Checkpoint}, "invalid-request"))
def get_checkpoint(
    agreement: AgreementId,
    request: Request,
    caller: Annotated[Signed, Depends(signed)],
    since: Annotated[int, Query(ge=0)] = 0,
    entry: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """The newest checkpoint; that it continues the one of ``since`` entries; that ``entry`` (from 1) is in it."""
    office = office_of(request)
    found, _ = office.member(agreement, caller.caller)
    with office.store.transaction("prove log") as connection:
        rows = events.of_agreement(connection, found.id)
    if max(since, entry) > len(rows):
        raise Refused(f"The log has {len(rows)} entries.", remedy="Fetch the log and compare it with what you kept.")
    hashes = [leaf_hash(row["leaf"]) for row in rows]
    return {
        "checkpoint": rows[-1]["checkpoint"],
        "consistency": [encode(one) for one in consistency_proof(hashes, since)] if since else [],
        "facts": parse(rows[entry - 1]["leaf"], where="log") if entry else None,
        "inclusion": [encode(one) for one in inclusion_proof(hashes, entry - 1)] if entry else [],
    }


@router.post(
    "/agreements/{agreement}/log/countersignatures",
    **described({201: answers.Countersigned}, "signature-refused", "document-refused", takes=answers.Note),
)
def countersign(agreement: AgreementId, request: Request, caller: Annotated[Signed, Depends(signed)]) -> dict[str, Any]:
    """A checkpoint of this broker with the caller's signature added; the export shows it to everyone."""
    office = office_of(request)
    found, party = office.member(agreement, caller.caller)
    if party.role is Role.BROKER:
        raise NotFound
    document = parse(caller.body, where="countersignature")
    note = parse_note(document.get("note") if isinstance(document, dict) else None)
    checkpoint = note.checkpoint
    with office.store.transaction("keep countersignature") as connection:
        agreements.lock(connection, found.id)
        rows = events.of_agreement(connection, found.id)
        known = rows[checkpoint.size - 1]["checkpoint"] if 1 <= checkpoint.size <= len(rows) else None
        # Exactly the broker's own note and one line more, so that nothing else is ever handed on to others.
        if known is None or len(note.lines) != 2 or note.without_last().note() != known:
            raise LogError("This broker has not made that checkpoint.", remedy="Fetch the log again and compare.")
        note.require_signed_by(party.card)
        countersignatures.put(
            connection,
            agreement=found.id,
            signer=party.card.fingerprint,
            size=checkpoint.size,
            note=note.note(),
        )
    return {"agreement": found.id, "size": checkpoint.size}
