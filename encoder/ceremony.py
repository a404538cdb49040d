"""How the holders come by one secret that nobody else knows: contribute, then receive."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime

from encoder.door import Door
from encoder.errors import BrokerRefused, InputError, NothingThere
from encoder.workspace import Workspace, own_party
from keys.agreement import Agreement, Party, Role
from keys.envelope import open_bytes, seal_bytes
from keys.errors import SecretError
from keys.files import write_whole
from keys.identity import Identity
from keys.kinds import Sealed
from keys.secret import CONTRIBUTION_BYTES, Secret, combine


def contribute(
    workspace: Workspace,
    door: Door,
    *,
    agreement: Agreement,
    identity: Identity,
    now: datetime,
    random: Callable[[int], bytes],
) -> None:
    """Draw this holder's contribution once, keep it, and seal it to every other holder.

    Raises ``AgreementError`` when the agreement is not in force at ``now``.
    """
    agreement.require_in_force(now)
    own = own_party(agreement, identity, Role.HOLDER)
    if not workspace.keeps(Sealed.CONTRIBUTION):
        drawn = random(CONTRIBUTION_BYTES)
        workspace.keep(Sealed.CONTRIBUTION, drawn, agreement=agreement.id, identity=identity, random=random)
    contribution = workspace.recall(Sealed.CONTRIBUTION, agreement=agreement.id, identity=identity)
    for other in _others(agreement, own):
        # Sealed once and sent as often as needed: the broker takes the same bytes again, and no others.
        path = workspace.root / f"contribution-to-{other.name}.sealed"
        if not path.is_file():
            sealed = seal_bytes(
                contribution,
                kind=Sealed.CONTRIBUTION,
                agreement=agreement.id,
                sender=identity,
                receiver=other.card.receiving,
                random=random,
            )
            write_whole(path, sealed, private=True)
        door.put_bytes(f"/v1/agreements/{agreement.id}/contributions/{other.name}", path.read_bytes())


def receive(
    workspace: Workspace,
    door: Door,
    *,
    agreement: Agreement,
    identity: Identity,
    now: datetime,
    random: Callable[[int], bytes],
) -> Secret:
    """Open what every other holder has sealed to this one, combine, and keep the secret sealed.

    Raises ``AgreementError`` when the agreement is not in force at ``now``, ``EnvelopeError`` or ``SignatureError``
    for a contribution by another party or for another agreement, ``SecretError`` for one that is unfit and, naming
    who is awaited, when not all have contributed.
    """
    agreement.require_in_force(now)
    own = own_party(agreement, identity, Role.HOLDER)
    if not workspace.keeps(Sealed.CONTRIBUTION):
        raise InputError(
            "There is no contribution here.",
            where=str(workspace.root),
            remedy="Contribute first: counterfoil secret contribute. Or name the folder where you did.",
        )
    parts = {own.card.fingerprint: workspace.recall(Sealed.CONTRIBUTION, agreement=agreement.id, identity=identity)}
    others = _others(agreement, own)
    sealed = _fetch(door, agreement, others)
    awaited = [other.name for other in others if other.name not in sealed]
    if awaited:
        raise SecretError(
            f"{_listed(awaited)} {'has' if len(awaited) == 1 else 'have'} not contributed yet.",
            where=f"agreement {agreement.id[:16]}",
            remedy="Every holder runs counterfoil secret contribute, once; receive again when they have.",
        )
    for other in others:
        _, parts[other.card.fingerprint] = open_bytes(
            sealed[other.name],
            kind=Sealed.CONTRIBUTION,
            agreement=agreement.id,
            sender=other.card,
            key=identity.receiving,
        )
    secret = combine(parts, agreement=agreement.id)
    workspace.keep(Sealed.LINKAGE_SECRET, secret.key(), agreement=agreement.id, identity=identity, random=random)
    return secret


def contributed(door: Door, *, agreement: Agreement, identity: Identity) -> dict[str, bool]:
    """Every other holder's name -> whether the broker has its contribution to this one; not whether it opens.

    Raises ``BrokerRefused``.
    """
    own = own_party(agreement, identity, Role.HOLDER)
    others = _others(agreement, own)
    sealed = _fetch(door, agreement, others)
    return {other.name: other.name in sealed for other in others}


def _fetch(door: Door, agreement: Agreement, others: Sequence[Party]) -> dict[str, bytes]:
    """What these holders have sealed to this one, by name; without those that have not yet."""
    path = f"/v1/agreements/{agreement.id}"
    sealed = {}
    for other in others:
        with suppress(NothingThere):
            sealed[other.name] = door.get_bytes(f"{path}/contributions/{other.name}")
    if len(sealed) < len(others):
        _require_kept(door, path)
    return sealed


def _require_kept(door: Door, path: str) -> None:
    """That the broker has the agreement: else nothing being there says nothing about the other holders."""
    try:
        answer = door.get(path)
    except NothingThere:
        raise BrokerRefused(
            "The broker does not have this agreement.", where=door.url, remedy="Hand it in first: counterfoil submit."
        ) from None
    if not isinstance(answer, dict) or "destroyed" not in answer:
        raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
    if answer["destroyed"] is not None:
        raise BrokerRefused(
            "The broker has destroyed what it had for this agreement.",
            where=door.url,
            remedy="Make and sign a new agreement.",
        )


def destroy(workspace: Workspace) -> None:
    """Delete the secret and the contributions, sealed as they are, from this folder."""
    workspace.forget(Sealed.LINKAGE_SECRET)
    workspace.forget(Sealed.CONTRIBUTION)
    for path in workspace.root.glob("contribution-to-*.sealed"):
        path.unlink()


def recall_secret(workspace: Workspace, *, agreement: Agreement, identity: Identity) -> Secret:
    """The secret that ``receive`` kept."""
    return Secret(
        workspace.recall(Sealed.LINKAGE_SECRET, agreement=agreement.id, identity=identity), agreement=agreement.id
    )


def _others(agreement: Agreement, own: Party) -> list[Party]:
    return [holder for holder in agreement.holders() if holder != own]


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
