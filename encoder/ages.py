"""Ages in whole years, and days of birth that stand too often to be true.

1. An age is told if no row or ten people have it; else its whole group is told as one. A group is never cut where its
   rows stand, so that no bar tells the age of a single child.
2. Births on a day that stands for "not known" are told if no row or ten people have it: with an age, they could be a
   whole date of birth.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from encoder.field_quality import FEWEST, people
from encoder.identifiers import Column, Identifiers

GROUPS = (0, 5, 11, 16, 19, 26)
"""The first ages of the groups: before school, primary, secondary, sixth form, up to the oldest that an education,
health and care plan reaches, older. Fixed, so that they say nothing about a file."""


@dataclass(frozen=True)
class Holders:
    """So many rows have something, and at least so many people."""

    rows: int
    people: int

    def __add__(self, other: Holders) -> Holders:
        """Of two things that nobody can both be."""
        return Holders(self.rows + other.rows, self.people + other.people)

    @property
    def told(self) -> bool:
        return self.rows == 0 or self.people >= FEWEST


NOBODY = Holders(0, 0)


@dataclass(frozen=True)
class Bar:
    """``rows`` rows from ``first`` to ``last`` years of age; ``last`` is ``None`` for "and over"."""

    first: int
    last: int | None
    rows: int


@dataclass(frozen=True)
class Ages:
    """Of the rows with a whole date of birth. ``bars``: every one of no row or of at least ten people; none at all if
    all are fewer. ``new_year``, ``first_of_month``, ``mid_month``: rows born on 1 January, on the first of another
    month, on the 15th; ``None`` if some are, but fewer than ten people."""

    on: str
    rows: int
    bars: tuple[Bar, ...]
    new_year: int | None
    first_of_month: int | None
    mid_month: int | None


def ages(identifiers: Identifiers, *, today: date) -> Ages | None:
    """``None`` for a file without whole dates of birth."""
    column = identifiers.columns.get("date_of_birth")
    if column is None:
        return None
    born = [date.fromisoformat(text) if text else None for text in column.values]
    years = _holders(column, [None if day is None else age_on(today, day) for day in born], identifiers)
    if not years:
        return None
    days = _holders(column, [None if day is None else _stand_in(day) for day in born], identifiers)
    told = [found.rows if found.told else None for found in (days.get(one, NOBODY) for one in range(1, 4))]
    return Ages(today.isoformat(), sum(one.rows for one in years.values()), merged(years), *told)


def _holders(column: Column, kinds: list[int | None], identifiers: Identifiers) -> dict[int, Holders]:
    """Who has each kind. ``kinds``: that of each value of the column; rows without one are left out."""
    known = sorted({one for one in kinds if one is not None})
    place = {kind: at for at, kind in enumerate(known)}
    codes = np.array([len(known) if one is None else place[one] for one in kinds], dtype=np.int32)[column.codes]
    counted = Column(codes, (*map(str, known), ""))
    rows = np.bincount(codes, minlength=len(known)).tolist()
    holders = people(counted, identifiers).tolist()
    return {kind: Holders(rows[at], holders[at]) for kind, at in place.items() if rows[at]}


def _stand_in(day: date) -> int:
    """1 for 1 January, 2 for the first of another month, 3 for the 15th, 0 for other days."""
    if day.day == 1:
        return 1 if day.month == 1 else 2
    return 3 if day.day == 15 else 0


def merged(years: Mapping[int, Holders]) -> tuple[Bar, ...]:
    """Bars of one year each from the youngest on, and of a whole group where one of its years may not be told.

    A group of too few people is joined to the bar after it, or at the end to the one before.
    """
    bars: list[Bar] = []
    first, held = 0, NOBODY
    for start, last, more in _pieces(years):
        first = first if held.rows else start
        held += more
        if held.told:
            bars.append(Bar(first, last, held.rows))
            held = NOBODY
    while bars and bars[0].rows == 0:
        bars.pop(0)
    while bars and bars[-1].rows == 0:
        bars.pop()
    if bars and held.rows:
        end = bars.pop()
        bars.append(Bar(end.first, None, end.rows + held.rows))
    return tuple(bars)


def _pieces(years: Mapping[int, Holders]) -> Iterator[tuple[int, int | None, Holders]]:
    """First and last age of each piece that is not cut, and who has them."""
    for first, after in pairwise(GROUPS):
        held = [years.get(age, NOBODY) for age in range(first, after)]
        if all(one.told for one in held):
            yield from ((age, age, one) for age, one in enumerate(held, first))
        else:
            yield first, after - 1, sum(held, NOBODY)
    yield GROUPS[-1], None, sum((one for age, one in years.items() if age >= GROUPS[-1]), NOBODY)


def age_on(today: date, born: date) -> int:
    """In whole years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
