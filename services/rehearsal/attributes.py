"""What each holder knows about its children besides who they are: the attributes that the recipient joins."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.children import Population

Attributes = Mapping[str, NDArray[np.generic]]
"""Header -> one value per row."""

DIAGNOSES = {
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
TEAMS = ["speech and language", "occupational therapy", "physiotherapy", "community paediatrics", "school nursing"]


def council_attributes(population: Population, child: NDArray[np.int64], rng: np.random.Generator) -> Attributes:
    """Return need, plan and placement, as the SEN2 return has them."""
    need = population.need[child]
    age = population.age[child]
    school = rng.choice(["mainstream", "special", "alternative"], size=len(child), p=[0.74, 0.23, 0.03])
    placement = np.where(age < 5, "early years", np.where(age < 16, school, np.where(age < 20, "college", "none")))
    return {
        "ethnicity": population.ethnicity[child],
        "primaryneed": np.where(need == "", "NSA", need),
        "ehcplan": np.where(population.has_plan[child], "Y", "N"),
        "placement": placement,
    }


def icb_attributes(population: Population, child: NDArray[np.int64], rng: np.random.Generator) -> Attributes:
    """Return the team, the referral, contacts and a diagnosis (ICD-10), recorded for seven needs in ten."""
    known = rng.random(len(child)) < 0.7
    code = np.array([DIAGNOSES.get(need, "") for need in population.need[child].tolist()], dtype=np.str_)
    since_birth = (np.datetime64(population.today, "D") - population.date_of_birth[child]).astype(np.int64)
    days_ago = rng.integers(0, np.clip(since_birth, 1, 900))
    referral = np.datetime64(population.today, "D") - days_ago.astype("timedelta64[D]")
    visited = (population.age[child] < 5) & (rng.random(len(child)) < 0.75)
    team = rng.choice(TEAMS, size=len(child), p=[0.35, 0.15, 0.1, 0.2, 0.2])
    return {
        "team_type": np.where(visited, "health visiting", team),
        "referral_date": referral.astype("U10"),
        "contacts": rng.negative_binomial(1.2, 0.2, size=len(child)),
        "diagnosis_code": np.where(known, code, ""),
    }


def social_care_attributes(population: Population, child: NDArray[np.int64], rng: np.random.Generator) -> Attributes:
    """Return why the child is known to social care, and whether disabled."""
    return {
        "cin_status": rng.choice(["in need", "protection plan", "looked after"], size=len(child), p=[0.75, 0.12, 0.13]),
        "disability": np.where(population.need[child] != "", "Y", "N"),
    }
