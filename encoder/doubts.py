"""Columns that nobody declared as identifiers and that may be some: by their headers and by what their cells hold.

A help for the person who decides what is handed over, not a proof: what raises no doubt may still identify.

1. A header is taken apart into words (``NHSNumber``, ``pers_dob``). Some words are enough by themselves; some letters
   are enough wherever they stand, since many extracts write headers in one piece (``personbirthdate``).
2. Every cell is searched for NHS numbers and UPNs whose check characters hold, British postcodes and e-mail addresses.
3. Running text may name people, and values that are all different may be somebody's ids.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import pyarrow.compute as pc

from encoder.columns import OTHER_WORDS
from encoder.findings import Kind
from encoder.numbers import nhs_number, upn
from encoder.postcodes import postcode
from encoder.sheet import Sheet

LONG_TEXT = 100
"""Characters in a cell from which on it counts as running text."""
FEWEST_DISTINCT = 20
"""Filled cells that must all be different before they look like ids."""

# Letters that are enough wherever they stand in a header, without its spaces and signs, in lower case.
_LETTERS = {
    "a name": "forename surname firstname lastname givenname familyname middlename maidenname fullname knownas",
    "a date of birth": "birth",
    "a postcode": "postcode postalcode",
    "an NHS number": "nhsn",
    "a pupil number": "uniquepupil uniquelearner",
    "an e-mail address": "email",
    "a phone number": "phone mobile",
    "an address": "address street",
    "an id of a person": "patientid pupilid personid childid clientid caseid",
}
_WORDS = {
    "a name": "name names initials alias",
    "a date of birth": "dob",
    "a postcode": "post postcd pcode",
    "an NHS number": "nhs",
    "a pupil number": "upn uln",
    "an address": "addr uprn",
    "a phone number": "tel",
    "an id": "id ids urn ref nino",
}
# The short ones among them that extracts also write in one piece with another word, in front or at the end.
_JOINED = {"dob": "a date of birth", "nhs": "an NHS number", "upn": "a pupil number", "uln": "a pupil number"}
_NOT_DOUBTED = frozenset({"sex"})  # alone it identifies nobody, and analyses need it

_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


class _Search(NamedTuple):
    what: str
    pattern: str
    holds: Callable[[str], bool]


_SEARCHES = (
    _Search("an NHS number", r"[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", lambda found: bool(nhs_number(found).value)),
    _Search("a UPN", r"[A-Z][0-9]{11}[0-9A-Z]", lambda found: upn(found).kind is not Kind.INVALID),
    _Search(
        "a postcode",
        r"(?:GIR ?0AA|[A-Z]{1,2}[0-9][0-9A-Z]? {0,2}[0-9][ABD-HJLNP-UW-Z]{2})",
        lambda found: postcode(found).kind is None,
    ),
    _Search("an e-mail address", r"[^\s@,;<>]+@[^\s@,;<>]+\.[A-Z]{2,}", lambda found: True),
)


def doubts(sheet: Sheet, headers: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Header -> why that column may identify people, for those of ``headers`` that raise a doubt.

    The columns must be text. The reasons name rows, never a value.
    """
    found = {}
    for header in headers:
        reasons = (*_of_header(header), *_of_cells(sheet, header))
        if reasons:
            found[header] = reasons
    return found


def _of_header(header: str) -> list[str]:
    """What the header looks like, once at most."""
    words = [word.lower() for word in _PART.findall(header)]
    whole = "".join(words)
    known = OTHER_WORDS.get("_".join(words))
    looks = [
        *(what for what, letters in _LETTERS.items() if any(one in whole for one in letters.split())),
        *(what for what, alone in _WORDS.items() if not set(words).isdisjoint(alone.split())),
        *(what for part, what in _JOINED.items() if any(w.startswith(part) or w.endswith(part) for w in words)),
        *([known.replace("_", " ")] if known and known not in _NOT_DOUBTED else []),
    ]
    return [f"its header looks like {looks[0]}"] if looks else []


def _of_cells(sheet: Sheet, header: str) -> list[str]:
    cells = sheet.table.column(header)
    distinct = cells.unique()
    reasons = []
    for search in _SEARCHES:
        first = _first(search, distinct)
        if first is not None:
            reasons.append(f"it holds what looks like {search.what}, first in row {sheet.rows[pc.index(cells, first)]}")
    if (pc.max(pc.utf8_length(distinct)).as_py() or 0) >= LONG_TEXT:
        reasons.append("it holds running text, which may name people")
    filled = pc.sum(pc.not_equal(cells, "")).as_py() or 0
    if filled >= FEWEST_DISTINCT and pc.sum(pc.not_equal(distinct, "")).as_py() == filled:
        reasons.append("every filled cell is different, as in a column of ids")
    return reasons


def _first(search: _Search, values: Any) -> str | None:
    """The first of the values in which the search finds something."""
    # Arrow's expressions look at no neighbours, but sort out nearly all values a hundred times faster.
    near = pc.match_substring_regex(values, f"(?i)(?:^|[^0-9A-Z]){search.pattern}(?:[^0-9A-Z]|$)")
    exact = re.compile(f"(?<![0-9A-Z]){search.pattern}(?![0-9A-Z])", re.IGNORECASE)
    for value in values.filter(near).to_pylist():
        if any(search.holds(found) for found in exact.findall(value)):
            return str(value)
    return None
