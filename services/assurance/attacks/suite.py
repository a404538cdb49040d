"""The attack suite: every attack that an agreement's terms leave room for, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from keys.terms import Release, Terms
from services.assurance.attacks import cases, graph_cases, release_cases
from services.assurance.attacks.cohort import fuzzy_keys
from services.assurance.attacks.finding import Finding
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.trial import Trial

Case = Callable[[Trial], Finding]


@dataclass(frozen=True)
class Step:
    """One attack. ``why_not``: why these terms leave no room for it, or nothing. ``require_room`` raises ``InputError``
    where the plan's memory is not enough."""

    attack: str
    name: str
    case: Case
    why_not: Callable[[Terms], str | None]
    require_room: Callable[[Plan, Terms], None] = lambda plan, terms: None


@dataclass(frozen=True)
class Skipped:
    attack: str
    name: str
    why: str


@dataclass(frozen=True)
class Result:
    """``found``: in the order of the attacks."""

    plan: Plan
    found: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]

    @property
    def broken(self) -> list[Finding]:
        """Those that did not pass their gates."""
        return [one for one in self.found if not one.passed]

    @property
    def weak(self) -> list[Finding]:
        """Those whose control did not break: they show nothing."""
        return [one for one in self.found if not one.control_breaks]


def _always(terms: Terms) -> str | None:
    return None


def _filters(terms: Terms) -> str | None:
    return None if fuzzy_keys(terms) else "The agreement has no fuzzy match-key."


def _hardened(terms: Terms) -> str | None:
    return _filters(terms) or (None if terms.encoding.hardening else "The agreement has no hardening to be broken.")


def _blind(terms: Terms) -> str | None:
    return None if terms.release is Release.BLIND else f"A {terms.release.value} release has no tokens."


STEPS = (
    Step("A0", "dictionary with a leaked secret", cases.dictionary_attack, _always),
    Step("A1", "frequency alignment", cases.frequency_attack, _always),
    Step("A2", "popcount against lengths", cases.popcount_attack, _filters),
    Step("A3", "frequent sets of bits", cases.pattern_attack, _filters),
    Step("A4", "similarity leak", cases.similarity_attack, _filters),
    Step("A5", "graph matching as published", graph_cases.PUBLISHED, _filters),
    Step(
        "A6",
        "graph matching that adapts to the hardening",
        graph_cases.ADAPTED,
        _filters,
        graph_cases.ADAPTED.require_room,
    ),
    Step("A7", "learning from known pairs", graph_cases.LEARNER, _filters),
    Step("A7", "graph matching from known pairs", graph_cases.SEEDED, _filters, graph_cases.SEEDED.require_room),
    Step("A8", "two runs linked to each other", cases.two_runs_attack, _always),
    Step("A8b", "two runs linked by structure", graph_cases.STRUCTURE, _filters, graph_cases.STRUCTURE.require_room),
    Step("A9", "tokens of linked rows", release_cases.token_attack, _blind),
    Step("A10", "probing with one child", release_cases.probing, _always),
    Step("A10", "differencing of counts", release_cases.differencing, _always),
    Step("A11", "detectors of broken hardening", cases.fault_detectors, _hardened),
)


def run(
    terms: Terms,
    plan: Plan,
    *,
    only: Collection[str] = (),
    clock: Callable[[], int] = time.perf_counter_ns,
    progress: Callable[[int, int, str], None] | None = None,
) -> Result:
    """Run the attacks of ``STEPS``, or ``only`` those named. The same plan gives the same figures, but for how long
    tokens took by the ``clock`` (in nanoseconds).

    ``progress`` hears how many are done, of how many, and what is next. Raises ``InputError`` before the first attack
    where one of them needs more memory than the plan has.
    """
    for step in STEPS:
        if (not only or step.attack in only) and step.why_not(terms) is None:
            step.require_room(plan, terms)
    found, skipped = [], []
    for number, step in enumerate(STEPS):
        if progress is not None:
            progress(number, len(STEPS), f"{step.attack}, {step.name}")
        why = step.why_not(terms) if not only or step.attack in only else "It was not asked for."
        if why is not None:
            skipped.append(Skipped(step.attack, step.name, why))
        else:
            found.append(step.case(Trial(terms, plan, np.random.default_rng([plan.seed, number]), clock)))
    return Result(plan, tuple(found), tuple(skipped))
