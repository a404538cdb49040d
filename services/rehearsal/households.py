"""Households and who is born into them: siblings, twins, triplets, and the cohorts of ages 0 to 25."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

OLDEST = 26
"""Children are under this age, in years: the range of SEND provision."""
CHILDREN = (0.44, 0.38, 0.13, 0.04, 0.01)
"""Share of households with one, two, ... births."""
TWIN_BIRTHS = 0.0152
"""Share of births that are of twins, so that about 3 % of children are a twin."""
TRIPLET_BIRTHS = 0.0003
COHORTS = ((0, 0.88), (4, 0.95), (8, 1.05), (12, 1.10), (16, 1.02), (20, 0.98))
"""From which age on, and how large a cohort is against the average: births fell after 2012."""
_DAYS = 365.2425


@dataclass(frozen=True)
class Births:
    """One entry per child. ``household`` and ``birth`` are int64 numbers, equal for siblings and for twins.

    ``date_of_birth`` is datetime64[D]. Children of one household stand together, the eldest first.
    """

    household: NDArray[np.int64]
    birth: NDArray[np.int64]
    date_of_birth: NDArray[np.datetime64]


def make_births(count: int, *, today: date, rng: np.random.Generator) -> Births:
    """Return exactly ``count`` children who are under 26 on ``today``, in whole households but perhaps the last.

    Eldest children are born evenly over 36 years and those who have grown up are left out, so that ages come out
    nearly flat before the cohorts' sizes are applied.
    """
    parts: list[Births] = []
    made = households = 0
    while made < count:
        part = _some(int((count - made) / 1.1) + 50, households, today, rng)
        households += int(part.household[-1]) - households + 1 if len(part.household) else 0
        made += len(part.household)
        parts.append(part)
    whole = (np.concatenate(column)[:count] for column in zip(*map(_columns, parts), strict=True))
    household, birth, born = whole if parts else _columns(_some(0, 0, today, rng))
    return Births(np.unique(household, return_inverse=True)[1], np.unique(birth, return_inverse=True)[1], born)


def _columns(births: Births) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.datetime64]]:
    return births.household, births.birth, births.date_of_birth


def _some(households: int, first: int, today: date, rng: np.random.Generator) -> Births:
    events = rng.choice(np.arange(1, len(CHILDREN) + 1), size=households, p=CHILDREN)
    household = np.repeat(np.arange(households), events)
    gaps = 300 + rng.gamma(2.0, 380.0, size=len(household))
    starts = np.cumsum(events) - events
    gaps[starts] = 0
    elapsed = np.cumsum(gaps)
    elapsed -= np.repeat(elapsed[starts], events)
    eldest = rng.random(households) * (OLDEST + 10) * _DAYS
    age = np.repeat(eldest, events) - elapsed
    since, size = np.array(COHORTS).T
    kept = rng.random(len(age)) < (size / size.max())[np.searchsorted(since, age / _DAYS, side="right") - 1]
    last_day = np.datetime64(today, "D")
    born = last_day - np.floor(age).astype("timedelta64[D]")
    kept &= (age >= 0) & (born > _years_before(today, OLDEST))
    at_once = 1 + (rng.random(len(age)) < TWIN_BIRTHS) + (rng.random(len(age)) < TRIPLET_BIRTHS)
    children = np.where(kept, at_once, 0)
    # A household number is unique over all parts, and so is a birth: at most five births in a household.
    order = np.arange(len(age)) - np.repeat(starts, events)
    return Births(
        np.repeat(household + first, children),
        np.repeat((household + first) * len(CHILDREN) + order, children),
        np.repeat(born, children),
    )


def _years_before(day: date, years: int) -> np.datetime64:
    """Return the birthday on which a person turns ``years`` on ``day``; 29 February counts as 1 March."""
    leap_day = day.month == 2 and day.day == 29
    return np.datetime64(
        day.replace(year=day.year - years, month=3, day=1) if leap_day else day.replace(year=day.year - years)
    )
