"""How families name their children: surnames by the custom of the community, forenames that no sibling has."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.communities import MUHAMMADS, Community
from services.rehearsal.names import BOYS_SECOND, GIRLS_SECOND

Names = NDArray[np.str_]

HYPHENATED = {"F": 0.043, "M": 0.009}
"""Share of girls and boys with a hyphenated forename (England and Wales, 2020)."""
DOUBLE_BARRELLED = 0.04
MUHAMMAD = 0.15
ALIKE_TWINS = 0.25
"""Share of younger twins whose forename begins with the elder's letter, beyond those of whom it does by chance."""


Table = Sequence[Community]


def surnames(kind: NDArray[np.int64], table: Table, *, rng: np.random.Generator) -> tuple[Names, Names]:
    """Return per household the surname of its boys and of its girls. ``kind``: its place in the ``table``."""
    boys = np.full(len(kind), "", dtype="U40")
    girls = boys.copy()
    for number, community in enumerate(table):
        mine = np.flatnonzero(kind == number)
        boys[mine] = girls[mine] = names = _family_names(community, len(mine), rng)
        if community.custom == "by-sex":
            girls[mine] = community.girls_surnames.draw(len(mine), rng)
        elif community.custom == "inflected":
            feminine = _joined(np.strings.slice(names, 0, -1), "a")
            girls[mine] = np.where(np.strings.endswith(names, "ki"), feminine, names)
    return boys, girls


def forenames(
    kind: NDArray[np.int64],
    is_girl: NDArray[np.bool_],
    household: NDArray[np.int64],
    birth: NDArray[np.int64],
    table: Table,
    *,
    rng: np.random.Generator,
) -> tuple[Names, Names]:
    """Return each child's forename, which no other child of the household has, and its middle name.

    All arrays have one entry per child; ``household`` and ``birth`` are as in ``households.Births``.
    """
    forename = _drawn(kind, is_girl, table, rng)
    _liken_twins(forename, kind, is_girl, birth, table, rng)
    again = _repeated(household, forename)
    while again.any():
        forename[again] = _drawn(kind[again], is_girl[again], table, rng)
        again = _repeated(household, forename)
    return forename, _drawn(kind, is_girl, table, rng, compound=False)


def _family_names(community: Community, count: int, rng: np.random.Generator) -> Names:
    names, partners = community.surnames.draw(count, rng), community.surnames.draw(count, rng)
    if community.custom == "two":
        return np.where(names == partners, names, _joined(names, " ", partners))
    both = (rng.random(count) < DOUBLE_BARRELLED * community.hyphens) & (names != partners)
    return np.where(both, _joined(names, "-", partners), names)


def _liken_twins(
    forename: Names,
    kind: NDArray[np.int64],
    is_girl: NDArray[np.bool_],
    birth: NDArray[np.int64],
    table: Table,
    rng: np.random.Generator,
) -> None:
    """Draw some younger twins' forenames again, in place, until they begin like the elder's (ten times at most)."""
    elder = np.unique(birth, return_index=True)[1][birth]
    younger = elder != np.arange(len(birth))
    unlike = np.flatnonzero(younger & (rng.random(len(birth)) < ALIKE_TWINS))
    for _ in range(10):
        initials = np.strings.slice(forename, 0, 1)
        unlike = unlike[initials[unlike] != initials[elder[unlike]]]
        forename[unlike] = _drawn(kind[unlike], is_girl[unlike], table, rng)


def _repeated(household: NDArray[np.int64], forename: Names) -> NDArray[np.bool_]:
    """Return which children have a forename that an earlier child of the household has."""
    code = np.unique(forename, return_inverse=True)[1]
    first = np.unique(np.stack([household, code]), axis=1, return_index=True)[1]
    repeats = np.ones(len(forename), dtype=bool)
    repeats[first] = False
    return repeats


def _drawn(
    kind: NDArray[np.int64],
    is_girl: NDArray[np.bool_],
    table: Table,
    rng: np.random.Generator,
    *,
    compound: bool = True,
) -> Names:
    names = np.full(len(kind), "", dtype="U40")
    for number, community in enumerate(table):
        for girls in (True, False):
            mine = np.flatnonzero((kind == number) & (is_girl == girls))
            drawn = (community.girls if girls else community.boys).draw(len(mine), rng)
            if compound and community.hyphens:
                eligible = sum(other.share for other in table if other.hyphens)
                both = rng.random(len(mine)) < HYPHENATED["F" if girls else "M"] / eligible
                second = rng.choice(GIRLS_SECOND if girls else BOYS_SECOND, size=len(mine))
                drawn = np.where(both & (drawn != second), _joined(drawn, "-", second), drawn)
            elif compound and community.muhammad and not girls:
                both = rng.random(len(mine)) < MUHAMMAD
                drawn = np.where(both, _joined(rng.choice(MUHAMMADS, size=len(mine)), " ", drawn), drawn)
            names[mine] = drawn
    return names


def _joined(*parts: Names | str) -> Names:
    whole = np.asarray(parts[0])
    for part in parts[1:]:
        whole = np.strings.add(whole, part)
    return whole
