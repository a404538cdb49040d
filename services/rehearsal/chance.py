"""Which rows something happens to, and what it does to them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.children import Population

Mask = NDArray[np.bool_]
Names = NDArray[np.str_]


def some(rows: int, share: float | NDArray[np.float64], rng: np.random.Generator) -> Mask:
    """Draw each row with this chance."""
    return np.asarray(rng.random(rows) < share)


def luck_of_household(
    population: Population, child: NDArray[np.int64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return one uniform draw per household, for each child: families move together and change names together."""
    households = int(population.household[-1]) + 1 if len(population) else 0
    return rng.random(households)[population.household[child]]


def edited(values: Names, chosen: Mask, edit: Callable[..., str], rng: np.random.Generator) -> tuple[Names, Mask]:
    """Return ``values`` with ``edit`` applied to the chosen ones, and which ones it changed."""
    after = values.tolist()
    for place in np.flatnonzero(chosen).tolist():
        after[place] = edit(after[place], rng=rng)
    written = np.array(after, dtype=np.str_)
    return written, np.asarray(written != values)
