"""The one rule for every count that anyone but its owner can see."""

from keys.terms import Suppression


def suppress(count: int, rule: Suppression) -> int | None:
    """None for 1 to ``below`` - 1; zero is zero; else ``count`` rounded to the nearest ``round_to``, halves up."""
    if 0 < count < rule.below:
        return None
    return (2 * count + rule.round_to) // (2 * rule.round_to) * rule.round_to
