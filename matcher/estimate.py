"""How many pairs chance alone puts above a floor, known before a run.

Of two unrelated rows whose base filters differ in a fraction d of their bits, hardened bits agree with
probability (1 + (1 - 2d)**t) / 2 (Armknecht, Heng, Schnell, PoPETs 2023/054), which is 1/2 within a thousandth
for unrelated people at t = 8. Their similarity is then binomial(length, 1/2) / length. Relatives and namesakes
come on top, so a run finds more than this; and plain CLKs of unrelated rows agree far more often.
"""

from fractions import Fraction
from functools import lru_cache
from math import ceil, comb

from matcher.errors import MatcherError


@lru_cache(maxsize=16)
def _tails(length: int) -> tuple[int, ...]:
    """Count the outcomes, of ``2 ** length``, with at least m agreeing bits, for m from 0 to length + 1."""
    tails = [0]
    for agreeing in range(length, -1, -1):
        tails.append(tails[-1] + comb(length, agreeing))
    return tuple(reversed(tails))


def _least_agreeing(length: int, floor: float) -> int:
    """Find the least m whose similarity m / length, as a double, is not below the floor."""
    guess = min(length, max(0, ceil(length * floor)))
    while guess > 0 and (guess - 1) / length >= floor:
        guess -= 1
    while guess <= length and guess / length < floor:
        guess += 1
    return guess


def noise_pairs(rows_a: int, rows_b: int, length: int, floor: float) -> float:
    """Expect this many pairs of unrelated rows at or above ``floor`` (Hamming similarity), exactly."""
    tail = Fraction(_tails(length)[_least_agreeing(length, floor)], 2**length)
    return float(rows_a * rows_b * tail)


def noise_floor(rows_a: int, rows_b: int, length: int, expected: float) -> float:
    """Find the lowest floor with at most ``expected`` chance pairs among ``rows_a * rows_b``.

    Raises MatcherError when the encodings are too short for so many rows.
    """
    allowed = Fraction(expected) * 2**length
    for agreeing, tail in enumerate(_tails(length)[: length + 1]):
        if rows_a * rows_b * tail <= allowed:
            return agreeing / length
    raise MatcherError(
        f"Encodings of {length} bits are too short to tell {rows_a} by {rows_b} rows apart.",
        remedy="Use longer encodings, or accept more chance pairs.",
    )
