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

from encoder.intervals import Estimate
from keys.terms import Terms
from services.assurance.attacks import adaptive, embedding, gates, learner, room
from services.assurance.attacks.alike import alike_keys
from services.assurance.attacks.cohort import fuzzy_keys, unhardened
from services.assurance.attacks.figures import Measured, share, worst
from services.assurance.attacks.finding import Finding, Gate
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.plan import Plan
from services.assurance.attacks.population import Setting, own_filters, setting
from services.assurance.attacks.trial import Trial

SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
"""Parts of the list that are encoded."""
ENOUGH = 400
"""Rows from which on none rightly named is proof of less than one in a hundred."""
SUREST = (10, 50, 100)
"""So many of its answers an attacker who acts on the surest alone would act on."""
SEEDS = (20, 300)
"""Known pairs: those of a person who asked around, and those of a school."""
TABLES = 2_000
"""Children on the list of an attack that holds tables of all pairs."""

Attack = Callable[[Setting, Terms, NDArray[np.int64], np.random.Generator, int], Guess]
"""Takes what the attacker has and, int64 (known, 2), the rows that it knows already: of the victim, of its own list;
last, how many MiB its tables may take. ``Setting.truth`` is not for it."""


@dataclass(frozen=True)
class Matching:
    """One attack, over ``enough`` rows for each share, and at which ``shares`` of the list.

    ``known``: the share of rows that are known beforehand, and ``control_known`` that in the control, which is run at
    each of ``control_shares`` and must name more than ``control_least`` at the first. ``seeds``: numbers of known pairs
    that are tried beside it. ``alone``: whether each match-key is attacked by itself, too. ``longest``: a list is
    no longer, where memory grows with the pairs of rows.
    """

    attack: str
    name: str
    short: str
    knows: str
    find: Attack
    shares: tuple[float, ...] = SHARES
    known: float = 0.0
    control_known: float = 0.0
    control_shares: tuple[float, ...] = (1.0,)
    control_least: float | None = None
    gate: Gate = gates.GRAPH
    enough: int = ENOUGH
    seeds: tuple[int, ...] = ()
    alone: bool = False
    longest: int | None = None

    def __call__(self, trial: Trial) -> Finding:
        listed, terms = self._listed(trial.plan), trial.terms
        tried = {part: self._pooled(trial, terms, part, self.known) for part in self.shares}
        parts = [Measured(f"{_percent(part)} of the list", _rate(answers)) for part, answers in tried.items()]
        keys = fuzzy_keys(terms) if self.alone and len(fuzzy_keys(terms)) > 1 else []
        for key in keys:
            answers = self._pooled(trial, terms.model_copy(update={"match_keys": (key,)}), 1.0, self.known)
            parts.append(Measured(f"match-key {key.name} alone, 100% of the list", _rate(answers)))
        whole = max(self.shares)
        told = [
            Measured(f"of its {most} surest answers, {_percent(whole)} of the list", _rate(tried[whole], most))
            for most in SUREST
        ]
        for seeds in self.seeds:
            if seeds < listed:
                answers = self._pooled(trial, terms, 1.0, seeds / listed)
                told.append(Measured(f"of the other rows, {seeds} known, 100% of the list", _rate(answers)))
        first, *others = [
            Measured(
                f"{_percent(part)} of the list, no hardening",
                _rate(self._pooled(trial, unhardened(terms), part, self.control_known)),
            )
            for part in self.control_shares
        ]
        return Finding(
            attack=self.attack,
            name=self.name,
            short=self.short,
            knows=self.knows,
            got="rows whose child is named rightly, "
            + ("by all match-keys together or one alone" if keys else "by all match-keys together")
            + ", at the share with most",
            measured=worst(parts),
            of=f"{listed:,} children on the list, of whom {', '.join(map(_percent, self.shares))} are encoded"
            + ("" if self.longest else f"; {self._kept(trial):,} candidates of each row at least"),
            guessing=1 / listed,
            control=first.estimate,
            controlled=f"the same without hardening, {_percent(self.control_shares[0])} of the list encoded"
            + (f", {_percent(self.control_known)} of rows known" if self.control_known else ""),
            gate=self.gate,
            breaks=self.control_least,
            parts=tuple(parts),
            told=tuple(told),
            controls=tuple(others),
        )

    def require_room(self, plan: Plan, terms: Terms) -> None:
        """Raise ``InputError`` if the plan's memory is not enough for its list, before anything is made."""
        if not self.longest:
            room.candidates(plan.matched, plan.matched, len(alike_keys(terms)), memory=plan.memory)

    def _kept(self, trial: Trial) -> int:
        listed, keys = self._listed(trial.plan), len(alike_keys(trial.terms))
        return room.candidates(listed, listed, keys, memory=trial.plan.memory)

    def _listed(self, plan: Plan) -> int:
        return plan.matched if self.longest is None else min(plan.matched, self.longest)

    def _pooled(self, trial: Trial, terms: Terms, part: float, known: float) -> list[NDArray[np.bool_]]:
        """The answers over as many lists as make enough rows."""
        times = max(1, ceil(self.enough / (part * self._listed(trial.plan))))
        return [self.answers(trial, terms, part, known) for _ in range(times)]

    def answers(self, trial: Trial, terms: Terms, part: float, share_known: float) -> NDArray[np.bool_]:
        """Whether each row is named rightly that was not known beforehand, the surest answer first: bool (rows,)."""
        attacked = setting(terms, population=self._listed(trial.plan), share=part, rng=trial.rng)
        rows = len(attacked.truth)
        known = trial.rng.permutation(rows)[: round(share_known * rows)]
        pairs = np.stack([known, attacked.truth[known]], axis=1)
        guess = self.find(attacked, terms, pairs, trial.rng, trial.plan.memory)
        unknown = np.setdiff1d(np.arange(rows), known)
        surest = unknown[np.lexsort((-guess.confidence[unknown], guess.target[unknown] < 0))]
        return np.asarray(guess.target[surest] == attacked.truth[surest])


def _rate(answers: list[NDArray[np.bool_]], most: int | None = None) -> Estimate:
    """The share that is right, of all answers or the ``most`` surest on each list."""
    taken = np.concatenate([one[:most] for one in answers])
    return share(int(taken.sum()), len(taken))


def _percent(part: float) -> str:
    return f"{100 * part:g}%"


def _embedded(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator, memory: int) -> Guess:
    return embedding.attack(has.victim, has.own, known, rng)


def _adapted(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator, memory: int) -> Guess:
    hardening = terms.encoding.hardening
    own = own_filters(has.identifiers, terms, rng=rng)
    return adaptive.attack(has.victim, own, known, rng, power=hardening.t if hardening else 1, memory=memory)


def _learnt(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator, memory: int) -> Guess:
    return learner.attack(has.victim, has.identifiers, known, rng)


def _structure(has: Setting, terms: Terms, known: NDArray[np.int64], rng: np.random.Generator, memory: int) -> Guess:
    """No plaintext: the list stands for the rows of the other run, as they are encoded there."""
    return adaptive.attack(has.victim, [has.own], known, rng, memory=memory)


_LIST = "The encodings and the agreement, but not the secret; a list of all children of the area with every identifier"
_SOME = f"{_LIST}; which child 1 in 100 of the rows is"

PUBLISHED = Matching(
    *("A5", "Graph matching as published", "graph", _LIST, _embedded),
    seeds=SEEDS,
    longest=TABLES,
)
ADAPTED = Matching(
    *("A6", "Graph matching that adapts to the hardening", "adapted", _LIST, _adapted),
    control_shares=(1.0, 0.2),
    control_least=0.8,
    seeds=SEEDS,
    alone=True,
)
LEARNER = Matching(
    *("A7", "Learning q-grams from known pairs", "known pairs", _SOME, _learnt),
    shares=(0.2, 0.5, 1.0),
    known=0.01,
    control_known=0.2,
    gate=gates.KNOWN_PAIRS,
    longest=TABLES,
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
