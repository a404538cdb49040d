"""The three holders of a rehearsal: whom each covers, how its file looks, and which attributes it has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.children import Population
from services.rehearsal.habits import Habits

Attributes = Callable[[Population, NDArray[np.int64], np.random.Generator], Mapping[str, NDArray[np.generic]]]
Coverage = Callable[[Population], NDArray[np.float64]]


@dataclass(frozen=True)
class HolderSpec:
    """What one holder's extract is like.

    ``columns``: our field (``id``, ``forename``, ...) -> the file's header, in the file's order. ``coverage`` gives
    each child a weight, 0 for those it never holds. ``missing``: field -> share of rows without it. ``codes`` are
    the values written for girls, boys and sex not known. ``day_first`` dates are dd/mm/yyyy, else ISO.
    """

    name: str
    columns: Mapping[str, str]
    coverage: Coverage
    attributes: Attributes
    row_id: str
    missing: Mapping[str, float]
    habits: Habits = field(default_factory=Habits)
    codes: tuple[str, str, str] = ("F", "M", "U")
    day_first: bool = False
    spaced_nhs_number: bool = False
    upn_ages: tuple[int, int] = (4, 19)


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


def _council_attributes(
    population: Population, child: NDArray[np.int64], rng: np.random.Generator
) -> Mapping[str, NDArray[np.generic]]:
    need = population.need[child]
    placements = ["mainstream", "special", "alternative", "further education", "none"]
    return {
        "ethnicity": population.ethnicity[child],
        "primaryneed": np.where(need == "", "NSA", need),
        "ehcplan": np.where(population.has_plan[child], "Y", "N"),
        "placement": rng.choice(placements, size=len(child), p=[0.62, 0.2, 0.03, 0.1, 0.05]),
    }


_DIAGNOSES = {
    "ASD": "F84.0",
    "SLCN": "F80.9",
    "SEMH": "F98.9",
    "MLD": "F70",
    "SPLD": "F81.0",
    "SLD": "F72",
    "PD": "G80.9",
    "HI": "H90.3",
    "VI": "H54.0",
    "PMLD": "F73",
}
_TEAMS = ["health visiting", "speech and language", "occupational therapy", "physiotherapy", "community paediatrics"]


def _icb_attributes(
    population: Population, child: NDArray[np.int64], rng: np.random.Generator
) -> Mapping[str, NDArray[np.generic]]:
    known = rng.random(len(child)) < 0.7
    code = np.array([_DIAGNOSES.get(need, "") for need in population.need[child].tolist()], dtype=np.str_)
    since_birth = (np.datetime64(population.today, "D") - population.date_of_birth[child]).astype(np.int64)
    days_ago = rng.integers(0, np.clip(since_birth, 1, 900))
    referral = np.datetime64(population.today, "D") - days_ago.astype("timedelta64[D]")
    return {
        "team_type": rng.choice(_TEAMS, size=len(child), p=[0.4, 0.25, 0.12, 0.08, 0.15]),
        "referral_date": referral.astype("U10"),
        "contacts": rng.negative_binomial(1.2, 0.2, size=len(child)),
        "diagnosis_code": np.where(known, code, ""),
    }


def _social_care_attributes(
    population: Population, child: NDArray[np.int64], rng: np.random.Generator
) -> Mapping[str, NDArray[np.generic]]:
    return {
        "cin_status": rng.choice(["in need", "protection plan", "looked after"], size=len(child), p=[0.75, 0.12, 0.13]),
        "disability": np.where(population.need[child] != "", "Y", "N"),
    }


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
    attributes=_council_attributes,
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
    attributes=_icb_attributes,
    row_id="P",
    missing={"nhs_number": 0.015, "postcode": 0.004, "sex": 0.004, "date_of_birth": 0.0002, "forename": 0.001},
    habits=Habits(upper=True, accents=False, apostrophe="", hyphen="-", postcode_space=True),
    codes=("2", "1", "9"),
    day_first=True,
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
    attributes=_social_care_attributes,
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
