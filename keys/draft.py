"""A draft: terms, and for each party the file with its card. Freezing it makes the agreement that people sign."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from keys.agreement import Agreement, Party, Role, parse_terms, read_toml
from keys.canonical import parse
from keys.errors import AgreementError
from keys.identity import Card
from keys.terms import Terms

PARTIES = (
    "Name one broker, one recipient, and every holder with an IG lead or more. Each [[parties]] entry has role, name, "
    'card and, for an ig-lead, of = "the holder".'
)
_ONE = (Role.BROKER, Role.RECIPIENT)


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

    def freeze(self, read: Callable[[str], bytes], *, where: str) -> Agreement:
        """The unsigned agreement. ``read`` gets the bytes of a card file; ``where`` names the draft. Raises
        ``KeysError``."""
        if not self.parties:
            raise AgreementError("The draft names no parties yet.", where=where, remedy=PARTIES)
        cards: dict[str, str] = {}
        parties = []
        for one in self.parties:
            card = Card.from_json(parse(read(one.card), where=one.card), where=one.card)
            if card.fingerprint in cards:
                raise AgreementError(
                    f'"{cards[card.fingerprint]}" and "{one.name}" have the same card.',
                    where=where,
                    remedy="Every party needs an identity of its own: `counterfoil identity create`.",
                )
            cards[card.fingerprint] = one.name
            parties.append(Party(one.role, one.name, card, one.of))
        return Agreement(self.terms, tuple(parties))


def read_draft(data: bytes, *, where: str) -> Draft:
    """Read a TOML draft, which may name no parties yet. Raises ``AgreementError`` that lists every missing or wrong
    choice of terms, or of the parties if there are any."""
    document = read_toml(data, where=where)
    parties: Any = document.pop("parties", [])
    terms = parse_terms(document, where=where)
    try:
        found = TypeAdapter(tuple[DraftParty, ...]).validate_python(parties)
    except ValidationError as error:
        places = (".".join(str(part) for part in fault["loc"]) + ": " + fault["msg"] for fault in error.errors())
        raise _incomplete([f"parties.{place}" for place in places], where) from None
    if gaps := _gaps(terms, found):
        raise _incomplete(gaps, where)
    return Draft(terms, found)


def _incomplete(gaps: Sequence[str], where: str) -> AgreementError:
    lines = "".join(f"  {gap}\n" for gap in gaps)
    return AgreementError(f"The parties are not complete:\n{lines}", where=where, remedy=PARTIES)


def _gaps(terms: Terms, parties: Sequence[DraftParty]) -> list[str]:
    """What rules 2 and 3 of an agreement find missing or wrong, all of it; nothing if no party is named."""
    if not parties:
        return []
    holders = [holder.name for holder in terms.holders]
    names = Counter(one.name for one in parties)
    roles = Counter(one.role for one in parties)
    there = {one.name for one in parties if one.role is Role.HOLDER}
    led = {one.of for one in parties if one.role is Role.IG_LEAD}
    leads = [one for one in parties if one.role is Role.IG_LEAD]
    return [
        *(f'{roles[one] or "no"} parties have role = "{one}": one must' for one in _ONE if roles[one] != 1),
        *(f'no party with role = "holder" is called "{name}"' for name in holders if name not in there),
        *(f'"{name}" has role = "holder", but is no holder of the terms' for name in sorted(there - set(holders))),
        *(f'no party with role = "ig-lead" has of = "{name}"' for name in holders if name not in led),
        *(f'the IG lead "{one.name}" needs an of that names a holder' for one in leads if one.of not in holders),
        *(f'"{one.name}" has an of, but is no IG lead' for one in parties if one.of is not None and one not in leads),
        *(f'{count} parties are called "{name}"' for name, count in names.items() if count > 1),
    ]
