"""The one rule for every count that anyone but its owner can see.

1. A count is shown from ``below`` on, rounded to the nearest ``round_to``. A smaller one is not shown, nor is zero:
   zero would tell a holder that uploads one real child among made-up ones that this child is not known elsewhere.
2. Counts that are shown together are of disjoint sets, so that none can be worked out from the others.
3. A holder knows how many rows it gave. Nothing is shown of its overlaps where they may leave fewer than ``below``
   of its rows: that nearly all children are known elsewhere says it of each.
4. What decides on 3 is what 1 shows, never a count itself, so that showing or not showing tells nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keys.terms import Suppression

Holders = tuple[int, ...]
"""A set of holders, by their places in the terms, rising."""


def suppress(count: int, rule: Suppression) -> int | None:
    """The count as it may be shown: None below ``below``, else rounded to the nearest ``round_to``, halves up."""
    if count < rule.below:
        return None
    return (2 * count + rule.round_to) // (2 * rule.round_to) * rule.round_to


def at_most(shown: int | None, rule: Suppression) -> int:
    """The largest count that is shown like this."""
    return rule.below - 1 if shown is None else shown + (rule.round_to - 1) // 2


def leaves_enough(shown: Sequence[int | None], own: int, rule: Suppression) -> bool:
    """Whether parts of ``own`` rows, given as they are shown, leave at least ``below`` of them in any case."""
    return own - sum(at_most(one, rule) for one in shown) >= rule.below


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
