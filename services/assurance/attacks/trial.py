"""What one attack of the suite is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from keys.terms import Terms
from services.assurance.attacks.cohort import Cohort, make_cohort
from services.assurance.attacks.plan import Plan


@dataclass(frozen=True, repr=False)
class Trial:
    """``clock`` gives nanoseconds."""

    terms: Terms
    plan: Plan
    rng: np.random.Generator
    clock: Callable[[], int]

    def cohort(self, rows: int) -> Cohort:
        """So many rows, and a list as much longer as the plan has it, as far as that goes."""
        listed = max(rows, min(rows * self.plan.listed // self.plan.rows, self.plan.longest))
        return make_cohort(rows, listed=listed, scenario=self.plan.scenario, terms=self.terms, rng=self.rng)
