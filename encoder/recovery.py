"""What became of the control rows: how many links were found, by kind of error, and which should not be there.

Two holders' rows of one number are a link, unless one of them is of the child's twin. Rows of two numbers never are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Any

from encoder.control_rows import Fault, Planned, planned
from keys.advice import usable
from keys.terms import Terms

_Z = 1.959963984540054
"""Of a 95 % interval."""


@dataclass(frozen=True)
class Share:
    """``part`` of ``whole`` pairs."""

    part: int
    whole: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the share (E. B. Wilson, 1927, Journal of the American Statistical Association 22);
        ``None`` where there is nothing."""
        if not self.whole:
            return None
        share, of_z = self.part / self.whole, _Z**2 / self.whole
        centre = (share + of_z / 2) / (1 + of_z)
        half = _Z / (1 + of_z) * sqrt(share * (1 - share) / self.whole + of_z / (4 * self.whole))
        return max(0.0, centre - half), min(1.0, centre + half)

    def to_json(self) -> dict[str, Any]:
        interval = self.interval
        share = {"share": self.part / self.whole, "interval": list(interval)} if interval else {}
        return {"part": self.part, "whole": self.whole, **share}


@dataclass(frozen=True)
class Recovery:
    """``found``: of the links that should be, those that are, by error. ``twins``: of pairs of twins, those that were
    linked. ``strangers``: pairs of rows of two numbers that were linked. ``unexplained``: for two holders whose fields
    suffice, how many pairs of rows that are the same in every field were not linked."""

    found: Mapping[Fault, Share]
    twins: Share
    strangers: int
    unexplained: Mapping[tuple[str, str], int]

    @property
    def recall(self) -> Share:
        return Share(sum(one.part for one in self.found.values()), sum(one.whole for one in self.found.values()))


def recovery(marks: Mapping[str, Sequence[bytes]], terms: Terms) -> Recovery:
    """``marks``: of each holder its control rows' marks by number; equal marks are one link."""
    plans = planned(terms)
    sure = {one.holders for one in usable(terms) if one.exact or one.verdict == "enough fields"}
    linked, all_, unexplained = Counter[Fault](), Counter[Fault](), Counter[tuple[str, str]]()
    real: list[Fault] = [fault for fault in Fault if fault is not Fault.TWIN]
    holders = [one.name for one in terms.holders]
    for (place, first), (other, second) in combinations(enumerate(holders), 2):
        for plan, one, another in zip(plans, marks[first], marks[second], strict=True):
            fault = _between(plan, place, other)
            all_[fault] += 1
            linked[fault] += one == another
            if fault is Fault.NONE and one != another and (first, second) in sure:
                unexplained[first, second] += 1
    found = {fault: Share(linked[fault], all_[fault]) for fault in real if all_[fault]}
    twins = Share(linked[Fault.TWIN], all_[Fault.TWIN])
    return Recovery(found, twins, _strangers(marks), dict(unexplained))


def _between(plan: Planned, first: int, second: int) -> Fault:
    """How the rows of two holders differ: only one holder's row does."""
    return plan.fault if plan.holder in (first, second) else Fault.NONE


def _strangers(marks: Mapping[str, Sequence[bytes]]) -> int:
    numbers: dict[bytes, list[int]] = {}
    for of_holder in marks.values():
        for number, mark in enumerate(of_holder):
            numbers.setdefault(mark, []).append(number)
    return sum(one != other for together in numbers.values() for one, other in combinations(together, 2))
