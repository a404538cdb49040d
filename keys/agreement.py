"""An agreement: terms, the cards of its parties, one id, and the signatures that put it in force.

Rules, each checked below under its number:
1. The id is SHA-256 over the canonical JSON of terms and parties; any change makes another id.
2. One broker, one recipient, one party per holder of the terms, and for every holder one IG lead or more.
3. No card and no name stands twice.
4. In force: every party has signed the id. Nothing runs before.
5. Not in force after it expires.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from keys.canonical import digest
from keys.errors import AgreementError
from keys.identity import Card, Identity
from keys.kinds import Declared
from keys.statement import Statement, declare
from keys.terms import Terms


class Role(StrEnum):
    """What a party does in an agreement."""

    HOLDER = "holder"
    IG_LEAD = "ig-lead"
    BROKER = "broker"
    RECIPIENT = "recipient"


@dataclass(frozen=True)
class Party:
    """``name`` is the holder's name in the terms for a holder; an IG lead says whose in ``of``."""

    role: Role
    name: str
    card: Card
    of: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"role": self.role.value, "name": self.name, "of": self.of, "card": self.card.to_json()}

    @classmethod
    def from_json(cls, document: Any) -> Party:
        if not isinstance(document, Mapping) or set(document) != {"role", "name", "of", "card"}:
            raise _not_one("a party of the agreement is not in the right form")
        if not isinstance(document["name"], str) or not isinstance(document["of"], str | None):
            raise _not_one("a party of the agreement has no name")
        if not 0 < len(document["name"]) <= 100 or not document["name"].isprintable():
            raise _not_one("the name of a party cannot be shown")
        try:
            role = Role(document["role"])
        except ValueError:
            raise _not_one("a party of the agreement has an unknown role") from None
        return cls(role, document["name"], Card.from_json(document["card"]), document["of"])


@dataclass(frozen=True)
class Agreement:
    """Terms and parties with the signatures collected so far."""

    terms: Terms
    parties: tuple[Party, ...]
    signatures: tuple[Statement, ...] = ()

    def __post_init__(self) -> None:
        roles = [party.role for party in self.parties]
        holders = [party.name for party in self.parties if party.role is Role.HOLDER]
        if roles.count(Role.BROKER) != 1 or roles.count(Role.RECIPIENT) != 1:
            raise _not_one("an agreement has exactly one broker and one recipient")  # 2
        if sorted(holders) != sorted(holder.name for holder in self.terms.holders):
            raise _not_one("the parties are not the holders of the terms")  # 2
        for party in self.parties:
            if (party.role is Role.IG_LEAD) != (party.of is not None) or (party.of or holders[0]) not in holders:
                raise _not_one("an IG lead, and no one else, belongs to a holder")  # 2
        if {party.of for party in self.parties if party.role is Role.IG_LEAD} != set(holders):
            raise _not_one("every holder has an IG lead")  # 2
        if len({party.card.fingerprint for party in self.parties}) != len(self.parties):
            raise _not_one("one card stands for two parties")  # 3
        if len({party.name for party in self.parties}) != len(self.parties):
            raise _not_one("one name stands for two parties")  # 3

    @cached_property
    def id(self) -> str:
        """Rule 1: 64 hexadecimal digits."""
        return digest(self.content())

    def content(self) -> dict[str, Any]:
        return {
            "counterfoil": "agreement",
            "terms": self.terms.model_dump(mode="json"),
            "parties": [party.to_json() for party in self.parties],
        }

    def to_json(self) -> dict[str, Any]:
        return {**self.content(), "signatures": [signature.to_json() for signature in self.signatures]}

    @classmethod
    def from_json(cls, document: Any) -> Agreement:
        """Read what another party sent. Raises ``AgreementError`` for anything that is not an agreement."""
        names = {"counterfoil", "terms", "parties", "signatures"}
        if not isinstance(document, Mapping) or set(document) != names or document["counterfoil"] != "agreement":
            raise _not_one("this is not an agreement")
        if not isinstance(document["parties"], Sequence) or not isinstance(document["signatures"], Sequence):
            raise _not_one("this is not an agreement")
        agreement = cls(
            parse_terms(document["terms"], where="agreement"),
            tuple(Party.from_json(party) for party in document["parties"]),
        )
        if digest({name: document[name] for name in agreement.content()}) != agreement.id:  # 1
            raise _not_one("this agreement is not written as its signed form is")
        return agreement.with_signatures(Statement.from_json(one) for one in document["signatures"])

    def party(self, fingerprint: str) -> Party | None:
        return next((party for party in self.parties if party.card.fingerprint == fingerprint), None)

    def sole(self, role: Role) -> Party:
        """The broker or the recipient."""
        return next(party for party in self.parties if party.role is role)

    def holders(self) -> tuple[Party, ...]:
        """The holders, in the order of the terms."""
        by_name = {party.name: party for party in self.parties if party.role is Role.HOLDER}
        return tuple(by_name[holder.name] for holder in self.terms.holders)

    def sign(self, identity: Identity) -> Statement:
        """This party's signature of the id. Raises ``AgreementError`` for an identity that is not a party."""
        if self.party(identity.card.fingerprint) is None:
            raise AgreementError(
                f"{identity.card.name} is not a party to this agreement.",
                remedy="Sign with the identity whose card is in the agreement.",
            )
        return declare(identity, Declared.AGREEMENT, {"agreement": self.id})

    def with_signatures(self, signatures: Iterable[Statement]) -> Agreement:
        """The same agreement with more signatures. Raises unless each is by a party and of this id."""
        kept = {signature.signer: signature for signature in self.signatures}
        for signature in signatures:
            party = self.party(signature.signer)
            if party is None:
                raise AgreementError(
                    "A signature is by someone who is not a party to this agreement.", remedy="Remove it."
                )
            if signature.verify(party.card, kind=Declared.AGREEMENT) != {"agreement": self.id}:
                raise AgreementError(
                    f"{party.name} signed another agreement or another version of this one.",
                    remedy="Show every party the same file and have it signed again.",
                )
            kept[signature.signer] = signature
        return replace(self, signatures=tuple(kept[signer] for signer in sorted(kept)))

    def unsigned(self) -> tuple[Party, ...]:
        """The parties that have not signed."""
        signers = {signature.signer for signature in self.signatures}
        return tuple(party for party in self.parties if party.card.fingerprint not in signers)

    def require_signed(self) -> None:
        """Raises ``AgreementError`` unless every party has signed (4)."""
        missing = self.unsigned()
        if missing:
            raise AgreementError(
                "The agreement is not signed by " + ", ".join(party.name for party in missing) + ".",
                where=f"agreement {self.id[:16]}",
                remedy="Nothing runs before every party has signed; have it signed and try again.",
            )

    def require_in_force(self, now: datetime) -> None:
        """Raises ``AgreementError`` unless every party has signed (4) and it has not expired (5)."""
        self.require_signed()
        if now >= self.terms.expires_at():
            raise AgreementError(
                f"The agreement expired at {self.terms.expires}.",
                where=f"agreement {self.id[:16]}",
                remedy="Make and sign a new agreement.",
            )


def parse_terms(document: Any, *, where: str) -> Terms:
    """Validated terms. Raises ``AgreementError`` that lists every missing or wrong choice, one a line."""
    try:
        return Terms.model_validate(document)
    except ValidationError as error:
        faults = [
            f"  {'.'.join(str(part) for part in fault['loc']) or 'agreement'}: {fault['msg']}"
            for fault in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise AgreementError(
            "The agreement is not complete or not safe:\n" + "\n".join(faults) + "\n",
            where=where,
            remedy="State each of these choices; none has a silent default.",
        ) from None


def read_terms(data: bytes, *, where: str) -> Terms:
    """Terms from the TOML that people write, whose ``parties`` are left to ``draft``. Raises ``AgreementError``."""
    document = read_toml(data, where=where)
    document.pop("parties", None)
    return parse_terms(document, where=where)


def read_toml(data: bytes, *, where: str) -> dict[str, Any]:
    """The TOML document. Raises ``AgreementError`` with the place of the fault."""
    try:
        document = tomllib.loads(data.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AgreementError(
            f"This is not a valid TOML file ({error}).", where=where, remedy="Correct it at that place."
        ) from None
    return document


def _not_one(what: str) -> AgreementError:
    return AgreementError(f"{what[0].upper()}{what[1:]}.", remedy="Get the agreement again from whoever drafted it.")
