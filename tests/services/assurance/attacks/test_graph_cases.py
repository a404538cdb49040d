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


def hardened(terms: Terms) -> bool:
    return terms.encoding.hardening is not None


def test_every_share_is_measured_over_enough_rows(trial: Trial) -> None:
    asked: list[tuple[int, int]] = []

    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        asked.append((len(attacked.truth), len(known)))
        return sure(np.full(len(attacked.truth), -1) if hardened(terms) else attacked.truth)

    found = matching(find)(trial)
    assert asked == [*[(20, 0)] * 20, *[(40, 0)] * 10, *[(80, 0)] * 5, *[(200, 0)] * 2, (400, 0), (400, 0)]
    assert (found.verdict, found.control_breaks, found.guessing) == (Verdict.HELD, True, 1 / 400)
    assert [one.what for one in found.parts] == [f"{one}% of the list" for one in (5, 10, 20, 50, 100)]


def test_the_share_with_most_is_held_to_the_gate(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        target = np.full(len(attacked.truth), -1)
        if len(target) == 20:
            target[:1] = attacked.truth[:1]
        return sure(target)

    found = matching(find, shares=(0.05, 1.0))(trial)
    assert found.measured.value == 0.05
    assert not found.passed
    assert not found.control_breaks


def test_rows_that_are_known_beforehand_do_not_count(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        assert (attacked.truth[known[:, 0]] == known[:, 1]).all()
        assert len(np.unique(known[:, 0])) == len(known) == 40
        target = np.full(len(attacked.truth), -1)
        target[known[:, 0]] = known[:, 1]
        return sure(target if hardened(terms) else attacked.truth)

    found = matching(find, shares=(1.0,), known=0.1, control_known=0.1)(trial)
    assert (found.measured.value, found.control.value) == (0, 1)


def test_the_surest_answers_are_told_by_themselves(trial: Trial) -> None:
    """Right are the 30 of whom the attacker is surest, and nobody else."""

    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        confidence = rng.random(len(attacked.truth))
        target = np.full(len(attacked.truth), -1)
        right = np.argsort(-confidence)[:30]
        target[right] = attacked.truth[right]
        return Guess(target, confidence)

    found = matching(find, shares=(0.5, 1.0))(trial)
    assert [(one.what, one.estimate.value) for one in found.told] == [
        ("of its 10 surest answers, 100% of the list", 1.0),
        ("of its 50 surest answers, 100% of the list", 0.6),
        ("of its 100 surest answers, 100% of the list", 0.3),
    ]
    assert found.measured.value == 30 / 200


def test_known_pairs_are_told_and_not_held_to_the_gate(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        names_all = not hardened(terms) or len(known) == 300
        return sure(attacked.truth if names_all else np.full(len(attacked.truth), -1))

    found = matching(find, shares=(1.0,), seeds=(20, 300, 400))(trial)
    assert [(one.what, one.estimate.value) for one in found.told[3:]] == [
        ("of the other rows, 20 known, 100% of the list", 0.0),
        ("of the other rows, 300 known, 100% of the list", 1.0),
    ]
    assert (found.measured.value, found.verdict) == (0, Verdict.HELD)


def test_each_match_key_alone_is_held_to_the_gate(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        assert list(attacked.victim) == [key.name for key in terms.match_keys]
        names_all = not hardened(terms) or list(attacked.victim) == ["surname"]
        return sure(attacked.truth if names_all else np.full(len(attacked.truth), -1))

    found = matching(find, shares=(1.0,), alone=True)(trial)
    alone = {f"match-key {key.name} alone, 100% of the list": key.name == "surname" for key in trial.terms.match_keys}
    assert {one.what: one.estimate.value for one in found.parts} == {"100% of the list": False, **alone}
    assert len(found.parts) == 3
    assert not found.passed
    assert "or one alone" in found.got


@pytest.mark.parametrize(("right", "breaks"), [(0, False), (40, True)])
def test_a_control_must_be_above_guessing_at_a_small_share_too(trial: Trial, right: int, breaks: bool) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        target = np.full(len(attacked.truth), -1)
        if not hardened(terms):
            count = len(target) if len(target) == 400 else right
            target[:count] = attacked.truth[:count]
        return sure(target)

    found = matching(find, shares=(1.0,), control_shares=(1.0, 0.2), control_least=0.8)(trial)
    assert found.control.value == 1
    assert [(one.what, one.estimate.value) for one in found.controls] == [("20% of the list, no hardening", right / 80)]
    assert found.control_breaks is breaks


def test_a_control_that_names_some_is_not_enough_where_it_should_name_most(trial: Trial) -> None:
    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        return sure(np.where(np.arange(len(attacked.truth)) % 3 > 0, attacked.truth, -1))

    assert matching(find, shares=(1.0,))(trial).control_breaks
    assert not matching(find, shares=(1.0,), control_least=0.8)(trial).control_breaks


def test_the_plan_says_how_much_memory_and_how_long_a_list(trial: Trial) -> None:
    asked: list[tuple[int, int]] = []

    def find(attacked: Setting, terms: Terms, known: NDArray[np.int64], rng: Rng, memory: int) -> Guess:
        asked.append((len(attacked.truth), memory))
        return sure(attacked.truth)

    small = Trial(trial.terms, replace(PLAN, matched=300, memory=77), trial.rng, trial.clock)
    found = matching(find, shares=(1.0,), enough=1)(small)
    assert set(asked) == {(300, 77)}
    assert "; 256 candidates of each row at least" in found.of
    asked.clear()
    found = matching(find, shares=(1.0,), enough=1, longest=200)(small)
    assert set(asked) == {(200, 77)}
    assert (found.guessing, found.of) == (1 / 200, "200 children on the list, of whom 100% are encoded")


@pytest.mark.parametrize("case", [PUBLISHED, ADAPTED, LEARNER, STRUCTURE], ids=lambda one: one.short)
def test_every_attack_breaks_its_control_and_is_told(case: Matching, default: Terms, rng: Rng) -> None:
    """Of a short list: what the attacks get from hardened encodings is for a run of the suite to say."""
    listed = 300 if case is LEARNER else 150  # a fifth of it is known, which is little to learn from
    found = replace(case, shares=(1.0,), control_shares=(1.0,), enough=1, alone=False, seeds=())(
        Trial(default, replace(PLAN, matched=listed), rng, lambda: 0)
    )
    assert found.control_breaks
    assert found.control.value > 0.15
    assert found.measured.value < 0.1
    assert found.guessing == 1 / listed
    assert found.gate
    assert found.gate.limit == 0.01
