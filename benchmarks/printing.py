"""Figures as Markdown, so that a page can hold what a command prints."""

import math
from collections.abc import Sequence


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, line by line."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, *rows)]
    return [lines[0].replace("|  |", "| |"), "|" + "---|" * len(heads), *lines[1:]]


def short(number: float) -> str:
    """Two significant digits; whole above 100."""
    if abs(number) >= 100 or number == 0:
        return f"{number:,.0f}"
    return f"{number:,.{max(0, 1 - math.floor(math.log10(abs(number))))}f}"


def percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def power(number: int) -> str:
    """A large number as 4.0 x 10^10."""
    exponent = math.floor(math.log10(number))
    return f"{number / 10**exponent:.1f} x 10^{exponent}"
