"""Control rows: made-up children that every holder of an agreement derives alike from the linkage secret.

Number by number there is one child. Every holder has one row of it; the row of one holder carries a known error, or is
of the child's twin. Which error and whose row goes by the number alone; names, dates and the rest are drawn from the
secret, so that the broker can neither know nor foresee them. Both are part of the protocol: changing them changes
everybody's rows.

Children are 2 to 25 years old at the end of the agreement, have NHS numbers of the range that is never issued (9...),
UPNs of an authority that is not (000), and names from ``control_names.toml``, common ones more often.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files

import numpy as np
import pyarrow as pa

from encoder.columns import Columns
from encoder.forename_forms import first_forms
from encoder.identifiers import Identifiers
from encoder.normalise import normalise
from encoder.numbers import NHS_WEIGHTS, UPN_LETTERS
from encoder.read import Batch
from keys.canonical import canonical
from keys.derive import Label, subkey
from keys.secret import Secret
from keys.terms import IdentifierField as Field
from keys.terms import Terms

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_AREAS = (
    *("AL", "B", "BA", "BB", "BD", "BH", "BL", "BN", "BR", "BS", "CA", "CB", "CH", "CM", "CO", "CR", "CT", "CV", "CW"),
    *("DA", "DE", "DH", "DL", "DN", "DT", "DY", "EN", "EX", "FY", "GL", "GU", "HA", "HD", "HG", "HP", "HR", "HU", "HX"),
    *(
        "IG",
        "IP",
        "KT",
        "L",
        "LA",
        "LE",
        "LN",
        "LS",
        "LU",
        "M",
        "ME",
        "MK",
        "NE",
        "NG",
        "NN",
        "NR",
        "OL",
        "OX",
        "PE",
        "PL",
    ),
)
_INWARD = "ABDEFGHJLNPQRSTUWXYZ"
_YOUNGEST, _OLDEST = 2 * 365, 25 * 365
"""Days before the end of the agreement."""


class Fault(StrEnum):
    """How the rows of one control child differ between holders."""

    NONE = "no error"
    SLIP = "slip in a name"
    SURNAME = "another surname"
    POSTCODE = "another postcode"
    MOVED = "another surname and postcode"
    DATE = "day and month swapped"
    NUMBERS = "no NHS number and UPN"
    TWIN = "twin: must not be linked"


_NEEDS: Mapping[Fault, frozenset[Field]] = {
    Fault.SLIP: frozenset({Field.FORENAME, Field.SURNAME, Field.NAMES}),
    Fault.SURNAME: frozenset({Field.SURNAME, Field.NAMES}),
    Fault.POSTCODE: frozenset({Field.POSTCODE}),
    Fault.MOVED: frozenset({Field.SURNAME, Field.NAMES, Field.POSTCODE}),
    Fault.DATE: frozenset({Field.DAY, Field.MONTH, Field.DATE_OF_BIRTH}),
    Fault.NUMBERS: frozenset({Field.NHS_NUMBER, Field.UPN}),
    Fault.TWIN: frozenset({Field.FORENAME, Field.NAMES}),
}
"""A fault is among the control rows of an agreement if a match-key has one of these fields."""


@dataclass(frozen=True)
class Planned:
    """What is known of a control number. ``holder``: the place in the terms of the holder whose row differs;
    ``numbered``: whether that row has an NHS number and a UPN all the same."""

    fault: Fault
    holder: int
    numbered: bool


def planned(terms: Terms) -> list[Planned]:
    """One for each control number, the faults in turn, then the holders, then with numbers and without."""
    used = frozenset[Field]().union(*(key.fields for key in terms.match_keys))
    faults = [fault for fault in Fault if fault is Fault.NONE or _NEEDS[fault] & used]
    holders, found = len(terms.holders), []
    for number in range(terms.control.rows):
        turn, fault = number // len(faults), faults[number % len(faults)]
        numbered = fault is Fault.NONE or (fault is not Fault.NUMBERS and turn // holders % 2 == 1)
        found.append(Planned(fault, turn % holders, numbered))
    return found


def control_rows(terms: Terms, holder: str, secret: Secret) -> Identifiers:
    """This holder's control rows, by number, normalised like any others by the agreement's rules."""
    rows = _rows(terms, [one.name for one in terms.holders].index(holder), secret)
    last = terms.expires_at().date()
    names = [one.value for one in terms.holder(holder).identifiers]
    batch = Batch(
        source="control rows",
        rows=np.arange(len(rows)),
        ids=pa.array([str(number) for number in range(len(rows))]),
        values={name: pa.array([row[name] for row in rows], pa.string()) for name in names},
    )
    columns = Columns.model_validate({name: name for name in names})
    return normalise([batch], columns, rules=terms.normalisation, today=last).identifiers


def control_digest(terms: Terms, secret: Secret) -> bytes:
    """SHA-256 over the control rows of all holders as they are before they are normalised: equal where code, lists of
    names, terms and secret are."""
    every = [_rows(terms, place, secret) for place in range(len(terms.holders))]
    return hashlib.sha256(canonical(every)).digest()


def _rows(terms: Terms, holder: int, secret: Secret) -> list[dict[str, str]]:
    key, last = subkey(secret, Label.CONTROL), terms.expires_at().date()
    rows = []
    for number, plan in enumerate(planned(terms)):
        child = _child(key, number, terms.control.rows, last, swappable=plan.fault is Fault.DATE)
        rows.append(_differing(child, plan, key, number, terms) if plan.holder == holder else child)
    return rows


class _Draw:
    """Whole numbers from a key, a label and a number: SHAKE-256, eight bytes at a time."""

    def __init__(self, key: bytes, label: str, number: int) -> None:
        self._stream = hashlib.shake_256(key + canonical([label, number]))
        self._at = 0

    def below(self, limit: int) -> int:
        self._at += 8
        return int.from_bytes(self._stream.digest(self._at)[-8:], "big") % limit

    def of(self, values: Sequence[str]) -> str:
        return values[self.below(len(values))]

    def common(self, values: Sequence[str]) -> str:
        """One of a list whose first are more common: the earlier of two."""
        return values[min(self.below(len(values)), self.below(len(values)))]


def _child(key: bytes, number: int, rows: int, last: date, *, swappable: bool) -> dict[str, str]:
    """``swappable``: day and month can change places, and are not the same."""
    draw = _Draw(key, "child", number)
    sex = draw.of("FM")
    forename, surname = draw.common(_names(sex)), draw.common(_list("surnames"))
    born = _birth(draw, last)
    while swappable and (born.day > 12 or born.day == born.month):
        born = _birth(draw, last)
    return {
        "forename": forename,
        "surname": surname,
        "sex": sex,
        "date_of_birth": born.isoformat(),
        "postcode": _postcode(key, draw, rows),
        **_numbers(key, number),
    }


def _differing(child: Mapping[str, str], plan: Planned, key: bytes, number: int, terms: Terms) -> dict[str, str]:
    draw, row = _Draw(key, "error", number), dict(child)
    if plan.fault is Fault.SLIP:
        used = frozenset[Field]().union(*(one.fields for one in terms.match_keys))
        both = Field.NAMES in used or {Field.FORENAME, Field.SURNAME} <= used
        name = draw.of(("forename", "surname")) if both else ("forename" if Field.FORENAME in used else "surname")
        row[name] = _slip(child[name], draw)
    if plan.fault in (Fault.SURNAME, Fault.MOVED):
        row["surname"] = _other(draw, _list("surnames"), child["surname"])
    if plan.fault in (Fault.POSTCODE, Fault.MOVED):
        while row["postcode"] == child["postcode"]:
            row["postcode"] = _postcode(key, draw, terms.control.rows)
    if plan.fault is Fault.DATE:
        year, month, day = child["date_of_birth"].split("-")
        row["date_of_birth"] = f"{year}-{day}-{month}"
    if plan.fault is Fault.TWIN:
        row["sex"] = draw.of("FM")
        row["forename"] = _other(draw, _names(row["sex"]), child["forename"])
        row |= _numbers(key, terms.control.rows + number)
    return row if plan.numbered else {**row, "nhs_number": "", "upn": ""}


def _slip(name: str, draw: _Draw) -> str:
    """Two letters swapped, one left out, one doubled or one for another."""
    written = name
    while _alike(written, name):
        at = draw.below(len(name) - 1)
        letters = (name[at + 1] + name[at], name[at], name[at] * 2 + name[at + 1], name[at] + draw.of(_LETTERS))
        written = name[:at] + draw.of(letters) + name[at + 2 :]
    return written


def _other(draw: _Draw, names: Sequence[str], name: str) -> str:
    found = name
    while _alike(found, name):
        found = draw.common(names)
    return found


def _alike(one: str, other: str) -> bool:
    """Whether both are one name, or forms of one, which an agreement may write as one."""
    first, second = (first_forms().get(name.casefold(), name.casefold()) for name in (one, other))
    return first == second


def _birth(draw: _Draw, last: date) -> date:
    return last - timedelta(days=_YOUNGEST + draw.below(_OLDEST - _YOUNGEST))


def _postcode(key: bytes, draw: _Draw, rows: int) -> str:
    """Of few places, so that control children have neighbours as others have."""
    place = _Draw(key, "place", draw.below(max(2, rows // 10)))
    outward = f"{place.of(_AREAS)}{1 + place.below(29)}"
    return f"{outward} {draw.below(9) + 1}{draw.of(_INWARD)}{draw.of(_INWARD)}"


def _numbers(key: bytes, number: int) -> dict[str, str]:
    """A valid NHS number of the test range and a valid UPN, each of this number alone."""
    draw = _Draw(key, "numbers", 0)
    eight, nine = draw.below(10**8), draw.below(10**9)
    digits, check = "", 10
    while check == 10:
        digits = f"9{(eight + 1000 * number) % 10**8:08d}"
        check = (11 - _weighed(digits, NHS_WEIGHTS) % 11) % 11
        eight += 1
    upn = f"000{(nine + 1000 * number) % 10**9:09d}"
    return {"nhs_number": f"{digits}{check}", "upn": UPN_LETTERS[_weighed(upn, range(2, 14)) % 23] + upn}


def _weighed(digits: str, weights: range) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=False))


def _names(sex: str) -> Sequence[str]:
    return _list("girls" if sex == "F" else "boys")


@cache
def _lists() -> Mapping[str, Sequence[str]]:
    found: Mapping[str, Sequence[str]] = tomllib.loads(
        (files("encoder") / "control_names.toml").read_text(encoding="utf-8")
    )
    return found


def _list(name: str) -> Sequence[str]:
    return _lists()[name]
