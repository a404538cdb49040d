"""Overlaps of several holders under the rule of ``keys.suppression``: which of them may be shown, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keys.suppression import at_most, leaves_enough, suppress
from keys.terms import Suppression

Holders = tuple[int, ...]
"""A set of holders, by their places in the terms, rising."""


def suppress_overlaps(counts: Mapping[Holders, int], rows: Sequence[int], rule: Suppression) -> dict[Holders, int]:
    """Those overlaps that may be shown, as they may be shown.

    ``counts``: set of two or more holders -> links of exactly these; a set that is not named has none. ``rows``: of
    each holder, how many rows could be linked.
    """
    shown = {of: one for of, count in counts.items() if (one := suppress(count, rule)) is not None}
    sets = 2 ** (len(rows) - 1) - 1  # that a holder is in
    nearly_all = set()
    for holder, own in enumerate(rows):
        parts: list[int | None] = [one for of, one in shown.items() if holder in of]
        hidden = (sets - len(parts)) * at_most(None, rule)
        if not leaves_enough(parts, own - hidden, rule):
            nearly_all.add(holder)
    return {of: one for of, one in shown.items() if nearly_all.isdisjoint(of)}
