"""The parties of a rehearsal: real identities whose passphrases nobody keeps."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from encoder.workspace import Workspace
from keys.agreement import Agreement, Party, Role
from keys.files import write_whole
from keys.identity import Identity
from keys.terms import Terms


@dataclass(frozen=True, repr=False)
class Cast:
    """Everyone: holders and their IG leads by the holder's name, the broker, the recipient."""

    holders: dict[str, Identity]
    ig_leads: dict[str, Identity]
    broker: Identity
    recipient: Identity

    def everyone(self) -> list[Identity]:
        return [*self.holders.values(), *self.ig_leads.values(), self.broker, self.recipient]


def gather(names: list[str]) -> Cast:
    """New identities for a rehearsal with these holders."""

    def create(name: str) -> Identity:
        return Identity.create(name, random=secrets.token_bytes)

    return Cast(
        holders={name: create(name) for name in names},
        ig_leads={name: create(f"{name} IG lead") for name in names},
        broker=create("broker"),
        recipient=create("recipient"),
    )


def agree(terms: Terms, cast: Cast) -> Agreement:
    """The agreement of the cast on these terms, signed by all of them."""
    parties = [Party(Role.HOLDER, name, identity.card) for name, identity in cast.holders.items()]
    parties += [Party(Role.IG_LEAD, f"{name}-ig-lead", one.card, of=name) for name, one in cast.ig_leads.items()]
    parties += [Party(Role.BROKER, "broker", cast.broker.card), Party(Role.RECIPIENT, "recipient", cast.recipient.card)]
    agreement = Agreement(terms, tuple(parties))
    return agreement.with_signatures(agreement.sign(identity) for identity in cast.everyone())


def write_identity(workspace: Workspace, identity: Identity) -> str:
    """Write the identity file into a party's folder and return its new random passphrase."""
    workspace.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    passphrase = secrets.token_urlsafe(24)
    write_whole(workspace.identity, identity.lock(passphrase, random=secrets.token_bytes), private=True)
    return passphrase
