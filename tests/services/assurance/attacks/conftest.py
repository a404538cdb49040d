"""What tests of attacks share: the default agreement, and a cohort to attack."""

from __future__ import annotations

import numpy as np
import pytest

from keys.agreement import read_terms
from keys.template import template_text
from keys.terms import Hardening, Terms
from services.assurance.attacks.cohort import AS_LISTED, Cohort, fuzzy_keys, make_cohort
from tests.match_keys import with_four_fuzzy


@pytest.fixture(scope="session")
def default() -> Terms:
    return read_terms(template_text().encode(), where="template")


@pytest.fixture(scope="session")
def cohort(default: Terms) -> Cohort:
    """2,000 rows of 4,000 listed children."""
    return make_cohort(2_000, listed=4_000, scenario=AS_LISTED, terms=default, rng=np.random.default_rng(1))


@pytest.fixture(scope="session")
def several(default: Terms) -> Terms:
    """The default agreement with four fuzzy match-keys."""
    return with_four_fuzzy(default)


@pytest.fixture(scope="session")
def small(several: Terms) -> Terms:
    """Two fuzzy match-keys and shorter filters, so that they are recovered sooner."""
    hardening = Hardening(method="diffusion", t=8, length=512)
    keys = tuple(
        key.model_copy(
            update={
                "minimum_bits": 40,
                "features": tuple(one.model_copy(update={"bits": one.bits // 4}) for one in key.features),
            }
        )
        for key in fuzzy_keys(several)[:2]
    )
    encoding = several.encoding.model_copy(update={"length": 256, "hardening": hardening})
    return several.model_copy(update={"encoding": encoding, "match_keys": keys})


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
