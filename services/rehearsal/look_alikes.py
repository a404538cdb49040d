"""Records that look like one child and must not be linked: adopted children, and namesakes.

An adopted child gets a new NHS number, a new UPN and a new surname, and nothing may join the new record to the old one.
So the old record and the new one are two children of the population, and no true link joins them.
"""

from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", bound=np.generic)

ADOPTED = 0.003
"""Share of children whose record from before an adoption is on file too."""
SAME_FORENAME = 0.8
"""Share of adopted children who keep their forename."""
NAMESAKES = 0.0006
"""Share of children who are made namesakes of another one, beyond those who are so by chance."""


@dataclass(frozen=True, repr=False)
class LookAlikes:
    """Pairs of children by their numbers, int64, (pairs,): ``before`` and ``after`` an adoption; ``one`` and ``other``
    of two namesakes. All are only children of two households, each in one pair at most."""

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    one: NDArray[np.int64]
    other: NDArray[np.int64]

    @classmethod
    def none(cls) -> Self:
        """Return no pairs."""
        return cls(*(np.empty(0, np.int64) for _ in range(4)))

    def alike(self, values: NDArray[Value]) -> NDArray[Value]:
        """Return one value per child such that those of a pair are equal: the later record has those of the earlier."""
        values = values.copy()
        values[self.after] = values[self.before]
        return self.of_namesakes(values)

    def of_namesakes(self, values: NDArray[Value]) -> NDArray[Value]:
        """The same for namesakes alone."""
        values = values.copy()
        values[self.other] = values[self.one]
        return values

    def adopted(self, children: int) -> NDArray[np.int64]:
        """Return per child the number of its other record, or -1."""
        numbers = np.full(children, -1)
        numbers[self.before], numbers[self.after] = self.after, self.before
        return numbers


def draw_look_alikes(household: NDArray[np.int64], kind: NDArray[np.int64], *, rng: np.random.Generator) -> LookAlikes:
    """Draw pairs among only children, nearly all within one community. ``kind``: the community of each household."""
    _, first, children = np.unique(household, return_index=True, return_counts=True)
    only = first[children == 1]
    count = len(household)
    adopted, namesakes = round(ADOPTED * count), round(NAMESAKES * count)
    drawn = rng.permutation(only)[: 2 * (adopted + namesakes)]
    drawn = drawn[: len(drawn) // 2 * 2]
    pairs = drawn[np.argsort(kind[household[drawn]], kind="stable")].reshape(-1, 2)
    pairs = rng.permutation(pairs)
    return LookAlikes(*pairs[:adopted].T, *pairs[adopted:].T)
