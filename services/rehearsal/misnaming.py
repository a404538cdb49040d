"""How the names of a child come to be written wrongly, and what each such fault is called."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.chance import Mask, Names, edited, luck_of_household, some
from services.rehearsal.children import Population
from services.rehearsal.rates import Rates, of_each, out_of_date
from services.rehearsal.transliterations import in_own_script, respellable, transliterated
from services.rehearsal.variants import OTHER_FORMS, halved, initial, misspelt, other_form

UNFAMILIAR = (0.7, 1.5)
"""How much more often than the average a name is respelt or misspelt: British names, and all others. Studies find
that linkage misses more children of minorities but not by how much clerks err, so these two are a guess whose
average over the population is 1."""
INITIAL, OTHER_FORM = 0.05, 0.55
"""Of forenames that differ in part: the share cut to an initial, and the share in another form or transliteration where
there is one. The rest is misspelt."""

Faults = dict[str, Mask]


def misnamed(
    population: Population, child: NDArray[np.int64], rates: Rates, scripts: bool, rng: np.random.Generator
) -> tuple[Names, Names, Faults]:
    """Return forenames and surnames as a holder writes them, and which have which fault.

    ``scripts``: whether its system holds letters that are not Latin.
    """
    forename, faults = _forenames(population, child, rates, rng)
    surname, of_surname = _surnames(population, child, rates, rng)
    half, respelt = (faults.pop(kind) | of_surname.pop(kind) for kind in ("half_a_name", "transliterated"))
    swapped = some(len(child), of_each(rates.swapped), rng)
    forename, surname, foreign = _foreign(population, child, forename, surname, rates.own_script * scripts, rng)
    return (
        np.where(swapped, surname, forename),
        np.where(swapped, forename, surname),
        {
            **faults,
            **of_surname,
            "half_a_name": half,
            "transliterated": respelt,
            "own_script": foreign,
            "names_swapped": swapped,
        },
    )


def _forenames(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[Names, Faults]:
    true, second = population.forename[child], population.second_forename[child]
    changed = some(len(child), of_each(rates.forename), rng)
    names = np.where(changed, second, true)
    share = _beside_halves(rates.forename_partly, rates.halves, names) * _unfamiliar(population, child)
    names, cut = edited(names, _two(names) & some(len(child), of_each(rates.halves), rng), halved, rng)
    partly, luck = some(len(child), share, rng), rng.random(len(child))
    usual = partly & (luck >= INITIAL) & (luck < INITIAL + OTHER_FORM)
    foreign = usual & _from_elsewhere(population, child) & _of_each(respellable, names)
    nicknamed = usual & ~foreign & _of_each(lambda name: name in OTHER_FORMS, names)
    names, letter = edited(names, partly & (luck < INITIAL), initial, rng)
    names, respelt = edited(names, foreign, transliterated, rng)
    names, nickname = edited(names, nicknamed, other_form, rng)
    names, slip = edited(names, partly & (luck >= INITIAL) & ~foreign & ~nicknamed, misspelt, rng)
    return names, {
        "forename_changed": changed & (second != true),
        "forename_partly": cut | letter | respelt | nickname | slip,
        "half_a_name": cut,
        "initial_only": letter,
        "nickname": nickname,
        "transliterated": respelt,
    }


def _surnames(
    population: Population, child: NDArray[np.int64], rates: Rates, rng: np.random.Generator
) -> tuple[Names, Faults]:
    true, former = population.surname[child], population.former_surname[child]
    of_girls, of_boys = out_of_date(rates.surname_girls), out_of_date(rates.surname_boys)
    share = np.where(population.sex[child] == "F", of_girls, of_boys)
    changed = luck_of_household(population, child, rng) < share
    names = np.where(changed, former, true)
    share = _beside_halves(rates.surname_partly, rates.halves, names) * _unfamiliar(population, child)
    names, cut = edited(names, _two(names) & some(len(child), of_each(rates.halves), rng), halved, rng)
    partly = some(len(child), share, rng)
    foreign = partly & some(len(child), OTHER_FORM, rng) & _from_elsewhere(population, child)
    foreign &= _of_each(respellable, names)
    names, respelt = edited(names, foreign, transliterated, rng)
    names, slip = edited(names, partly & ~foreign, misspelt, rng)
    return names, {
        "surname_changed": changed & (former != true),
        "surname_partly": cut | respelt | slip,
        "half_a_name": cut,
        "transliterated": respelt,
    }


def _foreign(
    population: Population,
    child: NDArray[np.int64],
    forename: Names,
    surname: Names,
    share: float,
    rng: np.random.Generator,
) -> tuple[Names, Names, Mask]:
    """Return the names, of which a ``share`` is in another script where it is known so, and which these are."""
    chosen = some(len(child), share, rng) & _from_elsewhere(population, child)
    names = [forename.tolist(), surname.tolist()]
    for place in np.flatnonzero(chosen).tolist():
        names[0][place], names[1][place] = in_own_script(names[0][place], names[1][place])
    written = [np.array(one, dtype=np.str_) for one in names]
    return written[0], written[1], np.asarray((written[0] != forename) | (written[1] != surname))


def _beside_halves(rate: float, halves: float, names: Names) -> float:
    """Return the share of each extract so that pairs differ at ``rate``, those with half a name included."""
    cut = halves * float(_two(names).mean()) if len(names) else 0.0
    return of_each(max(0.0, 1.0 - (1.0 - rate) / (1.0 - cut)))


def _unfamiliar(population: Population, child: NDArray[np.int64]) -> NDArray[np.float64]:
    familiar, other = UNFAMILIAR
    return np.where(_from_elsewhere(population, child), other, familiar)


def _from_elsewhere(population: Population, child: NDArray[np.int64]) -> Mask:
    """Return which children have a name that may be of another language."""
    return np.asarray(population.ethnicity[child] != "WBRI")


def _two(names: Names) -> Mask:
    """Return which names are of two parts."""
    return np.asarray((np.strings.find(names, "-") > 0) | (np.strings.find(names, " ") > 0))


def _of_each(true: Callable[[str], bool], names: Names) -> Mask:
    """Return of which names this is true."""
    distinct, code = np.unique(names, return_inverse=True)
    return np.array([true(name) for name in distinct.tolist()], dtype=np.bool_)[code]
