"""What an attack found: one figure with its interval, beside guessing and beside a control that must break.

1. A figure passes its gate by its value, not by its interval. Sizes are such that chance alone hardly ever carries a
   figure over a gate (docs/adr/0101).
2. Where the interval reaches beyond the gate, the gate is passed and not proven: more rows would tell.
3. A control breaks when its whole interval lies beyond the gate. One that does not break says that the attack is too
   weak to show anything, and fails the suite like a gate.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from encoder.intervals import Estimate
from services.assurance.attacks.figures import Measured

_ROUNDING = 1e-12


class Kind(StrEnum):
    """What a gate measures from."""

    AT_MOST = "at most"
    """The figure itself."""
    ABOVE_GUESSING = "above guessing at most"
    """How far the figure is above guessing."""
    FROM_HALF = "from one half at most"
    """How far the figure is from one half, to either side."""


@dataclass(frozen=True)
class Gate:
    """``limit`` is in the unit of the figure."""

    kind: Kind
    limit: float

    def used(self, value: float, guessing: float) -> float:
        """What of the figure the limit is about."""
        if self.kind is Kind.FROM_HALF:
            return abs(value - 0.5)
        return value - guessing if self.kind is Kind.ABOVE_GUESSING else value

    def passed(self, value: float, guessing: float) -> bool:
        return self.used(value, guessing) <= self.limit + _ROUNDING


class Verdict(StrEnum):
    """How a finding ends."""

    HELD = "held"
    """Passed, and the interval with it."""
    NOT_PROVEN = "held, not proven"
    """Passed, but the interval reaches beyond the gate."""
    BROKEN = "broken"
    """Not passed."""
    TOLD = "told"
    """There is no gate."""


@dataclass(frozen=True)
class Finding:
    """``short``: the name in two words. ``measured``: of ``unit`` share (0 to 1) or number (a correlation, an AUC).
    ``of``: what it is a share of, or taken over. ``control``: the same attack where it must succeed, ``controlled``:
    what that is. ``breaks``: what a control must be above, whatever the gate. ``control_guessing``: where it is not
    ``guessing``. ``parts``: what ``measured`` is the worst of. ``told``: what no gate is about. ``controls``: the
    control where it is harder, which must be above guessing there.
    """

    attack: str
    name: str
    short: str
    knows: str
    got: str
    measured: Estimate
    of: str
    guessing: float
    control: Estimate
    controlled: str
    gate: Gate | None = None
    breaks: float | None = None
    unit: Literal["share", "number"] = "share"
    parts: tuple[Measured, ...] = ()
    control_guessing: float | None = None
    told: tuple[Measured, ...] = ()
    controls: tuple[Measured, ...] = ()

    @property
    def verdict(self) -> Verdict:
        if self.gate is None:
            return Verdict.TOLD
        if not self.gate.passed(self.measured.value, self.guessing):
            return Verdict.BROKEN
        ends = (self.measured.low, self.measured.high)
        proven = all(self.gate.passed(one, self.guessing) for one in ends)
        return Verdict.HELD if proven else Verdict.NOT_PROVEN

    @property
    def allowed(self) -> str:
        """The gate in words."""
        if self.gate is None:
            return "none"
        limit = f"{self.gate.limit:g}"
        if self.unit == "share":
            limit = (
                f"{100 * self.gate.limit:g} points"
                if self.gate.kind is Kind.ABOVE_GUESSING
                else f"{100 * self.gate.limit:g}%"
            )
        return {
            Kind.AT_MOST: f"at most {limit}",
            Kind.ABOVE_GUESSING: f"at most guessing + {limit}",
            Kind.FROM_HALF: f"0.5, give or take {limit}",
        }[self.gate.kind]

    @property
    def passed(self) -> bool:
        return self.verdict is not Verdict.BROKEN

    @property
    def control_breaks(self) -> bool:
        """Whether the control is wholly beyond the gate and ``breaks`` and, where there is a gate, above guessing; and
        all ``controls`` are above guessing."""
        ends = (self.control.low, self.control.high)
        guessing = self.guessing if self.control_guessing is None else self.control_guessing
        if not (self.breaks is None or self.control.low > self.breaks):
            return False
        if not all(one.estimate.low > guessing for one in self.controls):
            return False
        if self.gate is not None:
            beyond = not any(self.gate.passed(one, guessing) for one in (*ends, self.control.value))
            return beyond and (self.gate.kind is Kind.FROM_HALF or self.control.low > guessing)
        return True
