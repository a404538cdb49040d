"""The default agreement's encodings under graph matching and the learner, on a whole list of 1,000 children."""

from __future__ import annotations

import numpy as np
import pytest

from keys.terms import Terms
from services.assurance.attacks import gates
from services.assurance.attacks.figures import share
from services.assurance.attacks.graph_cases import ADAPTED, LEARNER, PUBLISHED, Matching
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.trial import Trial

LISTED = 1_000
PLAN = Plan(LISTED, LISTED, matched=LISTED)


def named(attack: Matching, terms: Terms, part: float) -> tuple[int, int]:
    """How many of the rows encoded are named rightly, and of how many."""
    rng = np.random.default_rng(7)
    answers = attack.answers(Trial(terms, PLAN, rng, lambda: 0), terms, part, attack.known)
    return int(answers.sum()), len(answers)


@pytest.mark.parametrize("attack", [PUBLISHED, ADAPTED, LEARNER], ids=["published", "adapted", "learner"])
def test_one_list_is_named_no_more_than_the_gate_lets_by_chance(default: Terms, attack: Matching) -> None:
    """One list differs from the next by a factor of ten: what is held to the gate is the interval's lower end."""
    assert share(*named(attack, default, 1.0)).low <= gates.GRAPH.limit


@pytest.mark.parametrize(("part", "least"), [(1.0, 0.95), (0.2, 0.8)])
def test_without_hardening_nearly_everybody_is_named(default: Terms, part: float, least: float) -> None:
    encoding = default.encoding.model_copy(update={"hardening": None, "accept_unhardened": "to see that it breaks"})
    plain = default.model_copy(update={"encoding": encoding})
    right, rows = named(ADAPTED, plain, part)
    assert rows == part * LISTED
    assert right / rows > least
