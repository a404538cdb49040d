"""How the holders come by one secret that nobody else knows: contribute, then receive."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from encoder.door import Door
from encoder.workspace import Workspace, own_party
from keys.agreement import Agreement, Role
from keys.envelope import open_bytes, seal_bytes
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
    for other in agreement.holders():
        if other != own:
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
    for a contribution by another party or for another agreement, ``SecretError`` for one that is unfit.
    """
    agreement.require_in_force(now)
    own = own_party(agreement, identity, Role.HOLDER)
    parts = {own.card.fingerprint: workspace.recall(Sealed.CONTRIBUTION, agreement=agreement.id, identity=identity)}
    for other in agreement.holders():
        if other != own:
            sealed = door.get_bytes(f"/v1/agreements/{agreement.id}/contributions/{other.name}")
            _, parts[other.card.fingerprint] = open_bytes(
                sealed, kind=Sealed.CONTRIBUTION, agreement=agreement.id, sender=other.card, key=identity.receiving
            )
    secret = combine(parts, agreement=agreement.id)
    workspace.keep(Sealed.LINKAGE_SECRET, secret.key(), agreement=agreement.id, identity=identity, random=random)
    return secret


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
