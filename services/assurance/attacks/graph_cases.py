"""Attacks that match the similarities of encodings with a list's, at every share of the list, in one finding each.

A holder has a part of the area's children: the smaller the part, the fewer of a child's relatives and namesakes are in
it. Small parts are drawn several times, so that every share is measured over about as many rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil

import numpy as np
from numpy.typing import NDArray

from keys.terms import Terms
from services.assurance.attacks import adaptive, embedding, gates, learner
from services.assurance.attacks.cohort import unhardened
from services.assurance.attacks.figures import Measured, share, worst
from services.assurance.attacks.finding import Finding, Gate
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.population import Setting, own_filters, setting
from services.assurance.attacks.trial import Trial

SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Parts of the list that are encoded."""
ENOUGH = 400
"""Rows from which on none rightly named is proof of less than one in a hundred."""

Attack = Callable[[Setting, Terms, NDArray[np.int64], np.random.Generator], Guess]
"""Takes what the attacker has and, int64 (known, 2), the rows that it knows already: of the victim, of its own list.
``Setting.truth`` is not for it."""


@dataclass(frozen=True)
class Matching:
    """One attack, over ``enough`` rows for each share, and at which ``shares`` of the list.

    ``known``: the share of rows that are known beforehand, and ``control_known`` that in the control.
    """

    attack: str
    name: str
    short: str
    knows: str
    find: Attack
    shares: tuple[float, ...] = SHARES
    known: float = 0.0
    control_known: float = 0.0
    gate: Gate = gates.GRAPH
    enough: int = ENOUGH

    def __call__(self, trial: Trial) -> Finding:
        rows = trial.plan.matched
        parts = [
            Measured(f"{100 * part:g}% of the list", share(*self._pooled(trial, trial.terms, part)))
            for part in self.shares
        ]
        control = self._once(trial, unhardened(trial.terms), max(self.shares), self.control_known)
        return Finding(
            attack=self.attack,
            name=self.name,
            short=self.short,
            knows=self.knows,
            got="rows whose child is named rightly, by all match-keys together, at the share with most",
            measured=worst(parts),
            of=f"{rows:,} children on the list, of whom {_listed(self.shares)} are encoded",
            guessing=1 / rows,
            control=share(*control),
            controlled=f"the same without hardening, {_listed((max(self.shares),))} of the list encoded"
            + (f", {100 * self.control_known:g}% of rows known" if self.control_known else ""),
            gate=self.gate,
            parts=tuple(parts),
        )

    def _pooled(self, trial: Trial, terms: Terms, part: float) -> tuple[int, int]:
        """Right ones, and all, over as many lists as make enough rows."""
        times = max(1, ceil(self.enough / (part * trial.plan.matched)))
        right, whole = zip(*(self._once(trial, terms, part, self.known) for _ in range(times)), strict=True)
        return sum(right), sum(whole)

    def _once(self, trial: Trial, terms: Terms, part: float, share_known: float) -> tuple[int, int]:
        """Right ones, and all, of the rows that were not known beforehand."""
        attacked = setting(terms, population=trial.plan.matched, share=part, rng=trial.rng)
        rows = len(attacked.truth)
        known = trial.rng.permutation(rows)[: round(share_known * rows)]
        pairs = np.stack([known, attacked.truth[known]], axis=1)
        guess = self.find(attacked, terms, pairs, trial.rng)
        unknown = np.ones(rows, np.bool_)
        unknown[known] = False
        return int(np.count_nonzero(guess.target[unknown] == attacked.truth[unknown])), int(unknown.sum())


def _listed(shares: tuple[float, ...]) -> str:
    return ", ".join(f"{100 * one:g}%" for one in shares)


def _embedded(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator) -> Guess:
    return embedding.attack(has.victim, has.own, known, rng)


def _adapted(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator) -> Guess:
    hardening = terms.encoding.hardening
    own = own_filters(has.identifiers, terms, rng=rng)
    return adaptive.attack(has.victim, own, known, rng, power=hardening.t if hardening else 1)


def _learnt(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator) -> Guess:
    return learner.attack(has.victim, has.identifiers, known, rng)


def _structure(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator) -> Guess:
    """No plaintext: the list stands for the rows of the other run, as they are encoded there."""
    return adaptive.attack(has.victim, [has.own], known, rng)


_LIST = "The encodings and the agreement, but not the secret; a list of all children of the area with every identifier"
_SOME = f"{_LIST}; which child 1 in 100 of the rows is"

PUBLISHED = Matching("A5", "Graph matching as published", "graph", _LIST, _embedded)
ADAPTED = Matching("A6", "Graph matching that adapts to the hardening", "adapted", _LIST, _adapted)
LEARNER = Matching(
    *("A7", "Learning q-grams from known pairs", "known pairs", _SOME, _learnt),
    shares=(0.25, 0.5, 1.0),
    known=0.01,
    control_known=0.2,
    gate=gates.KNOWN_PAIRS,
)
SEEDED = Matching(
    *("A7", "Graph matching from known pairs", "known graph", _SOME, _adapted),
    shares=(1.0,),
    known=0.01,
    control_known=0.01,
    gate=gates.KNOWN_PAIRS,
)
STRUCTURE = Matching(
    *("A8b", "Two runs linked by structure", "structure"),
    "The encodings of the same rows under two agreements, and neither secret",
    _structure,
    shares=(1.0,),
    gate=gates.TWO_RUNS,
)
