"""Which rows of two extracts are of one child, which must never be linked, and which kinds of child both are about."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.chance import Mask, Names
from services.rehearsal.children import Population
from services.rehearsal.extracts import Extract

AGE_BANDS = ((0, 4), (5, 10), (11, 15), (16, 25))


@dataclass(frozen=True, repr=False)
class TrueLinks:
    """One entry per child that both extracts hold, by the child's number: its row in each (int64) and row ids."""

    child: NDArray[np.int64]
    row_a: NDArray[np.int64]
    row_b: NDArray[np.int64]
    id_a: Names
    id_b: Names

    def __len__(self) -> int:
        return len(self.child)

    def __repr__(self) -> str:
        return f"TrueLinks(links={len(self)})"


def true_links(a: Extract, b: Extract) -> TrueLinks:
    """Return every true link between two extracts of one population."""
    child, row_a, row_b = np.intersect1d(a.child, b.child, assume_unique=True, return_indices=True)
    return TrueLinks(child, row_a, row_b, a.row_ids[row_a], b.row_ids[row_b])


def never_linked(population: Population, a: Extract, b: Extract) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows of each extract, int64 and in pairs, that are of one child before and after an adoption."""
    other = population.adopted[a.child]
    row_of = np.full(len(population) + 1, -1)
    row_of[b.child] = np.arange(len(b))
    row_b = row_of[other]
    row_a = np.flatnonzero(row_b >= 0)
    return row_a, row_b[row_a]


def subgroups(population: Population, a: Extract, b: Extract) -> Mapping[str, Mask]:
    """Return, for the links of ``true_links(a, b)`` in their order, which belong to each group of ``groups_of``."""
    links = true_links(a, b)
    return groups_of(population, a, b, links.row_a, links.row_b)


def groups_of(
    population: Population, a: Extract, b: Extract, row_a: NDArray[np.int64], row_b: NDArray[np.int64]
) -> Mapping[str, Mask]:
    """Return, for pairs of rows, which belong to each group. What kind of child it is, the row of ``a`` says.

    ``twin_in_files`` are twins whose twin is in either file too. A fault counts where either record has it; a former
    surname or postcode only where the other record does not have the same one.
    """
    child = a.child[row_a]
    age = population.age[child]
    names = np.strings.add(population.forename[child], population.surname[child])
    groups: dict[str, Mask] = {
        **{f"age_{low}_{high}": np.asarray((age >= low) & (age <= high)) for low, high in AGE_BANDS},
        **{
            f"ethnicity_{code}": population.ethnicity[child] == code
            for code in np.unique(population.ethnicity).tolist()
        },
        "girls": population.sex[child] == "F",
        "boys": population.sex[child] == "M",
        "send": population.need[child] != "",
        "hyphenated": np.asarray(np.strings.find(names, "-") >= 0),
        "twin": population.twin[child],
        "twin_in_files": _with_twin(population, a, b)[child],
        "triplet": population.triplet[child],
        "namesake": population.namesake[child],
        "adopted": population.adopted[child] >= 0,
        "mobile": population.mobile[child],
        "born_on_1_january": _on_1_january(population.date_of_birth[child]),
    }
    nowhere = np.zeros(len(child), dtype=bool)
    for name in dict.fromkeys([*a.faults, *b.faults]):
        in_a, in_b = (
            extract.faults[name][rows] if name in extract.faults else nowhere
            for extract, rows in ((a, row_a), (b, row_b))
        )
        groups[name] = in_a ^ in_b if name == "surname_changed" else in_a | in_b
    groups["moved"] = a.address[row_a] != b.address[row_b]
    return groups


def _on_1_january(born: NDArray[np.datetime64]) -> Mask:
    return np.asarray(born == born.astype("datetime64[Y]").astype(born.dtype))


def _with_twin(population: Population, a: Extract, b: Extract) -> Mask:
    """Return per child of the population whether at least two of its birth are in the two files."""
    held = np.zeros(len(population), dtype=np.int64)
    held[a.child] = held[b.child] = 1
    births = np.bincount(population.birth, weights=held, minlength=1)
    return np.asarray(births[population.birth] > 1)
