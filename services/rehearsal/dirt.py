"""What goes wrong when holders write children down: published rates of disagreement, drawn per extract.

Rates are shares of pairs of records of one child that disagree, as studies report them. Each of two extracts is
soiled on its own, so each gets the share that makes a pair disagree at the published rate.
"""

import math
from calendar import monthrange
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.children import Population
from services.rehearsal.postcodes import INWARD, NO_FIXED_ABODE
from services.rehearsal.variants import halved, misspelt, other_form

Mask = NDArray[np.bool_]
Names = NDArray[np.str_]


@dataclass(frozen=True)
class Rates:
    """Shares of pairs of records of one child that disagree; ``halves`` are shares of names of two parts only.

    ``no_fixed_abode`` and ``wrong_nhs_number`` are shares of one extract's rows.
    """

    surname_girls: float
    surname_boys: float
    surname_partly: float
    forename: float
    forename_partly: float
    halves: float
    swapped: float
    date_of_birth: float
    sex: float
    postcode: float
    postcode_partly: float
    no_fixed_abode: float
    wrong_nhs_number: float


DATE_IN_ONE_PART = 0.93
SCENARIOS: Mapping[str, Rates] = {
    "low": Rates(
        surname_girls=0.057,
        surname_boys=0.013,
        surname_partly=0.018,
        forename=0.006,
        forename_partly=0.018,
        halves=0.10,
        swapped=0.0019,
        date_of_birth=0.0049,
        sex=0.0033,
        postcode=0.10,
        postcode_partly=0.0097,
        no_fixed_abode=0.002,
        wrong_nhs_number=0.0,
    ),
    "high": Rates(
        surname_girls=0.18,
        surname_boys=0.18,
        surname_partly=0.03,
        forename=0.03,
        forename_partly=0.09,
        halves=0.30,
        swapped=0.0038,
        date_of_birth=0.0098,
        sex=0.0066,
        postcode=0.30,
        postcode_partly=0.0194,
        no_fixed_abode=0.004,
        wrong_nhs_number=0.001,
    ),
}
"""``low``: two extracts of the same year. ``high``: records kept over a childhood, or never brought up to date."""


@dataclass(frozen=True, repr=False)
class Written:
    """What one holder wrote down: strings as people say them, before the holder's habits of spelling.

    All arrays have one entry per row. ``faults`` says by name which rows differ from the truth and how.
    """

    forename: Names
    surname: Names
    sex: Names
    date_of_birth: NDArray[np.datetime64]
    postcode: Names
    nhs_number: Names
    faults: Mapping[str, Mask]


def of_each(rate: float) -> float:
    """Return the share that each of two extracts gets wrong, in its own way, so that ``rate`` of pairs disagree."""
    return 1.0 - math.sqrt(1.0 - rate)


def out_of_date(rate: float) -> float:
    """Return the share of each of two extracts with the former value, so that ``rate`` (under 1/2) disagree.

    Where both have the former value they agree.
    """
    return (1.0 - math.sqrt(1.0 - 2.0 * rate)) / 2.0


def write_down(population: Population, child: NDArray[np.int64], *, rates: Rates, rng: np.random.Generator) -> Written:
    """Return what a holder has on file for the children numbered ``child``, one row each."""
    rows = len(child)
    is_girl = population.sex[child] == "F"
    forename, surname = population.forename[child], population.surname[child]

    # One draw per household: families move together, and siblings change their surname together.
    households = int(population.household[-1]) + 1 if len(population) else 0
    luck_of_name, luck_of_home = (rng.random(households)[population.household[child]] for _ in range(2))
    share = np.where(is_girl, out_of_date(rates.surname_girls), out_of_date(rates.surname_boys))
    changed = luck_of_name < share
    surname = np.where(changed, population.former_surname[child], surname)
    surname, halved_surname = _edited(surname, _two(surname) & _some(rows, of_each(rates.halves), rng), halved, rng)
    surname, slipped = _edited(surname, _some(rows, of_each(rates.surname_partly), rng), misspelt, rng)

    renamed = _some(rows, of_each(rates.forename), rng)
    forename = np.where(renamed, population.second_forename[child], forename)
    forename, halved_forename = _edited(forename, _two(forename) & _some(rows, of_each(rates.halves), rng), halved, rng)
    forename, respelt = _edited(forename, _some(rows, of_each(rates.forename_partly), rng), _respell, rng)

    swapped = _some(rows, of_each(rates.swapped), rng)
    forename, surname = np.where(swapped, surname, forename), np.where(swapped, forename, surname)

    born, date_wrong = _misdated(population, child, of_each(rates.date_of_birth), rng)
    sex_wrong = _some(rows, of_each(rates.sex), rng)
    sex = np.where(sex_wrong ^ is_girl, "F", "M")

    moved = luck_of_home < out_of_date(rates.postcode)
    postcode = np.where(moved, population.former_postcode[child], population.postcode[child])
    postcode, miskeyed = _edited(postcode, _some(rows, of_each(rates.postcode_partly), rng), _miskey, rng)
    no_abode = _some(rows, rates.no_fixed_abode, rng)
    nhs_number, mixed_up = _mixed_up(population, child, rates.wrong_nhs_number, rng)
    return Written(
        forename=forename,
        surname=surname,
        sex=sex,
        date_of_birth=born,
        postcode=np.where(no_abode, NO_FIXED_ABODE, postcode),
        nhs_number=nhs_number,
        faults={
            "surname_changed": changed & (population.former_surname != population.surname)[child],
            "surname_partly": slipped | halved_surname,
            "forename_changed": renamed & (population.second_forename != population.forename)[child],
            "forename_partly": respelt | halved_forename,
            "names_swapped": swapped,
            "date_of_birth_wrong": date_wrong,
            "sex_wrong": sex_wrong,
            "moved": moved & (population.former_postcode != population.postcode)[child],
            "postcode_partly": miskeyed,
            "no_fixed_abode": no_abode,
            "nhs_number_of_another": mixed_up,
        },
    )


def _some(rows: int, share: float, rng: np.random.Generator) -> Mask:
    return np.asarray(rng.random(rows) < share)


def _two(names: Names) -> Mask:
    return np.asarray((np.strings.find(names, "-") > 0) | (np.strings.find(names, " ") > 0))


def _edited(values: Names, chosen: Mask, edit: Callable[..., str], rng: np.random.Generator) -> tuple[Names, Mask]:
    """Return ``values`` with ``edit`` applied to the chosen ones, and which ones it changed."""
    edited = values.tolist()
    for place in np.flatnonzero(chosen).tolist():
        edited[place] = edit(edited[place], rng=rng)
    after = np.array(edited, dtype=np.str_)
    return after, np.asarray(after != values)


def _respell(name: str, *, rng: np.random.Generator) -> str:
    luck = rng.random()
    if luck < 0.05:
        return name[0]
    return other_form(name, rng=rng) if luck < 0.60 else misspelt(name, rng=rng)


def _miskey(postcode: str, *, rng: np.random.Generator) -> str:
    """Return ``postcode`` with another sector digit or another last letter."""
    if rng.random() < 0.5:
        return postcode[:-3] + str((int(postcode[-3]) + int(rng.integers(1, 10))) % 10) + postcode[-2:]
    others = INWARD[postcode[-1] != INWARD]
    return postcode[:-1] + str(others[int(rng.integers(len(others)))])


def _misdated(
    population: Population, child: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.datetime64], Mask]:
    """Return the dates of birth as written, a ``share`` of them wrong: mostly in one of day, month and year."""
    born = population.date_of_birth[child]
    wrong = np.flatnonzero(_some(len(child), share, rng))
    today = np.datetime64(population.today, "D")
    for place in wrong.tolist():
        candidate = born[place]
        while candidate == born[place] or candidate > today:
            candidate = _another_date(born[place], rng)
        born[place] = candidate
    return born, np.asarray(born != population.date_of_birth[child])


def _another_date(born: np.datetime64, rng: np.random.Generator) -> np.datetime64:
    year, month, day = (int(part) for part in str(born).split("-"))
    if rng.random() >= DATE_IN_ONE_PART:
        if day <= 12 and day != month and rng.random() < 0.8:
            return np.datetime64(f"{year:04}-{day:02}-{month:02}")
        return born + np.timedelta64(int(rng.integers(-400, 400)), "D")
    part = int(rng.integers(4))
    if part == 0:
        year += int(rng.choice([-10, -1, 1, 10], p=[0.1, 0.4, 0.4, 0.1]))
    elif part == 1:
        month = int(rng.integers(1, 13))
    else:
        day = int(rng.integers(1, 32))
    # A day that the month does not have is no date that a system would have taken: the caller draws again.
    return np.datetime64(f"{year:04}-{month:02}-{day:02}") if day <= monthrange(year, month)[1] else born


def _mixed_up(
    population: Population, child: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[Names, Mask]:
    """Return NHS numbers as written; a ``share`` of rows has that of the next child of the same household, if any."""
    neighbour = np.minimum(child + 1, len(population) - 1)
    sibling = (population.household[neighbour] == population.household[child]) & (neighbour != child)
    wrong = sibling & _some(len(child), share, rng)
    return np.where(wrong, population.nhs_number[neighbour], population.nhs_number[child]), np.asarray(wrong)
