"""Agreements: put one in force at the broker, read it back."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool

from keys.agreement import Agreement, Role
from keys.canonical import parse
from keys.identity import Card
from keys.kinds import Declared
from keys.protocol import Event
from keys.statement import declare
from services.broker.api.described import described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import AgreementId
from services.broker.audit import record
from services.broker.errors import Refused
from services.broker.front.auth import (
    SMALL_BODY,
    Signed,
    authenticate,
    counted,
    located,
    office_of,
    signed,
    stream_body,
)
from services.broker.office import Office
from services.broker.store import agreements

router = APIRouter(tags=["agreements"], route_class=InsistingRoute)


@router.get("/card", dependencies=[Depends(counted)], **described({200: answers.Card}, signed=False))
def card(request: Request) -> dict[str, Any]:
    """The broker's own card. Compare its fingerprint by another way before an agreement names it."""
    return office_of(request).identity.card.to_json()


@router.post(
    "/agreements",
    dependencies=[Depends(counted)],
    **described(
        {201: answers.Statement},
        *("conflict", "agreement-refused", "signature-refused", "document-refused"),
        takes=answers.Agreement,
        headers=["Location"],
    ),
)
async def put_agreement(request: Request, response: Response) -> dict[str, Any]:
    """Hand in an agreement that every party has signed; the answer is this broker's receiving key for it."""
    office = office_of(request)
    body = b"".join([part async for part in stream_body(request, SMALL_BODY)])
    document = await run_in_threadpool(_put, request, office, body)
    response.headers["Location"] = located(request, f"/v1/agreements/{document['body']['agreement']}")
    return document


@router.get("/agreements/{agreement}", **described({200: answers.Kept}))
def get_agreement(
    agreement: AgreementId, request: Request, caller: Annotated[Signed, Depends(signed)]
) -> dict[str, Any]:
    """The agreement with its signatures, the broker's receiving key for it and, later, the destruction receipt."""
    office = office_of(request)
    found, _ = office.member(agreement, caller.caller)
    with office.store.transaction("read receiving address") as connection:
        row = agreements.get(connection, found.id)
    return {
        "agreement": found.to_json(),
        "receiving": row["receiving"] if row else None,
        "destroyed": row["destroyed"] if row else None,
    }


def _put(request: Request, office: Office, body: bytes) -> dict[str, Any]:
    agreement = Agreement.from_json(parse(body, where="agreement"))
    if agreement.sole(Role.BROKER).card != office.identity.card:
        raise Refused("The agreement names another broker.", remedy="Send it to the broker that it names.")
    # The cards that say who asks come with the request. Only one that this broker has signed, too, makes its parties
    # known; before that nothing is written down, not even a nonce.
    agreement.require_in_force(office.now())

    def card_of(fingerprint: str) -> Card | None:
        party = agreement.party(fingerprint)
        return party.card if party else None

    caller = authenticate(request, office, card_of)
    # One transaction: two parties may hand in the same agreement at once, and there must be one key for it.
    with office.store.transaction("receive agreement") as connection:
        agreements.claim(connection, agreement.id)
        known = agreements.get(connection, agreement.id)
        if known is not None:
            document: dict[str, Any] = known["receiving"]
            return document
        key = office.new_receiving_key(agreement.id)
        body_of_statement = {"agreement": agreement.id, "receiving": key.address.to_json()}
        receiving = declare(office.identity, Declared.RECEIVING_KEY, body_of_statement).to_json()
        agreements.put(connection, agreement.id, document=agreement.to_json(), receiving=receiving, at=office.stamp())
        record(office, connection, Event.AGREEMENT_RECEIVED, agreement=agreement.id, by=_name(agreement, caller))
    return receiving


def _name(agreement: Agreement, fingerprint: str) -> str:
    party = agreement.party(fingerprint)
    return party.name if party else ""
