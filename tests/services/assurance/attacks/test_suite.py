"""The suite as a whole, at sizes that are too small to show much and large enough to show that it works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from encoder.errors import InputError
from keys.terms import ExactKey, Release, Terms
from services.assurance.attack_cli import judge
from services.assurance.attacks.cohort import unhardened
from services.assurance.attacks.figures import exactly
from services.assurance.attacks.finding import Finding
from services.assurance.attacks.gates import POPCOUNT
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.suite import STEPS, Result, run
from services.assurance.attacks.trial import Trial
from services.assurance.errors import ControlHeld, GateNotPassed

SMALL = Plan(1_000, 2_000, mined=3_000, paired=800, tokens=8_000, fewest=4_000, most=4_000)
GRAPH = ("A5", "A6", "A7", "A8b")
QUICK = tuple(dict.fromkeys(step.attack for step in STEPS if step.attack not in GRAPH))
"""All but those whose figures say nothing at such sizes; they are tested by themselves."""


def ticks() -> Callable[[], int]:
    return count().__next__


@pytest.fixture(scope="module")
def whole(default: Terms) -> Result:
    return run(default, SMALL, only=QUICK, clock=ticks())


def test_the_default_agreement_passes_and_every_control_breaks(whole: Result) -> None:
    assert [one.attack for one in whole.found] == [step.attack for step in STEPS if step.attack in QUICK]
    assert [one.name for one in whole.broken] == []
    assert [one.name for one in whole.weak] == []
    assert {one.attack for one in whole.skipped} == set(GRAPH)
    judge(whole)


def test_every_finding_says_what_the_attacker_knows_and_what_guessing_gets(whole: Result) -> None:
    for one in whole.found:
        assert len(one.knows) > 20
        assert one.measured.low <= one.measured.value <= one.measured.high
        assert 0 <= one.guessing <= 0.5
    named = {one.attack: one.guessing for one in whole.found}
    assert (named["A0"], named["A8"], named["A9"]) == (1 / 2_000, 1 / 1_000, 0.5)


def test_the_same_plan_gives_the_same_figures_whatever_else_is_run(whole: Result, default: Terms) -> None:
    heard: list[tuple[int, int, str]] = []
    again = run(
        default, SMALL, only=["A4", "A9"], clock=ticks(), progress=lambda done, of, what: heard.append((done, of, what))
    )
    assert list(again.found) == [one for one in whole.found if one.attack in ("A4", "A9")]
    assert {one.why for one in again.skipped} == {"It was not asked for."}
    assert [done for done, _, _ in heard] == list(range(len(STEPS)))
    assert heard[0] == (0, len(STEPS), "A0, dictionary with a leaked secret")


def test_another_seed_makes_other_children_and_secrets(whole: Result, default: Terms) -> None:
    (other,) = run(default, replace(SMALL, seed=2), only=["A2"]).found
    (first,) = (one for one in whole.found if one.attack == "A2")
    assert other.measured != first.measured


def test_encodings_without_hardening_do_not_pass(default: Terms) -> None:
    result = run(unhardened(default), SMALL, only=["A3", "A4", "A11"], clock=ticks())
    assert [one.attack for one in result.broken] == ["A3", "A4"]
    assert "The agreement has no hardening to be broken." in {one.why for one in result.skipped}
    with pytest.raises(GateNotPassed, match="Not passed: A3, Frequent sets of bits; A4, Similarity leak"):
        judge(result)


def test_a_weaker_hardening_is_told_from_ours(default: Terms) -> None:
    hardening = default.encoding.hardening
    assert hardening is not None
    weak = default.encoding.model_copy(update={"hardening": hardening.model_copy(update={"t": 2})})
    (found,) = run(default.model_copy(update={"encoding": weak}), SMALL, only=["A4"]).found
    assert not found.passed


def test_a_match_key_of_few_values_does_not_pass(default: Terms) -> None:
    """An exact match-key of the year of birth alone: hardened filters beside it change nothing."""
    year = ExactKey.model_validate({"kind": "exact", "name": "year", "tuple_of": ["year"]})
    terms = default.model_copy(update={"match_keys": (*default.match_keys, year)})
    (found,) = run(terms, SMALL, only=["A1"]).found
    assert not found.passed
    assert max(found.parts, key=lambda one: one.estimate.value).what == "year"


def test_what_terms_leave_no_room_for_is_not_run_and_said(default: Terms) -> None:
    numbers = tuple(key for key in default.match_keys if isinstance(key, ExactKey))
    terms = default.model_copy(update={"match_keys": numbers, "release": Release.COUNT})
    result = run(terms, SMALL, clock=ticks())
    assert [one.attack for one in result.found] == ["A0", "A1", "A8", "A10", "A10"]
    assert {one.attack: one.why for one in result.skipped} == {
        **dict.fromkeys(["A2", "A3", "A4", *GRAPH, "A11"], "The agreement has no fuzzy match-key."),
        "A9": "A count release has no tokens.",
    }
    assert result.broken == []


def test_one_fuzzy_match_key_is_enough(small: Terms) -> None:
    terms = small.model_copy(update={"match_keys": small.match_keys[:1]})
    result = run(terms, SMALL, only=["A4", "A11"])
    assert (result.broken, result.weak) == ([], [])


def test_a_control_that_holds_fails_the_suite() -> None:
    found = Finding(
        *("A2", "name", "name", "nothing", "nothing", exactly(0.01), "rows", 0.0, exactly(0.02), "a weak one"),
        gate=POPCOUNT,
    )
    result = Result(SMALL, (found,), ())
    assert (result.broken, result.weak) == ([], [found])
    with pytest.raises(ControlHeld, match="did not succeed where it must: A2, name"):
        judge(result)


@pytest.mark.parametrize(
    ("rows", "listed", "scenario", "where"),
    [(999, 2_000, "low", "--rows"), (2_000, 1_999, "low", "--population"), (1_000, 1_000, "lower", "--scenario")],
)
def test_sizes_that_show_nothing_are_refused(rows: int, listed: int, scenario: str, where: str) -> None:
    with pytest.raises(InputError) as refused:
        Plan(rows, listed, scenario)
    assert refused.value.where == where


def test_a_list_is_as_much_longer_than_the_rows_as_planned(small: Terms, rng: np.random.Generator) -> None:
    plan = Plan(1_000, 3_000, longest=5_000)
    sizes = [Trial(small, plan, rng, ticks()).cohort(rows) for rows in (1_000, 2_000)]
    assert [(one.held.rows, one.listed.rows) for one in sizes] == [(1_000, 3_000), (2_000, 5_000)]


def test_large_holders_are_attacked_in_bounded_parts() -> None:
    plan = Plan(1_000_000, 3_000_000)
    assert (plan.many, plan.looked_up, plan.linked) == (50_000, 50_000, 10_000)
    small = Plan(1_000, 1_000)
    assert (small.many, small.looked_up, small.linked) == (10_000, 1_000, 1_000)
