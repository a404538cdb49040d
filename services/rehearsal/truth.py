"""Which rows of two extracts are of one child, and which kinds of child each such link is about."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.children import Population
from services.rehearsal.dirt import Mask, Names
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


def subgroups(population: Population, a: Extract, b: Extract) -> Mapping[str, Mask]:
    """Return, for the links of ``true_links(a, b)`` in their order, which belong to each subgroup.

    ``twin_in_files`` are twins whose twin is in either file too. A fault counts where either record has it; a former
    surname or postcode only where the other record does not have the same one.
    """
    links = true_links(a, b)
    child = links.child
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
    }
    nowhere = np.zeros(len(links), dtype=bool)
    for name in dict.fromkeys([*a.faults, *b.faults]):
        in_a, in_b = (
            extract.faults[name][rows] if name in extract.faults else nowhere
            for extract, rows in ((a, links.row_a), (b, links.row_b))
        )
        groups[name] = in_a ^ in_b if name in ("surname_changed", "moved") else in_a | in_b
    return groups


def _with_twin(population: Population, a: Extract, b: Extract) -> Mask:
    """Return per child of the population whether at least two of its birth are in the two files."""
    held = np.zeros(len(population), dtype=np.int64)
    held[a.child] = held[b.child] = 1
    births = np.bincount(population.birth, weights=held, minlength=1)
    return np.asarray(births[population.birth] > 1)
