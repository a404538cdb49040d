"""The tasks of a run, and how far it is when some of them are done. No input or output."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

from keys.agreement import Agreement
from matcher.candidates import chunks
from services.broker.runs.rules import comparisons, fuzzy_keys

PAIRS_PER_TASK = 8_000_000_000
"""Some seconds of work on one core: little is lost when a task is cut off, and little is spent on each."""
RECENT = 16
"""The time that is left is told from the pace of so many tasks."""


@dataclass(frozen=True)
class Task:
    """Compare rows ``start`` to ``stop`` of holder ``first`` with all of ``second`` under one match-key."""

    number: int
    first: int
    second: int
    key: str
    start: int
    stop: int

    @property
    def rows(self) -> range:
        return range(self.start, self.stop)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


def plan(agreement: Agreement, rows: Sequence[int], pairs: int = PAIRS_PER_TASK) -> list[Task]:
    """Every comparison of a run, cut into tasks of at most about ``pairs`` comparisons; ``rows`` by holder.

    The same terms and numbers give the same plan. The rows of two holders are cut alike under every match-key.
    """
    tasks: list[Task] = []
    for first, second in comparisons(agreement):
        for key in fuzzy_keys(agreement, first, second):
            tasks += [
                Task(len(tasks) + number, first, second, key.name, piece.start, piece.stop)
                for number, piece in enumerate(chunks(rows[first], rows[second], pairs))
            ]
    return tasks


def batches(tasks: Sequence[Task], rows: Sequence[int], pairs: int = PAIRS_PER_TASK) -> list[list[Task]]:
    """The tasks in their order, small ones put together as far as they make at most ``pairs`` comparisons."""
    together: list[list[Task]] = []
    size = 0
    for task in tasks:
        more = len(task.rows) * rows[task.second]
        if not together or size + more > pairs:
            together.append([])
            size = 0
        together[-1].append(task)
        size += more
    return together


def shares(agreement: Agreement, rows: Sequence[int], pairs: int = PAIRS_PER_TASK) -> list[float]:
    """What part of the whole work each task of the plan counts for; they add up to 1.

    Each comparison of two holders under one match-key is an equal part of the whole: shares by pairs would tell three
    holders each other's numbers of rows, to a few in a hundred.
    """
    tasks = plan(agreement, rows, pairs)
    kinds = [(task.first, task.second, task.key) for task in tasks]
    whole = len(set(kinds))
    return [
        (task.stop - task.start) / rows[task.first] / whole if rows[task.first] else 0.0
        for task, kind in zip(tasks, kinds, strict=True)
    ]


def percent(shares_: Sequence[float], done: Collection[int]) -> int:
    """How far a run has come of which the tasks with the numbers ``done`` are done."""
    if len(set(done)) == len(shares_):
        return 100
    return min(99, int(100 * sum(shares_[number] for number in set(done))))


def seconds_left(
    shares_: Sequence[float], done: Sequence[tuple[int, datetime]], *, begun: datetime, now: datetime
) -> int | None:
    """How long the comparisons will still take at their recent pace; None before the first task is done.

    ``done``: number and time of each task that is done, in that order of time. Counts up to ``now``, so that it grows
    while nothing is done.
    """
    if not done:
        return None
    recent = done[-RECENT:]
    since = done[-RECENT - 1][1] if len(done) > RECENT else begun
    pace = sum(shares_[number] for number, _ in recent) / max(1e-3, (now - since).total_seconds())
    left = 1.0 - sum(shares_[number] for number, _ in done)
    return round(max(0.0, left) / pace) if pace else None
