"""The one rule for every count that anyone but its owner can see, as the agreement states it (``terms.Suppression``).

1. A count is shown from ``below`` on, rounded to the nearest ``round_to``. A smaller one is not shown, nor is zero:
   zero would tell a holder that uploads one real child among made-up ones that this child is not known elsewhere.
2. Counts that are shown together are of disjoint sets, so that none can be worked out from the others. Of the parts of
   a whole that is shown too one is left out, and they are shown only if that one is large in any case
   (``shown_parts``). Which one must not depend on the counts.
3. A holder knows how many rows it gave. Nothing is shown of its overlaps where they may leave fewer than ``below``
   of its rows: that nearly all children are known elsewhere says it of each.
4. What decides on 2 and 3 is what 1 shows, never a count itself, so that showing or not showing tells nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence

from keys.terms import Suppression


def suppress(count: int, rule: Suppression) -> int | None:
    """The count as it may be shown: None below ``below``, else rounded to the nearest ``round_to``, halves up."""
    if count < rule.below:
        return None
    return (2 * count + rule.round_to) // (2 * rule.round_to) * rule.round_to


def at_most(shown: int | None, rule: Suppression) -> int:
    """The largest count that is shown like this."""
    return rule.below - 1 if shown is None else shown + (rule.round_to - 1) // 2


def at_least(shown: int | None, rule: Suppression) -> int:
    """The smallest count that is shown like this."""
    return 0 if shown is None else max(rule.below, shown - rule.round_to // 2)


def leaves_enough(shown: Sequence[int | None], own: int, rule: Suppression) -> bool:
    """Whether parts of ``own`` rows, given as they are shown, leave at least ``below`` of them in any case."""
    return own - sum(at_most(one, rule) for one in shown) >= rule.below


def shown_parts(
    counts: Sequence[int], whole: int | None, rule: Suppression, *, rest: int
) -> tuple[int | None, ...] | None:
    """The parts of a whole that is shown as ``whole``, so that they and it tell no more than each would alone.

    ``rest``: the place of the part that is left out; it is what the others leave, and ``None`` here. ``None`` for all
    where the whole is not shown, or where the others may leave fewer than ``below`` of it.
    """
    if whole is None:
        return None
    shown = [suppress(one, rule) for one in counts]
    others = shown[:rest] + shown[rest + 1 :]
    if not leaves_enough(others, at_least(whole, rule), rule):
        return None
    return (*shown[:rest], None, *shown[rest + 1 :])
