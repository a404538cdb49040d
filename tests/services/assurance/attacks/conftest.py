"""What tests of attacks share: the default agreement, and a cohort to attack."""

from __future__ import annotations

import numpy as np
import pytest

from keys.agreement import read_terms
from keys.template import template_text
from keys.terms import Terms
from services.assurance.attacks.cohort import AS_LISTED, Cohort, make_cohort


@pytest.fixture(scope="session")
def default() -> Terms:
    return read_terms(template_text().encode(), where="template")


@pytest.fixture(scope="session")
def cohort(default: Terms) -> Cohort:
    """2,000 rows of 4,000 listed children."""
    return make_cohort(2_000, listed=4_000, scenario=AS_LISTED, terms=default, rng=np.random.default_rng(1))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
