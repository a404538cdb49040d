"""How attacks by similarity are measured: with attacks whose success is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from keys.terms import Terms
from services.assurance.attacks.finding import Verdict
from services.assurance.attacks.graph_cases import ADAPTED, LEARNER, PUBLISHED, STRUCTURE, Attack, Matching
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.population import Setting
from services.assurance.attacks.trial import Trial

Rng = np.random.Generator
PLAN = Plan(1_000, 1_000, matched=400)


@pytest.fixture
def trial(small: Terms, rng: Rng) -> Trial:
    return Trial(small, PLAN, rng, lambda: 0)


def matching(find: Attack, **more: float | tuple[float, ...]) -> Matching:
    return Matching("A5", "name", "name", "all", find, **more)  # type: ignore[arg-type]


def sure(target: NDArray[np.int64]) -> Guess:
    return Guess(target, np.ones(len(target)))


def hardened(attacked: Setting) -> bool:
    return attacked.own["surname"].length == 512


def test_every_share_is_measured_over_enough_rows(trial: Trial) -> None:
    asked: list[tuple[int, int]] = []

    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng) -> Guess:
        asked.append((len(attacked.truth), len(known)))
        return sure(np.full(len(attacked.truth), -1) if hardened(attacked) else attacked.truth)

    found = matching(find)(trial)
    assert asked == [*[(20, 0)] * 20, *[(40, 0)] * 10, *[(100, 0)] * 4, *[(200, 0)] * 2, (400, 0), (400, 0)]
    assert (found.verdict, found.control_breaks, found.guessing) == (Verdict.HELD, True, 1 / 400)
    assert [one.what for one in found.parts] == [f"{one}% of the list" for one in (5, 10, 25, 50, 100)]


def test_the_share_with_most_is_held_to_the_gate(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng) -> Guess:
        target = np.full(len(attacked.truth), -1)
        if len(target) == 20:
            target[:1] = attacked.truth[:1]
        return sure(target)

    found = matching(find, shares=(0.05, 1.0))(trial)
    assert found.measured.value == 0.05
    assert not found.passed
    assert not found.control_breaks


def test_rows_that_are_known_beforehand_do_not_count(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng) -> Guess:
        assert (attacked.truth[known[:, 0]] == known[:, 1]).all()
        assert len(np.unique(known[:, 0])) == len(known) == 40
        target = np.full(len(attacked.truth), -1)
        target[known[:, 0]] = known[:, 1]
        return sure(target if hardened(attacked) else attacked.truth)

    found = matching(find, shares=(1.0,), known=0.1, control_known=0.1)(trial)
    assert (found.measured.value, found.control.value) == (0, 1)


@pytest.mark.parametrize("case", [PUBLISHED, ADAPTED, LEARNER, STRUCTURE], ids=lambda one: one.short)
def test_every_attack_breaks_its_control_and_is_told(case: Matching, default: Terms, rng: Rng) -> None:
    """Of a list of 150: what the attacks get from hardened encodings is for a run of the suite to say."""
    found = replace(case, shares=(1.0,), enough=1)(Trial(default, replace(PLAN, matched=150), rng, lambda: 0))
    assert found.control_breaks
    assert found.control.value > 0.15
    assert found.measured.value < 0.1
    assert found.guessing == 1 / 150
    assert found.gate
    assert found.gate.limit == 0.01
