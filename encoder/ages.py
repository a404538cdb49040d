"""Ages in whole years, and days of birth that stand too often to be true."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np

from encoder.field_quality import FEWEST
from encoder.identifiers import Identifiers

OLDEST_BAR = 26
"""From this age on, one past the oldest that an education, health and care plan reaches, all are one bar."""


@dataclass(frozen=True)
class Bar:
    """``rows`` rows from ``first`` to ``last`` years of age; ``last`` is ``None`` for "and over"."""

    first: int
    last: int | None
    rows: int


@dataclass(frozen=True)
class Ages:
    """Of the rows with a whole date of birth. ``bars``: every one of no row or of at least ten; none at all if all
    rows together are fewer. ``new_year``, ``first_of_month``, ``mid_month``: rows born on 1 January, on the first of
    another month, on the 15th; ``None`` for one to nine, which with a bar of one year could be a whole date."""

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
    counts = np.bincount(column.codes, minlength=len(column.values)).tolist()
    born = {date.fromisoformat(text): rows for text, rows in zip(column.values, counts, strict=True) if text and rows}
    if not born:
        return None
    years: Counter[int] = Counter()
    for day, rows in born.items():
        years[_age(day, today)] += rows
    return Ages(
        today.isoformat(),
        sum(born.values()),
        merged(years),
        _told(rows for day, rows in born.items() if (day.month, day.day) == (1, 1)),
        _told(rows for day, rows in born.items() if day.day == 1 and day.month != 1),
        _told(rows for day, rows in born.items() if day.day == 15),
    )


def _told(counts: Iterable[int]) -> int | None:
    rows = sum(counts)
    return None if 0 < rows < FEWEST else rows


def merged(years: Counter[int]) -> tuple[Bar, ...]:
    """Bars of one year each from the youngest on, wider where one would have from one to nine rows. The ends of a bar
    follow from its neighbours, so that none tells the age of a single child."""
    bars: list[Bar] = []
    first = rows = 0
    for age in range(OLDEST_BAR):
        rows += years[age]
        if rows == 0 or rows >= FEWEST:
            bars.append(Bar(first, age, rows))
            first, rows = age + 1, 0
    rows += sum(count for age, count in years.items() if age >= OLDEST_BAR)
    while bars and bars[0].rows == 0:
        bars.pop(0)
    if rows >= FEWEST:
        return (*bars, Bar(first, None, rows))
    while bars and bars[-1].rows == 0:
        bars.pop()
    if bars and rows:
        last = bars.pop()
        bars.append(Bar(last.first, None, last.rows + rows))
    return tuple(bars)


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
