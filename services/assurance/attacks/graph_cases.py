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
from services.assurance.attacks import gates
from services.assurance.attacks.cohort import unhardened
from services.assurance.attacks.figures import Measured, share, worst
from services.assurance.attacks.finding import Finding, Gate
from services.assurance.attacks.guess import Guess
from services.assurance.attacks.population import Setting, setting
from services.assurance.attacks.trial import Trial

SHARES = (0.05, 0.1, 0.25, 0.5, 1.0)
"""Parts of the list that are encoded."""
ENOUGH = 400
"""Rows from which on none rightly named is proof of less than one in a hundred."""

Attack = Callable[[Setting, NDArray[np.int64], np.random.Generator], Guess]
"""Takes what the attacker has and, int64 (known, 2), the rows that it knows already: of the victim, of its own list.
``Setting.truth`` is not for it."""


@dataclass(frozen=True)
class Matching:
    """One attack, and at which ``shares`` of the list. ``known``: the share of rows that are known beforehand."""

    attack: str
    name: str
    short: str
    knows: str
    find: Attack
    shares: tuple[float, ...] = SHARES
    known: float = 0.0
    gate: Gate = gates.GRAPH

    def __call__(self, trial: Trial) -> Finding:
        rows = trial.plan.matched
        parts = [
            Measured(f"{100 * part:g}% of the list", share(*self._pooled(trial, trial.terms, part)))
            for part in self.shares
        ]
        control = self._once(trial, unhardened(trial.terms), max(self.shares))
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
            controlled="the same without hardening, all of the list encoded",
            gate=self.gate,
            parts=tuple(parts),
        )

    def _pooled(self, trial: Trial, terms: Terms, part: float) -> tuple[int, int]:
        """Right ones, and all, over as many lists as make enough rows."""
        times = max(1, ceil(ENOUGH / (part * trial.plan.matched)))
        right, whole = zip(*(self._once(trial, terms, part) for _ in range(times)), strict=True)
        return sum(right), sum(whole)

    def _once(self, trial: Trial, terms: Terms, part: float) -> tuple[int, int]:
        """Right ones, and all, of the rows that were not known beforehand."""
        attacked = setting(terms, population=trial.plan.matched, share=part, rng=trial.rng)
        rows = len(attacked.truth)
        known = trial.rng.permutation(rows)[: round(self.known * rows)]
        pairs = np.stack([known, attacked.truth[known]], axis=1)
        guess = self.find(attacked, pairs, trial.rng)
        unknown = np.ones(rows, np.bool_)
        unknown[known] = False
        return int(np.count_nonzero(guess.target[unknown] == attacked.truth[unknown])), int(unknown.sum())


def _listed(shares: tuple[float, ...]) -> str:
    return ", ".join(f"{100 * one:g}%" for one in shares)
