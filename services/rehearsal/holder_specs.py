"""The three holders of a rehearsal: whom each covers, how its file looks, and which attributes it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.attributes import Attributes, council_attributes, icb_attributes, social_care_attributes
from services.rehearsal.children import Population
from services.rehearsal.habits import Habits


@dataclass(frozen=True)
class HolderSpec:
    """What one holder's extract is like.

    ``columns``: our field (``id``, ``forename``, ...) -> the file's header, in the file's order. ``coverage`` gives
    each child a weight, 0 for those it never holds. ``missing``: field -> share of rows without it. ``codes`` are
    the values written for girls, boys and sex not known. ``day_first`` dates are dd/mm/yyyy, else ISO. Children
    outside ``upn_ages`` have no UPN; a share ``unnamed_infants`` of those under one is a baby without a forename.
    """

    name: str
    columns: Mapping[str, str]
    coverage: Callable[[Population], NDArray[np.float64]]
    attributes: Callable[[Population, NDArray[np.int64], np.random.Generator], Attributes]
    row_id: str
    missing: Mapping[str, float]
    habits: Habits = field(default_factory=Habits)
    codes: tuple[str, str, str] = ("F", "M", "U")
    day_first: bool = False
    spaced_nhs_number: bool = False
    upn_ages: tuple[int, int] = (4, 19)
    unnamed_infants: float = 0.0


def _council_coverage(population: Population) -> NDArray[np.float64]:
    """Weigh children for the council's file of special educational needs: plans first, then support, ages 2 to 25."""
    age = population.age
    need = np.where(population.has_plan, 12.0, np.where(population.need != "", 4.0, 0.25))
    return need * np.where(age < 2, 0.1, np.where(age < 4, 0.5, np.where(age < 17, 1.0, 0.5)))


def _icb_coverage(population: Population) -> NDArray[np.float64]:
    """Weigh children for community services: the youngest (health visiting), and those with needs."""
    age = population.age
    need = np.where(population.need != "", 2.2, 1.0)
    return need * np.where(age < 5, 2.5, np.where(age < 12, 1.2, np.where(age < 19, 0.8, 0.0)))


def _social_care_coverage(population: Population) -> NDArray[np.float64]:
    """Weigh children for social care: all ages under 18, whole households, more of those with a plan."""
    return np.where(population.age < 18, 1.0, 0.05) * np.where(population.has_plan, 3.0, 1.0)


COUNCIL = HolderSpec(
    name="council",
    columns={
        "id": "childid",
        "surname": "surname",
        "forename": "forename",
        "date_of_birth": "personbirthdate",
        "sex": "sex",
        "postcode": "postcode",
        "upn": "upn",
        "nhs_number": "nhsnumber",
    },
    coverage=_council_coverage,
    attributes=council_attributes,
    row_id="C",
    missing={
        "nhs_number": 0.40,
        "upn": 0.03,
        "postcode": 0.008,
        "sex": 0.002,
        "date_of_birth": 0.0005,
        "forename": 0.0005,
    },
    habits=Habits(apostrophe="'", accents=True),
    spaced_nhs_number=True,
)
"""Education: like the person file of the SEN2 return, with NHS numbers in six rows of ten."""

ICB = HolderSpec(
    name="icb",
    columns={
        "id": "LocalPatientID",
        "nhs_number": "NHSNumber",
        "forename": "Forename",
        "surname": "Surname",
        "date_of_birth": "DateOfBirth",
        "postcode": "Postcode",
        "sex": "Gender",
    },
    coverage=_icb_coverage,
    attributes=icb_attributes,
    row_id="P",
    missing={"nhs_number": 0.015, "postcode": 0.004, "sex": 0.004, "date_of_birth": 0.0002, "forename": 0.001},
    habits=Habits(upper=True, accents=False, apostrophe="", hyphen="-", postcode_space=True),
    codes=("2", "1", "9"),
    day_first=True,
    unnamed_infants=0.05,
)
"""Health: community services of an integrated care board, as its provider exports them. No UPN."""

SOCIAL_CARE = HolderSpec(
    name="social-care",
    columns={
        "id": "pers_person_id",
        "forename": "pers_forename",
        "surname": "pers_surname",
        "date_of_birth": "pers_dob",
        "sex": "pers_sex",
        "upn": "pers_upn",
        "nhs_number": "pers_common_child_id",
        "postcode": "addr_address_postcode",
    },
    coverage=_social_care_coverage,
    attributes=social_care_attributes,
    row_id="S",
    missing={
        "nhs_number": 0.55,
        "upn": 0.25,
        "postcode": 0.03,
        "sex": 0.005,
        "date_of_birth": 0.004,
        "forename": 0.004,
    },
    habits=Habits(accents=True, apostrophe="\u2019", hyphen=" ", postcode_space=False, slack=0.06),
)
"""Children's social care: like the Standard Safeguarding Dataset."""
