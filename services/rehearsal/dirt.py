"""What goes wrong when a holder writes children down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.chance import Mask, Names, edited, luck_of_household, some
from services.rehearsal.children import MOBILE, Population
from services.rehearsal.misnaming import misnamed
from services.rehearsal.postcodes import NO_FIXED_ABODE
from services.rehearsal.rates import Rates, of_each, out_of_date
from services.rehearsal.slips import misdated, miskeyed_postcode, swapped

MOBILE_LAG = 2.0
"""How much more often than the average the address of a mobile household is out of date. Our choice."""
OTHERS_LAG = (1.0 - MOBILE * MOBILE_LAG) / (1.0 - MOBILE)
LATEST_FIRST = (0.4, 0.3, 0.2, 0.1)
"""Which former address an out-of-date record has."""
SPREAD = MOBILE * MOBILE_LAG**2 * (1 + sum(share**2 for share in LATEST_FIRST)) + (1 - MOBILE) * OTHERS_LAG**2 * 2


@dataclass(frozen=True, repr=False)
class Written:
    """What one holder wrote down: strings as people say them, before the holder's habits of spelling.

    All arrays have one entry per row. ``address`` is 0 for the present one, else one more than the place among the
    former ones. ``faults`` says by name which rows differ from the truth and how.
    """

    forename: Names
    surname: Names
    sex: Names
    date_of_birth: NDArray[np.datetime64]
    postcode: Names
    address: NDArray[np.int64]
    nhs_number: Names
    faults: Mapping[str, Mask]


def write_down(
    population: Population, child: NDArray[np.int64], *, rates: Rates, scripts: bool, rng: np.random.Generator
) -> Written:
    """Return what a holder has on file for the children numbered ``child``, one row each.

    ``scripts``: whether its system holds letters that are not Latin.
    """
    forename, surname, of_names = misnamed(population, child, rates, scripts, rng)
    postcode, address, of_postcode = _postcodes(population, child, rates, rng)
    born, of_date = _dates(population, child, rates, rng)
    sex_wrong = some(len(child), of_each(rates.sex), rng)
    number, of_another = _numbers(population, child, rates.wrong_nhs_number, rng)
    return Written(
        forename=forename,
        surname=surname,
        sex=np.where(sex_wrong ^ (population.sex[child] == "F"), "F", "M"),
        date_of_birth=born,
        postcode=postcode,
        address=address,
        nhs_number=number,
        faults={**of_names, **of_postcode, **of_date, "sex_wrong": sex_wrong, "nhs_number_of_another": of_another},
    )


def _postcodes(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[Names, NDArray[np.int64], dict[str, Mask]]:
    true, former = population.postcode[child], population.former_postcodes[child]
    lag = np.where(population.mobile[child], MOBILE_LAG, OTHERS_LAG)
    moved = luck_of_household(population, child, rng) < out_of_date(rates.postcode, SPREAD) * lag
    place = np.searchsorted(np.cumsum(LATEST_FIRST)[:-1], luck_of_household(population, child, rng), side="right")
    place = np.where(population.mobile[child], place, 0)
    codes = np.where(moved, former[np.arange(len(child)), place], true)
    moved &= codes != true
    codes, miskeyed = edited(codes, some(len(child), of_each(rates.postcode_partly), rng), miskeyed_postcode, rng)
    homeless = some(len(child), rates.no_fixed_abode, rng)
    faults = {"moved": moved, "postcode_partly": miskeyed, "no_fixed_abode": homeless}
    return np.where(homeless, NO_FIXED_ABODE, codes), np.where(moved, place + 1, 0), faults


def _dates(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[NDArray[np.datetime64], dict[str, Mask]]:
    born = population.date_of_birth[child]
    wrong = some(len(child), of_each(rates.date_of_birth), rng)
    turned, estimated = np.zeros((2, len(child)), dtype=np.bool_)
    for place in np.flatnonzero(wrong).tolist():
        true: date = born[place].item()
        written = misdated(true, today=population.today, one_part=rates.date_in_one_part, rng=rng)
        born[place] = written
        turned[place] = written == swapped(true)
        estimated[place] = written == date(true.year, 1, 1)
    return born, {"date_of_birth_wrong": wrong, "day_and_month_swapped": turned, "estimated_date": estimated}


def _numbers(
    population: Population, child: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[Names, Mask]:
    """Return NHS numbers as written; a ``share`` of rows has that of the next child of the same household, if any."""
    neighbour = np.minimum(child + 1, len(population) - 1)
    sibling = (population.household[neighbour] == population.household[child]) & (neighbour != child)
    wrong = sibling & some(len(child), share, rng)
    return np.where(wrong, population.nhs_number[neighbour], population.nhs_number[child]), np.asarray(wrong)
