"""A made-up population of English children: who they really are, before any holder writes them down."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.child_numbers import nhs_numbers, upns
from services.rehearsal.communities import communities
from services.rehearsal.households import OLDEST, Births, make_births
from services.rehearsal.look_alikes import SAME_FORENAME, LookAlikes, draw_look_alikes
from services.rehearsal.name_lists import NameLists
from services.rehearsal.naming import forenames, surnames
from services.rehearsal.postcodes import homes

SAME_SEX_TWINS = 2 / 3
NEEDS = ("ASD", "SLCN", "SEMH", "MLD", "SPLD", "SLD", "PD", "HI", "VI", "PMLD", "OTH")
NEED_SHARES = (0.16, 0.25, 0.21, 0.14, 0.12, 0.02, 0.02, 0.015, 0.01, 0.005, 0.05)
ESTIMATED = 0.006
"""Share of children outside the largest community whose papers say 1 January: the year was known, the day was not."""
MOBILE = 0.15
"""Share of households that have moved more than once of late."""
SEND = 0.18
PLAN_GIVEN_SEND = 0.26
"""Share of children with special educational needs, and of those with an education, health and care plan."""
SEND_ADOPTED = 0.4
"""Share of adopted children with special educational needs. Our choice."""


@dataclass(frozen=True, repr=False)
class Population:
    """One entry per child in every array; a child's number is its place. Strings are in NFC, ``""`` means none.

    ``household`` and ``birth`` are equal for siblings and for twins. ``former_surname`` and ``former_postcodes``,
    (children, ``FORMER``), are what an out-of-date record says; those who are not ``mobile`` have one former postcode,
    ``FORMER`` times. ``second_forename`` is the middle name. ``need`` is "" without SEND. ``adopted``: the number of
    the same child before or after an adoption, or -1; two children of the population, whom nothing may link.
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
    former_postcodes: NDArray[np.str_]
    mobile: NDArray[np.bool_]
    nhs_number: NDArray[np.str_]
    upn: NDArray[np.str_]
    need: NDArray[np.str_]
    has_plan: NDArray[np.bool_]
    adopted: NDArray[np.int64]

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

    @property
    def triplet(self) -> NDArray[np.bool_]:
        """Whether two other children or more were born at the same birth."""
        return np.asarray(np.bincount(self.birth, minlength=1)[self.birth] > 2)

    @property
    def namesake(self) -> NDArray[np.bool_]:
        """Whether another child has the same forename, surname and date of birth."""
        names = np.strings.add(np.strings.add(self.forename, "|"), self.surname)
        whole = np.strings.add(names, self.date_of_birth.astype("U10"))
        _, code, children = np.unique(whole, return_inverse=True, return_counts=True)
        return np.asarray(children[code] > 1)


def make_children(
    count: int, *, today: date, rng: np.random.Generator, names: NameLists | None = None, look_alikes: bool = True
) -> Population:
    """Return ``count`` children aged 0 to 25 on ``today``, the same for the same ``rng`` state and ``names``.

    Without ``look_alikes`` every child is there once, and has namesakes by chance alone.

    Siblings share surname, postcode and community; twins also the date of birth, and never the forename.
    """
    births = make_births(count, today=today, rng=rng)
    household = births.household
    households = int(household[-1]) + 1 if count else 0
    table = communities(names)
    kind = rng.choice(len(table), size=households, p=[community.share for community in table])
    pairs = draw_look_alikes(household, kind, rng=rng) if look_alikes else LookAlikes.none()
    sex = pairs.alike(_sexes(births.birth, rng))
    ethnicity = np.array([community.ethnicity for community in table])[kind[household]]
    born = pairs.alike(_estimated(births.date_of_birth, births, ethnicity != "WBRI", today, rng))
    boys, girls = surnames(kind, table, rng=rng)
    former_boys, former_girls = surnames(kind, table, rng=rng)
    is_girl = sex == "F"
    forename, second = forenames(kind[household], is_girl, household, births.birth, table, rng=rng)
    kept = rng.random(count) < SAME_FORENAME
    mobile = rng.random(households) < MOBILE
    postcode, former_postcodes = homes(0.25 * kind / max(len(table), 1), mobile, rng=rng)
    adopted = pairs.adopted(count)
    share = np.where(adopted >= 0, SEND_ADOPTED, SEND * np.where(is_girl, 0.72, 1.28))
    send = rng.random(count) < share
    need = np.where(send, rng.choice(NEEDS, size=count, p=_normal(NEED_SHARES)), "")
    return Population(
        today=today,
        household=household,
        birth=births.birth,
        ethnicity=ethnicity,
        forename=np.where(kept, pairs.alike(forename), pairs.of_namesakes(forename)),
        second_forename=second,
        surname=pairs.of_namesakes(np.where(is_girl, girls[household], boys[household])),
        former_surname=np.where(is_girl, former_girls[household], former_boys[household]),
        sex=sex,
        date_of_birth=born,
        postcode=postcode[household],
        former_postcodes=former_postcodes[household],
        mobile=mobile[household],
        nhs_number=nhs_numbers(count, rng=rng),
        upn=upns(born, rng=rng),
        need=need,
        has_plan=send & (rng.random(count) < PLAN_GIVEN_SEND),
        adopted=adopted,
    )


def _normal(shares: tuple[float, ...]) -> NDArray[np.float64]:
    return np.array(shares) / sum(shares)


def _estimated(
    born: NDArray[np.datetime64],
    births: Births,
    others: NDArray[np.bool_],
    today: date,
    rng: np.random.Generator,
) -> NDArray[np.datetime64]:
    """Return dates of birth of which some of the ``others`` are 1 January, alike for twins, and nobody turns 26."""
    luck = rng.random(len(born))[births.birth]
    year = born.astype("datetime64[Y]")
    young = year > np.datetime64(str(today.year - OLDEST), "Y")
    return np.where(others & (luck < ESTIMATED) & young, year.astype(born.dtype), born)


def _sexes(birth: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.str_]:
    """Return "F" or "M" per child; two in three twins have the sex of the first."""
    own = rng.random(len(birth)) < 0.488
    first = np.unique(birth, return_index=True)[1][birth]
    # A twin of unlike sexes is as likely to be drawn from its own coin, which agrees half of the time.
    same = rng.random(len(birth)) < 2 * SAME_SEX_TWINS - 1
    return np.where(np.where(same, own[first], own), "F", "M")
