"""A made-up population of English children: who they really are, before any holder writes them down."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.child_numbers import nhs_numbers, upns
from services.rehearsal.communities import MUHAMMADS, Community, communities
from services.rehearsal.households import make_births
from services.rehearsal.names import BOYS_SECOND, GIRLS_SECOND
from services.rehearsal.postcodes import homes

HYPHENATED = {"F": 0.043, "M": 0.009}
"""Share of girls and boys with a hyphenated forename (England and Wales, 2020)."""
SAME_SEX_TWINS = 2 / 3
DOUBLE_BARRELLED = 0.04
MUHAMMAD = 0.15
NEEDS = ("ASD", "SLCN", "SEMH", "MLD", "SPLD", "SLD", "PD", "HI", "VI", "PMLD", "OTH")
NEED_SHARES = (0.16, 0.25, 0.21, 0.14, 0.12, 0.02, 0.02, 0.015, 0.01, 0.005, 0.05)
SEND = 0.18
PLAN_GIVEN_SEND = 0.26
"""Share of children with special educational needs, and of those with an education, health and care plan."""


@dataclass(frozen=True, repr=False)
class Population:
    """One entry per child in every array; a child's number is its place. Strings are in NFC, ``""`` means none.

    ``household`` and ``birth`` are equal for siblings and for twins. ``former_surname`` and ``former_postcode`` are
    what an out-of-date record says. ``second_forename`` is the middle name. ``need`` is "" without SEND.
    """

    today: date
    household: NDArray[np.int64]
    birth: NDArray[np.int64]
    ethnicity: NDArray[np.str_]
    forename: NDArray[np.str_]
    second_forename: NDArray[np.str_]
    surname: NDArray[np.str_]
    former_surname: NDArray[np.str_]
    sex: NDArray[np.str_]
    date_of_birth: NDArray[np.datetime64]
    postcode: NDArray[np.str_]
    former_postcode: NDArray[np.str_]
    nhs_number: NDArray[np.str_]
    upn: NDArray[np.str_]
    need: NDArray[np.str_]
    has_plan: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.household)

    def __repr__(self) -> str:
        return f"Population(children={len(self)})"

    @property
    def age(self) -> NDArray[np.int64]:
        """Age in whole years on ``today``."""
        born = self.date_of_birth
        day = np.datetime64(self.today, "D")
        months = (day.astype("datetime64[M]") - born.astype("datetime64[M]")).astype(np.int64)
        in_month = (born - born.astype("datetime64[M]")).astype(np.int64)
        return np.asarray((months - (in_month >= self.today.day)) // 12, dtype=np.int64)

    @property
    def twin(self) -> NDArray[np.bool_]:
        """Whether another child was born at the same birth."""
        return np.asarray(np.bincount(self.birth, minlength=1)[self.birth] > 1)


def make_children(count: int, *, today: date, rng: np.random.Generator) -> Population:
    """Return ``count`` children aged 0 to 25 on ``today``, the same for the same ``rng`` state.

    Siblings share surname, postcode and community; twins also the date of birth, and never the forename.
    """
    births = make_births(count, today=today, rng=rng)
    household = births.household
    households = int(household[-1]) + 1 if count else 0
    table = communities()
    kind = rng.choice(len(table), size=households, p=[community.share for community in table])
    sex = _sexes(births.birth, rng)
    boys, girls = _family_names(kind, table, rng)
    former_boys, former_girls = _family_names(kind, table, rng)
    is_girl = sex == "F"
    forename, second = _forenames(kind[household], is_girl, births.household, births.birth, rng)
    postcode, former_postcode = homes(0.25 * kind / max(len(table), 1), rng=rng)
    send = rng.random(count) < SEND * np.where(is_girl, 0.72, 1.28)
    need = np.where(send, rng.choice(NEEDS, size=count, p=_normal(NEED_SHARES)), "")
    return Population(
        today=today,
        household=household,
        birth=births.birth,
        ethnicity=np.array([community.ethnicity for community in table])[kind[household]],
        forename=forename,
        second_forename=second,
        surname=np.where(is_girl, girls[household], boys[household]),
        former_surname=np.where(is_girl, former_girls[household], former_boys[household]),
        sex=sex,
        date_of_birth=births.date_of_birth,
        postcode=postcode[household],
        former_postcode=former_postcode[household],
        nhs_number=nhs_numbers(count, rng=rng),
        upn=upns(births.date_of_birth, rng=rng),
        need=need,
        has_plan=send & (rng.random(count) < PLAN_GIVEN_SEND),
    )


def _normal(shares: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(shares) / sum(shares)


def _sexes(birth: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.str_]:
    """Return "F" or "M" per child; two in three twins have the sex of the first."""
    own = rng.random(len(birth)) < 0.488
    first = np.unique(birth, return_index=True)[1][birth]
    # A twin of unlike sexes is as likely to be drawn from its own coin, which agrees half of the time.
    same = rng.random(len(birth)) < 2 * SAME_SEX_TWINS - 1
    return np.where(np.where(same, own[first], own), "F", "M")


def _family_names(
    kind: NDArray[np.int64], table: tuple[Community, ...], rng: np.random.Generator
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return per household the surname of its boys and of its girls, by the custom of its community."""
    boys = np.full(len(kind), "", dtype="U40")
    girls = boys.copy()
    for number, community in enumerate(table):
        mine = np.flatnonzero(kind == number)
        names = community.surnames.draw(len(mine), rng)
        partner = community.surnames.draw(len(mine), rng)
        if community.custom == "two":
            names = np.where(names == partner, names, _joined(names, " ", partner))
        elif community.hyphens:
            both = (rng.random(len(mine)) < DOUBLE_BARRELLED) & (names != partner)
            names = np.where(both, _joined(names, "-", partner), names)
        boys[mine] = girls[mine] = names
        if community.custom == "by-sex":
            girls[mine] = community.girls_surnames.draw(len(mine), rng)
        elif community.custom == "inflected":
            feminine = np.strings.endswith(names, ("ki"))
            girls[mine] = np.where(feminine, _joined(np.strings.slice(names, 0, -1), "a"), names)
    return boys, girls


def _joined(*parts: NDArray[np.str_] | str) -> NDArray[np.str_]:
    whole = np.asarray(parts[0])
    for part in parts[1:]:
        whole = np.strings.add(whole, part)
    return whole


def _forenames(
    kind: NDArray[np.int64],
    is_girl: NDArray[np.bool_],
    household: NDArray[np.int64],
    birth: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return forename and middle name per child. No two children of a household have the same forename."""
    forename = _drawn(kind, is_girl, rng)
    again = _repeats(household, forename)
    while again.any():
        forename[again] = _drawn(kind[again], is_girl[again], rng)
        again = _repeats(household, forename)
    return forename, _drawn(kind, is_girl, rng, compound=False)


def _repeats(household: NDArray[np.int64], forename: NDArray[np.str_]) -> NDArray[np.bool_]:
    """Return which children have a forename that an earlier child of the household has."""
    code = np.unique(forename, return_inverse=True)[1]
    first = np.unique(np.stack([household, code]), axis=1, return_index=True)[1]
    repeats = np.ones(len(forename), dtype=bool)
    repeats[first] = False
    return repeats


def _drawn(
    kind: NDArray[np.int64], is_girl: NDArray[np.bool_], rng: np.random.Generator, *, compound: bool = True
) -> NDArray[np.str_]:
    table = communities()
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
