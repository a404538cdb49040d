"""Which column, or which three, is proposed for the date of birth, and in which order its dates are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from encoder.choosing import choose, headers_for
from encoder.columns import DateOrder, DateParts
from encoder.dates import Order
from encoder.profiles import Profile
from encoder.proposal import Certainty, Choice
from encoder.sample import Sample
from encoder.value_check import DateVerdict, Verdict, check_dates, check_parts
from encoder.wording import counted

KEY = "date_of_birth"


@dataclass(frozen=True)
class BirthChoice:
    """A choice for the date of birth, and the ``date_order`` that goes with it."""

    choice: Choice
    date_order: DateOrder | None = None


def choose_birth(sample: Sample, header: Sequence[str], profile: Profile | None, *, today: date) -> BirthChoice | None:
    """``header``: the headers that may be chosen. ``None`` if none looks like a date of birth."""
    declared = profile.date_order if profile else None

    def judge(name: str) -> Verdict:
        if name in sample.unread:
            return Verdict(False, f"its cells cannot be read: {sample.unread[name]}")
        return check_dates(sample.column(name), order="ymd" if declared == "ymd" else None, today=today)

    names, says = headers_for(KEY, header, profile)
    chosen = choose(KEY, names, says, judge)
    if chosen is None:
        return _parts(sample, header, today)
    choice, verdict = chosen
    order, trouble = order_of(verdict, declared) if isinstance(verdict, DateVerdict) else (None, "")
    if trouble:
        certainty = Certainty.LIKELY if choice.certainty is Certainty.SURE else choice.certainty
        choice = replace(choice, certainty=certainty, why=f"{choice.why}; {trouble}")
    return BirthChoice(choice, order)


def order_of(verdict: DateVerdict, declared: DateOrder | None) -> tuple[DateOrder | None, str]:
    """The order to be declared for dates of which an extract says that they are written in the order ``declared``,
    and what a person must know. It is declared only where the dates themselves leave it open."""
    if verdict.unreadable and verdict.day_numbers == verdict.unreadable and not verdict.orders:
        numbers = counted(verdict.day_numbers, "cell looks", "cells look")
        return None, f'{numbers} like day numbers of a spreadsheet: if they are, write date_order = "excel"'
    if verdict.agrees and verdict.unreadable:
        cells = f"{verdict.unreadable:,} cell{'s hold' if verdict.unreadable > 1 else ' holds'}"
        return None, f"{cells} no date in a form that can be read, which is refused"
    year_last = bool(verdict.orders)
    if declared == "ymd" and not year_last:
        return "ymd", ""
    first = {Order.DAY_FIRST: "day", Order.MONTH_FIRST: "month"}
    shown = [name for order, name in first.items() if order in verdict.orders]
    if len(shown) == 2:
        return None, "some dates have the day first and others the month, which is refused when they are read"
    if declared == "ymd" or (declared == "dmy" and shown == ["month"]):
        return None, "they are not written in the order that the profile has"
    if Order.EITHER in verdict.orders and not shown:
        if declared is not None and not verdict.eight_digits:
            return declared, ""
        return None, "they may have the day or the month first, and date_order must say which"
    return None, ""


def _parts(sample: Sample, header: Sequence[str], today: date) -> BirthChoice | None:
    found = {part: headers_for(part, header, None)[0] for part in ("day", "month", "year")}
    if not all(found.values()):
        return None
    parts = DateParts(**{part: names[0] for part, names in found.items()})
    others = tuple(name for names in found.values() for name in names[1:])
    names = [parts.day, parts.month, parts.year]
    if any(name in sample.unread for name in names):
        verdict = Verdict(False, "their cells cannot be read")
    else:
        verdict = check_parts(*map(sample.column, names), today=today)
    certainty = {True: Certainty.SURE, None: Certainty.LIKELY, False: Certainty.UNSURE}[verdict.agrees]
    link = "but" if verdict.agrees is False else "and"
    why = f"the headers are usual ones, {link} {verdict.why}"
    return BirthChoice(Choice(KEY, parts, Certainty.UNSURE if others else certainty, why, others))
