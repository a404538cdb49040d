"""For tests that need no broker: parties, small agreements, made-up children, folders, a door in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa

from encoder.columns import Columns
from encoder.door import Door
from encoder.errors import BrokerRefused, NothingThere
from encoder.normalise import Normalised, normalise
from encoder.read import Batch
from encoder.workspace import Workspace
from keys.agreement import Agreement, Party, Role
from keys.identity import Identity
from keys.kinds import Declared
from keys.receiving import ReceivingKey
from keys.secret import Secret
from keys.statement import declare
from keys.template import default_terms
from keys.terms import Normalisation, Terms

KEEP, TRANSLITERATE, JOIN = (
    Normalisation.model_validate({"other_scripts": scripts, "forename_variants": forms})
    for scripts, forms in (("keep", "keep"), ("transliterate", "keep"), ("transliterate", "join"))
)
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
HOLDERS = {
    "council": ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn"),
    "icb": ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number"),
}
_SYLLABLES = ("bar", "col", "den", "fen", "gar", "hol", "kim", "lor", "mas", "nor", "pel", "ros", "tam", "vin", "wes")


def drawn(seed: str) -> Callable[[int], bytes]:
    """Random bytes that are the same in every run for the same seed."""
    calls = count()
    return lambda size: hashlib.shake_256(f"{seed}/{next(calls)}".encode()).digest(size)


@cache
def identity(name: str) -> Identity:
    return Identity.create(name, random=drawn(f"identity {name}"))


@cache
def broker_key(agreement: str) -> ReceivingKey:
    """The broker's receiving key for one agreement."""
    return ReceivingKey.generate(drawn(f"broker {agreement}"))


def small_terms(holders: Mapping[str, Sequence[str]] = HOLDERS, **changes: Any) -> Terms:
    return default_terms(holders, **{"minimum_rows": 2, **changes})


def parties_of(terms: Terms) -> tuple[Party, ...]:
    names = [holder.name for holder in terms.holders]
    return (
        *(Party(Role.HOLDER, name, identity(name).card) for name in names),
        *(Party(Role.IG_LEAD, f"{name}-lead", identity(f"{name}-lead").card, of=name) for name in names),
        Party(Role.BROKER, "broker", identity("broker").card),
        Party(Role.RECIPIENT, "recipient", identity("recipient").card),
    )


def unsigned(terms: Terms) -> Agreement:
    return Agreement(terms, parties_of(terms))


def signed(terms: Terms) -> Agreement:
    agreement = unsigned(terms)
    return agreement.with_signatures(agreement.sign(identity(party.card.name)) for party in agreement.parties)


def secret_of(agreement: Agreement, seed: str = "a") -> Secret:
    return Secret(hashlib.sha256(seed.encode()).digest(), agreement=agreement.id)


def folder(root: Path, agreement: Agreement) -> Workspace:
    """A party's folder that holds the agreement."""
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    address = broker_key(agreement.id).address
    body = {"agreement": agreement.id, "receiving": address.to_json()}
    workspace.save_agreement(agreement, declare(identity("broker"), Declared.RECEIVING_KEY, body).to_json())
    return workspace


def nhs_number(body: int) -> str:
    """A valid number of the range that is never issued: 9, eight digits from ``body`` on, check digit."""
    for eight in range(body, body + 20):
        digits = f"9{eight:08d}"
        check = 11 - sum(int(one) * weight for one, weight in zip(digits, range(10, 1, -1), strict=True)) % 11
        if check != 10:
            return digits + str(check % 11)
    raise AssertionError("twenty numbers in a row without a check digit")


def upn(body: int) -> str:
    digits = f"{801200000000 + body:012d}"
    total = sum(int(one) * weight for one, weight in zip(digits, range(2, 14), strict=True))
    return "ABCDEFGHJKLMNPQRTUVWXYZ"[total % 23] + digits


def children(rows: int, *, seed: int = 0) -> list[dict[str, str]]:
    """Made-up children with every identifier, the same for the same seed."""
    random = Random(seed)

    def word(syllables: int) -> str:
        return "".join(random.choice(_SYLLABLES) for _ in range(syllables)).capitalize()

    return [
        {
            "id": f"row-{seed}-{number}",
            "forename": word(3),
            "surname": word(4),
            "sex": random.choice("MF"),
            "date_of_birth": date(2005 + random.randrange(15), 1 + random.randrange(12), 13).isoformat(),
            "postcode": f"{random.choice('BLMS')}{random.randrange(1, 30)} {random.randrange(1, 9)}AB",
            "nhs_number": nhs_number(seed * 1_000_000 + 20 * number),
            "upn": upn(seed * 1_000_000 + number),
        }
        for number in range(rows)
    ]


def cohort(people: Sequence[Mapping[str, str]], rules: Normalisation = TRANSLITERATE) -> Normalised:
    """What a file of these rows is after normalising; the keys of a row, but for ``id``, are identifiers."""
    names = [name for name in people[0] if name != "id"]
    batch = Batch(
        source="made-up rows",
        rows=np.arange(2, len(people) + 2),
        ids=pa.array([person.get("id", str(number)) for number, person in enumerate(people, start=2)]),
        values={name: pa.array([person[name] for person in people]) for name in names},
    )
    return normalise([batch], Columns.model_validate({name: name for name in names}), rules=rules, today=NOW.date())


class Post:
    """What a broker does with contributions, in memory: it carries them, and keeps the first of each.

    ``answer`` is what it says of the agreement; None when it does not have it.
    """

    def __init__(self) -> None:
        self.carried: dict[tuple[str, str], bytes] = {}
        self.answer: Any = {"destroyed": None}

    def door(self, holder: str) -> PostDoor:
        return PostDoor(self, holder)


class PostDoor(Door):
    """One holder's door, as far as the ceremony uses one, without a network."""

    def __init__(self, post: Post, holder: str) -> None:
        self._post = post
        self._holder = holder
        self.url = "https://broker.example"

    def get(self, path: str) -> Any:
        if self._post.answer is None:
            raise NothingThere("There is nothing here for this party.", remedy="Check the address.")
        return self._post.answer

    def put_bytes(self, path: str, body: bytes) -> Any:
        if self._post.carried.setdefault((self._holder, path.rsplit("/", 1)[1]), body) != body:
            raise BrokerRefused("There is one already.", remedy="Make a new agreement.")
        return {}

    def get_bytes(self, path: str) -> bytes:
        try:
            return self._post.carried[path.rsplit("/", 1)[1], self._holder]
        except KeyError:
            raise NothingThere("There is nothing here for this party.", remedy="Check the address.") from None


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment
