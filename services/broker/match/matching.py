"""Before and during the comparison of a run: will its pairs fit, and the pairs of one task.

The agreement's terms say with which measure rows are compared and how near they must be to be weighed at all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

import numpy as np

from keys.terms import Terms
from matcher import candidates
from matcher.encodings import Encodings
from matcher.errors import FloodError
from matcher.estimate import noise_floor
from matcher.exact import find_exact
from matcher.forecast import forecast
from matcher.measures import Measure
from matcher.pairs import Pairs
from services.broker.match.inputs import Inputs
from services.broker.match.spill import Spill
from services.broker.runs.plan import Task
from services.broker.runs.rules import comparisons, exact_keys, fuzzy_keys
from services.broker.watch.logs import say

BYTES_PER_CANDIDATE: Final = 240
"""What a pair takes in memory while it is weighed, as measured: its rows, its evidence, and what the model works with.
The model itself takes some 300 MiB on top when there are many different patterns of evidence."""


def measure_of(terms: Terms) -> Measure:
    return "hamming" if terms.encoding.hardening else "dice"


def floor_of(terms: Terms, rows: int, others: int) -> float:
    """Hardened: so high that chance alone brings few pairs per row. Plain: as agreed."""
    hardening = terms.encoding.hardening
    if hardening is None:
        return terms.decision.plain_floor
    expected = terms.decision.chance_pairs_per_row * max(1, min(rows, others))
    return noise_floor(max(1, rows), max(1, others), hardening.length, expected)


def capacity(memory_mb: int) -> int:
    """How many candidate pairs of two holders can be weighed in so much memory."""
    return (memory_mb << 20) // BYTES_PER_CANDIDATE


def survey(inputs: Inputs) -> None:
    """Foresee, from exact match-keys and a sample of the others, whether all pairs can be weighed in memory.

    Raises ``FloodError`` if not; the operator's log says how much memory would do, the parties what to agree on.
    """
    terms, memory = inputs.agreement.terms, inputs.office.settings.memory_mb
    for first, second in comparisons(inputs.agreement):
        expected = 0.0
        for name in exact_keys(inputs.agreement, first, second):
            a, b = inputs.encodings(first, name), inputs.encodings(second, name)
            expected += len(find_exact(a, b, budget=memory << 20))
        floor = floor_of(terms, inputs.rows[first], inputs.rows[second])
        fitting = floor
        keys = fuzzy_keys(inputs.agreement, first, second)
        for key in keys:
            a, b = inputs.encodings(first, key.name), inputs.encodings(second, key.name)
            foreseen = forecast(a, b, measure=measure_of(terms), floor=floor)
            if len(foreseen.similarities) > 10:
                expected += foreseen.pairs
                fitting = max(fitting, foreseen.fitting_floor(capacity(memory) / len(keys)))
        if expected > capacity(memory):
            needed = int(expected * BYTES_PER_CANDIDATE) >> 20
            say("memory short", needed_mb=needed, has_mb=memory)
            raise FloodError(
                f"About {expected:,.0f} pairs reach the floor of {floor:.3f}; {capacity(memory):,} fit in memory.",
                remedy=f"A floor of {fitting:.2f} would do, or a memory budget of {needed} MiB.",
            )


def _of_two_rows(pairs: Pairs, start: int) -> Pairs:
    """Of pairs of one holder's rows, of which the second are counted from ``start``: each two rows once, in order."""
    right = pairs.right + np.int32(start)
    return Pairs(pairs.left, right, pairs.similarity).take(pairs.left < right)


def find(inputs: Inputs, task: Task, *, halt: Callable[[], None]) -> int:
    """Do one task and store its pairs; how many there are. ``halt`` may raise to end it."""
    settings, terms = inputs.office.settings, inputs.agreement.terms
    others = inputs.encodings(task.second, task.key)
    if task.first == task.second:
        others = Encodings(others.bits[task.start :], others.present[task.start :])
    found = candidates.stream_pairs(
        inputs.encodings(task.first, task.key),
        others,
        measure=measure_of(terms),
        floor=floor_of(terms, inputs.rows[task.first], inputs.rows[task.second]),
        budget=(settings.memory_mb << 20) // 4,
        threads=settings.threads or os.cpu_count() or 1,
        rows=task.rows,
        halt=halt,
    )
    if task.first == task.second:
        found = (_of_two_rows(pairs, task.start) for pairs in found)
    return Spill(inputs.office, inputs.run, inputs.agreement.id).write(task.number, found)
