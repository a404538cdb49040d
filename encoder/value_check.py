"""Whether the values of a column are what a field holds: judged by the rules by which they would be normalised.

Four of five filled cells must pass, cells that stand for "not known" aside: files are dirty, and what fails is
counted later. Reasons hold numbers of cells, never a value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import pyarrow.compute as pc

from encoder.births import birth
from encoder.cells import is_day_number
from encoder.columns import DateOrder
from encoder.dates import Order, Written, read_date, read_parts
from encoder.findings import Kind, Reading
from encoder.normalise import RULES

SHARE = 0.8
FEW = 20
"""From so many cells on, one value in all of them is no identifier."""

_ARE = {
    "forename": "words without digits",
    "surname": "words without digits",
    "sex": "codes or words for female and male",
    "postcode": "in the form of a British postcode",
    "nhs_number": "NHS numbers whose check digit is right",
    "upn": "UPNs whose check letter is right",
}


@dataclass(frozen=True)
class Verdict:
    """``agrees``: whether the values are what the field holds; ``None`` if there is none to judge. ``passing`` of
    ``filled`` cells are; ``distinct`` different ones."""

    agrees: bool | None
    why: str
    passing: int = 0
    filled: int = 0
    distinct: int = 0


@dataclass(frozen=True)
class DateVerdict(Verdict):
    """The same for dates of birth. ``orders``: what their values show about the order of day and month.
    ``eight_digits``: some are written like 20150325. ``unreadable``: so many cells are in no form of a date, of which
    ``day_numbers`` look like those of a spreadsheet."""

    orders: frozenset[Order] = frozenset()
    eight_digits: bool = False
    unreadable: int = 0
    day_numbers: int = 0


def check_values(field: str, cells: Any) -> Verdict:
    """Judge a column of one of the fields that stand in one cell. ``cells``: a pyarrow string array."""
    texts, counts = _distinct(cells)
    passing = filled = distinct = 0
    for text, count in zip(texts, counts, strict=True):
        reading = RULES[field](text)
        if reading.kind in (Kind.MISSING, Kind.PLACEHOLDER):
            continue
        filled += count
        distinct += 1
        if _passes(field, text, reading):
            passing += count
    return Verdict(
        *_judge(_ARE[field], passing, filled, max(2, distinct) if field == "sex" else distinct),
        passing,
        filled,
        distinct,
    )


def check_dates(
    cells: Any, *, order: DateOrder | None, today: date, are: str = "dates of birth that can be read"
) -> DateVerdict:
    """Judge a column of dates up to today, read in this order where they leave it open. ``are``: what they are called
    in the reason."""
    texts, counts = _distinct(cells)
    passing = filled = distinct = unreadable = day_numbers = 0
    orders: set[Order] = set()
    digits = False
    for text, count in zip(texts, counts, strict=True):
        written = read_date(text, order)
        if written is not None and (written.year, written.month, written.day) == (None, None, None):
            continue
        filled += count
        distinct += 1
        digits = digits or re.fullmatch(r"[0-9]{8}", text) is not None
        unreadable += count if written is None else 0
        day_numbers += count if written is None and is_day_number(text) else 0
        if written is not None and _is_birth(written, today):
            passing += count
            orders |= {written.shows} if written.year_last else set()
    judged = _judge(are, passing, filled, distinct)
    return DateVerdict(*judged, passing, filled, distinct, frozenset(orders), digits, unreadable, day_numbers)


def check_parts(days: Any, months: Any, years: Any, *, today: date) -> Verdict:
    """Judge three columns with the parts of a date of birth."""
    passing = filled = 0
    found = set()
    for cells in zip(days.to_pylist(), months.to_pylist(), years.to_pylist(), strict=True):
        if any(cells):
            filled += 1
            found.add(cells)
            written = read_parts(*cells)
            passing += written is not None and _is_birth(written, today)
    return Verdict(*_judge("dates of birth that can be read", passing, filled, len(found)), passing, filled, len(found))


def check_ids(cells: Any) -> Verdict:
    """Judge a column of row ids: none may be empty or stand twice."""
    rows, distinct = len(cells), len(cells.unique())
    empty = pc.sum(pc.equal(cells, "")).as_py() or 0
    if empty:
        return Verdict(False, f"{empty:,} of its cells are empty, and a row id must stand in every row")
    if distinct < rows:
        return Verdict(
            False, f"{rows - distinct:,} of its cells hold an id that stands before, and none may stand twice"
        )
    return Verdict(True, "every cell holds an id of its own")


def _passes(field: str, text: str, reading: Reading) -> bool:
    if field in ("forename", "surname"):
        return bool(reading.value) and not re.search(r"[0-9]", text)
    return reading.kind is None


def _is_birth(written: Written, today: date) -> bool:
    return any(birth(one, today=today).kind in (None, Kind.NOTED) for one in (written, written.turned()))


def _judge(are: str, passing: int, filled: int, distinct: int) -> tuple[bool | None, str]:
    if not filled:
        return None, "no cell that was looked at is filled"
    if distinct == 1 and filled >= FEW:
        return False, f"all {filled:,} filled cells are the same"
    return passing >= SHARE * filled, f"{passing:,} of {filled:,} filled cells are {are}"


def _distinct(cells: Any) -> tuple[list[str], list[int]]:
    counted = cells.value_counts()
    return counted.field("values").to_pylist(), counted.field("counts").to_pylist()
