"""What is run at which size."""

from __future__ import annotations

from dataclasses import dataclass

from encoder.errors import InputError
from services.assurance.attacks.cohort import AS_LISTED, WAYS
from services.assurance.attacks.room import MEMORY

LEAST = 1_000
"""Rows below which one rightly guessed row would weigh too much."""


@dataclass(frozen=True)
class Plan:
    """``rows`` of the attacked holder, of ``listed`` children that the attacker knows, spelt by ``scenario``.

    Attacks whose figures need more rows to be told from chance get them, and those that would need too much memory or
    time are bounded: frequencies and correlations are of ``many`` rows, patterns of ``mined``, two runs of ``linked``.
    All pairs of ``paired`` rows are looked at, and ``tokens`` tokens of each holder. Similarities are matched with
    those of a list of ``matched`` children, in tables of ``memory`` MiB at most. No list is longer than ``longest``.
    """

    rows: int
    listed: int
    scenario: str = AS_LISTED
    seed: int = 1
    mined: int = 6_000
    paired: int = 2_000
    tokens: int = 40_000
    matched: int = 1_000
    memory: int = MEMORY
    fewest: int = 10_000
    most: int = 50_000
    longest: int = 500_000

    def __post_init__(self) -> None:
        if self.rows < LEAST:
            raise InputError(
                f"{self.rows:,} rows are too few: one lucky guess would decide a gate.",
                where="--rows",
                remedy=f"Attack {LEAST:,} rows or more.",
            )
        if self.listed < self.rows:
            raise InputError(
                f"The attacker's list of {self.listed:,} children is shorter than the {self.rows:,} rows.",
                where="--population",
                remedy="Give the list at least as many children as there are rows.",
            )
        if self.scenario not in WAYS:
            raise InputError(
                f"There is no scenario {self.scenario}.", where="--scenario", remedy=f"Choose one of {', '.join(WAYS)}."
            )

    @property
    def looked_up(self) -> int:
        """Rows that are looked up in a dictionary."""
        return min(self.rows, self.most)

    @property
    def many(self) -> int:
        return min(max(self.rows, self.fewest), self.most)

    @property
    def linked(self) -> int:
        return min(self.rows, 10_000)
