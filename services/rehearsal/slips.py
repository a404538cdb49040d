"""Single slips in a postcode and a date of birth, as people and systems make them."""

from calendar import monthrange
from datetime import date, timedelta

import numpy as np

from services.rehearsal.postcodes import INWARD


def miskeyed_postcode(postcode: str, *, rng: np.random.Generator) -> str:
    """Return ``postcode`` with another sector digit or another last letter."""
    if rng.random() < 0.5:
        return f"{postcode[:-3]}{(int(postcode[-3]) + int(rng.integers(1, 10))) % 10}{postcode[-2:]}"
    others = INWARD[postcode[-1] != INWARD]
    return postcode[:-1] + str(others[int(rng.integers(len(others)))])


def misdated(born: date, *, today: date, one_part: float, rng: np.random.Generator) -> date:
    """Return a date other than ``born`` and not after ``today``.

    A share ``one_part`` is wrong in one of day, month and year. In the rest day and month are swapped, or it is the
    first of January because the day was not known, or anything.
    """
    slip = _one_part if rng.random() < one_part else _several_parts
    wrong = born
    while wrong == born or wrong > today:
        wrong = slip(born, rng)
    return wrong


def _one_part(born: date, rng: np.random.Generator) -> date:
    """Return ``born`` with another day, month or year, or ``born`` itself where there is no such day."""
    year, month, day = born.year, born.month, born.day
    part = int(rng.integers(4))
    if part == 0:
        year += int(rng.choice([-10, -1, 1, 10], p=[0.1, 0.4, 0.4, 0.1]))
    elif part == 1:
        month = int(rng.integers(1, 13))
    else:
        day = int(rng.integers(1, 32))
    return date(year, month, day) if day <= monthrange(year, month)[1] else born


def _several_parts(born: date, rng: np.random.Generator) -> date:
    luck = rng.random()
    if luck < 0.5:
        return swapped(born)
    return date(born.year, 1, 1) if luck < 0.8 else born + timedelta(days=int(rng.integers(-400, 400)))


def swapped(born: date) -> date:
    """Return ``born`` with day and month swapped, or itself where there is no such day."""
    return date(born.year, born.day, born.month) if born.day <= 12 else born
