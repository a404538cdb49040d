"""What goes wrong when a holder writes children down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.children import Population
from services.rehearsal.postcodes import NO_FIXED_ABODE
from services.rehearsal.rates import Rates, of_each, out_of_date
from services.rehearsal.slips import misdated, miskeyed_postcode, respelt_forename
from services.rehearsal.variants import halved, misspelt

Mask = NDArray[np.bool_]
Names = NDArray[np.str_]

UNFAMILIAR = (0.7, 1.5)
"""How much more often than the average a name is respelt or misspelt: British names, and all others. Studies find
that linkage misses more children of minorities but not by how much clerks err, so these two are a guess whose
average over the population is 1."""


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


def write_down(population: Population, child: NDArray[np.int64], *, rates: Rates, rng: np.random.Generator) -> Written:
    """Return what a holder has on file for the children numbered ``child``, one row each."""
    forename, faults = _forenames(population, child, rates, rng)
    surname, of_surname = _surnames(population, child, rates, rng)
    swapped = _some(len(child), of_each(rates.swapped), rng)
    postcode, of_postcode = _postcodes(population, child, rates, rng)
    born, date_wrong = _dates(population, child, of_each(rates.date_of_birth), rng)
    sex_wrong = _some(len(child), of_each(rates.sex), rng)
    number, of_another = _numbers(population, child, rates.wrong_nhs_number, rng)
    return Written(
        forename=np.where(swapped, surname, forename),
        surname=np.where(swapped, forename, surname),
        sex=np.where(sex_wrong ^ (population.sex[child] == "F"), "F", "M"),
        date_of_birth=born,
        postcode=postcode,
        nhs_number=number,
        faults={
            **faults,
            **of_surname,
            **of_postcode,
            "names_swapped": swapped,
            "date_of_birth_wrong": date_wrong,
            "sex_wrong": sex_wrong,
            "nhs_number_of_another": of_another,
        },
    )


def _forenames(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[Names, dict[str, Mask]]:
    true, second = population.forename[child], population.second_forename[child]
    changed = _some(len(child), of_each(rates.forename), rng)
    names = np.where(changed, second, true)
    names, cut = _edited(names, _two(names) & _some(len(child), of_each(rates.halves), rng), halved, rng)
    share = of_each(rates.forename_partly) * _unfamiliar(population, child)
    names, respelt = _edited(names, _some(len(child), share, rng), respelt_forename, rng)
    return names, {"forename_changed": changed & (second != true), "forename_partly": respelt | cut}


def _surnames(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[Names, dict[str, Mask]]:
    true, former = population.surname[child], population.former_surname[child]
    of_girls, of_boys = out_of_date(rates.surname_girls), out_of_date(rates.surname_boys)
    share = np.where(population.sex[child] == "F", of_girls, of_boys)
    changed = _luck_of_household(population, child, rng) < share
    names = np.where(changed, former, true)
    names, cut = _edited(names, _two(names) & _some(len(child), of_each(rates.halves), rng), halved, rng)
    share = of_each(rates.surname_partly) * _unfamiliar(population, child)
    names, slipped = _edited(names, _some(len(child), share, rng), misspelt, rng)
    return names, {"surname_changed": changed & (former != true), "surname_partly": slipped | cut}


def _postcodes(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[Names, dict[str, Mask]]:
    true, former = population.postcode[child], population.former_postcode[child]
    moved = _luck_of_household(population, child, rng) < out_of_date(rates.postcode)
    codes = np.where(moved, former, true)
    codes, miskeyed = _edited(codes, _some(len(child), of_each(rates.postcode_partly), rng), miskeyed_postcode, rng)
    homeless = _some(len(child), rates.no_fixed_abode, rng)
    faults = {"moved": moved & (former != true), "postcode_partly": miskeyed, "no_fixed_abode": homeless}
    return np.where(homeless, NO_FIXED_ABODE, codes), faults


def _dates(
    population: Population, child: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[NDArray[np.datetime64], Mask]:
    born = population.date_of_birth[child]
    wrong = _some(len(child), share, rng)
    for place in np.flatnonzero(wrong).tolist():
        born[place] = misdated(born[place].item(), today=population.today, rng=rng)
    return born, wrong


def _numbers(
    population: Population, child: NDArray[np.int64], share: float, rng: np.random.Generator
) -> tuple[Names, Mask]:
    """Return NHS numbers as written; a ``share`` of rows has that of the next child of the same household, if any."""
    neighbour = np.minimum(child + 1, len(population) - 1)
    sibling = (population.household[neighbour] == population.household[child]) & (neighbour != child)
    wrong = sibling & _some(len(child), share, rng)
    return np.where(wrong, population.nhs_number[neighbour], population.nhs_number[child]), np.asarray(wrong)


def _luck_of_household(
    population: Population, child: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return one uniform draw per household, for each child: families move together and change names together."""
    households = int(population.household[-1]) + 1 if len(population) else 0
    return rng.random(households)[population.household[child]]


def _unfamiliar(population: Population, child: NDArray[np.int64]) -> NDArray[np.float64]:
    familiar, other = UNFAMILIAR
    return np.where(population.ethnicity[child] == "WBRI", familiar, other)


def _some(rows: int, share: float | NDArray[np.float64], rng: np.random.Generator) -> Mask:
    return np.asarray(rng.random(rows) < share)


def _two(names: Names) -> Mask:
    """Return which names are of two parts."""
    return np.asarray((np.strings.find(names, "-") > 0) | (np.strings.find(names, " ") > 0))


def _edited(values: Names, chosen: Mask, edit: Callable[..., str], rng: np.random.Generator) -> tuple[Names, Mask]:
    """Return ``values`` with ``edit`` applied to the chosen ones, and which ones it changed."""
    edited = values.tolist()
    for place in np.flatnonzero(chosen).tolist():
        edited[place] = edit(edited[place], rng=rng)
    after = np.array(edited, dtype=np.str_)
    return after, np.asarray(after != values)
