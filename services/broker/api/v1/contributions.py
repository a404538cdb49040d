"""Contributions to the linkage secret, sealed from holder to holder: the broker only carries them."""

import io
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from keys.agreement import Agreement, Party, Role
from keys.envelope import verify
from keys.kinds import Sealed
from keys.protocol import Event
from keys.request import content_digest
from services.broker.api.described import BYTES, described
from services.broker.api.insisting import InsistingRoute
from services.broker.api.v1 import answers
from services.broker.api.v1.answers import AgreementId, Other
from services.broker.audit import record
from services.broker.errors import Conflict, NotFound
from services.broker.front.auth import Signed, office_of, signed
from services.broker.store import contributions

router = APIRouter(tags=["contributions"], route_class=InsistingRoute)

_PATH = "/agreements/{agreement}/contributions/{other}"


@router.put(
    _PATH,
    **described(
        {201: answers.Relayed}, "conflict", "agreement-refused", "envelope-refused", "signature-refused", takes=BYTES
    ),
)
def put_contribution(
    agreement: AgreementId, other: Other, request: Request, caller: Annotated[Signed, Depends(signed)]
) -> dict[str, str]:
    """From the calling holder to the holder ``other`` (its name in the terms)."""
    office = office_of(request)
    found, sender = office.member(agreement, caller.caller)
    receiver = _other_holder(found, sender, other)
    found.require_in_force(office.now())
    verify(
        io.BytesIO(caller.body),
        kind=Sealed.CONTRIBUTION,
        agreement=found.id,
        sender=sender.card,
        receiver=receiver.card.receiving.key_id,
    )
    with office.store.transaction("relay contribution") as connection:
        office.require_kept(connection, found.id)
        known = contributions.get(connection, agreement=found.id, sender=sender.name, receiver=receiver.name)
        if known is None:
            contributions.put(
                connection, agreement=found.id, sender=sender.name, receiver=receiver.name, sealed=caller.body
            )
            record(
                office,
                connection,
                Event.CONTRIBUTION_RELAYED,
                agreement=found.id,
                sender=sender.name,
                receiver=receiver.name,
                content_digest=content_digest(caller.body),
            )
        elif known != caller.body:
            raise Conflict(
                f"{sender.name} has contributed to {receiver.name} already.",
                remedy="One secret per agreement: make a new agreement if a contribution was lost or leaked.",
            )
    return {"agreement": found.id, "sender": sender.name, "receiver": receiver.name}


@router.get(_PATH, response_class=Response, **described({200: BYTES}))
def get_contribution(
    agreement: AgreementId, other: Other, request: Request, caller: Annotated[Signed, Depends(signed)]
) -> Response:
    """What the holder ``other`` has sealed to the calling holder."""
    office = office_of(request)
    found, receiver = office.member(agreement, caller.caller)
    sender = _other_holder(found, receiver, other)
    with office.store.transaction("fetch contribution") as connection:
        sealed = contributions.get(connection, agreement=found.id, sender=sender.name, receiver=receiver.name)
    if sealed is None:
        raise NotFound
    return Response(sealed, media_type="application/octet-stream")


def _other_holder(agreement: Agreement, party: Party, name: str) -> Party:
    others = [one for one in agreement.holders() if one.name == name and one != party]
    if party.role is not Role.HOLDER or not others:
        raise NotFound
    return others[0]
