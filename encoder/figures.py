"""Numbers of a spreadsheet or a typed column as the text that they are when shown in full."""

import math
from decimal import Decimal

EXACT = 10**15
"""Excel keeps fifteen digits: a whole number from here on has lost some."""


def figures(value: float, *, exact: int = EXACT) -> str:
    """Whole numbers as digits alone; others with at most fifteen significant digits, without an exponent.

    From ``exact`` on, digits may be lost, and the number is written like ``1.2E+20``, which shows that. NaN, which
    stands for nothing, is the empty text.
    """
    if not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    if abs(value) >= exact:
        digits, _, exponent = format(value, ".14E").partition("E")
        return f"{digits.rstrip('0').rstrip('.')}E{exponent}"
    if value == int(value):
        return str(int(value))
    text = format(value, ".15g")
    return format(Decimal(text), "f") if "e" in text else text
