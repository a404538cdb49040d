"""A draft: terms, and for each party the file with its card. Freezing it makes the agreement that people sign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from keys.agreement import Agreement, Party, Role, parse_terms, read_toml
from keys.canonical import parse
from keys.errors import AgreementError
from keys.identity import Card
from keys.terms import Terms


@dataclass(frozen=True)
class DraftParty:
    """One ``[[parties]]`` entry. ``card`` is the name of its card file; ``of`` says whose IG lead it is."""

    role: Role
    name: str
    card: str
    of: str | None = None


@dataclass(frozen=True)
class Draft:
    """What people write, checked but for the cards."""

    terms: Terms
    parties: tuple[DraftParty, ...]

    def freeze(self, read: Callable[[str], bytes]) -> Agreement:
        """The unsigned agreement. ``read`` gets the bytes of a card file. Raises ``KeysError``."""
        parties = (
            Party(one.role, one.name, Card.from_json(parse(read(one.card), where=one.card), where=one.card), one.of)
            for one in self.parties
        )
        return Agreement(self.terms, tuple(parties))


def read_draft(data: bytes, *, where: str) -> Draft:
    """Read a TOML draft. Raises ``AgreementError`` that lists every missing or wrong choice of terms and parties."""
    document = read_toml(data, where=where)
    parties: Any = document.pop("parties", [])
    terms = parse_terms(document, where=where)
    try:
        found = TypeAdapter(tuple[DraftParty, ...]).validate_python(parties)
    except ValidationError as error:
        places = (".".join(str(part) for part in fault["loc"]) + ": " + fault["msg"] for fault in error.errors())
        raise AgreementError(
            "The parties are not complete:\n" + "\n".join(f"  parties.{place}" for place in places) + "\n",
            where=where,
            remedy='Each [[parties]] entry has role, name, card and, for an ig-lead, of = "the holder".',
        ) from None
    return Draft(terms, found)
