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

    ``twin_apart`` are links of a child with a twin in either file. Faults count if the two records differ by them.
    """
    links = true_links(a, b)
    child = links.child
    age = population.age[child]
    groups: dict[str, Mask] = {f"age_{low}_{high}": np.asarray((age >= low) & (age <= high)) for low, high in AGE_BANDS}
    groups["girls"] = population.sex[child] == "F"
    groups["boys"] = population.sex[child] == "M"
    groups["send"] = population.need[child] != ""
    for code in np.unique(population.ethnicity).tolist():
        groups[f"ethnicity_{code}"] = population.ethnicity[child] == code
    names = np.strings.add(population.forename[child], population.surname[child])
    groups["hyphenated"] = np.asarray(np.strings.find(names, "-") >= 0)
    groups["twin"] = population.twin[child]
    present = np.zeros(int(population.birth[-1]) + 1 if len(population) else 0, dtype=np.int64)
    np.add.at(present, population.birth[np.unique(np.concatenate([a.child, b.child]))], 1)
    groups["twin_in_files"] = np.asarray(present[population.birth[child]] > 1)
    for name in a.faults:
        if name in b.faults:
            in_a, in_b = a.faults[name][links.row_a], b.faults[name][links.row_b]
            one_value = name in ("surname_changed", "moved")
            groups[name] = in_a ^ in_b if one_value else in_a | in_b
        elif name.startswith("missing_"):
            groups[name] = np.ones(len(links), dtype=bool)
    return groups
