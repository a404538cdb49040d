"""Synthetic NHS numbers and UPNs: valid in form, unique, and outside the ranges that real children have."""

import numpy as np
from numpy.typing import NDArray

UPN_LETTERS = np.array(list("ABCDEFGHJKLMNPQRTUVWXYZ"))
"""Check letters by remainder modulo 23 (Department for Education, Unique Pupil Numbers guide)."""
TEMPORARY = 0.005
TEST_RANGE = 9
"""NHS numbers that begin with 9 are kept for tests and never given to a person."""


def nhs_numbers(count: int, *, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return ``count`` distinct ten-digit NHS numbers of the test range, check digit by weights 10 to 2 modulo 11.

    Raises ValueError if there are not enough of them: about 90 million.
    """
    if count > 50_000_000:
        raise ValueError("there are too few NHS numbers in the test range")
    # One core in eleven has no check digit, so draw a fifth more than are wanted.
    cores = rng.choice(100_000_000, size=count + count // 5 + 20, replace=False) + TEST_RANGE * 100_000_000
    digits = _digits(cores, 9)
    check = (11 - digits @ np.arange(10, 1, -1) % 11) % 11
    usable = (check < 10) & (cores != 999_999_999)
    numbers = cores[usable][:count] * 10 + check[usable][:count]
    return np.asarray(numbers.astype("U10"))


def upns(births: NDArray[np.datetime64], *, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return one UPN per birth date: check letter, authority 990 to 996, school, year of entry at four, serial.

    The authorities do not exist. One UPN in two hundred is temporary: its last character is a letter, which counts
    by its index among the check letters. UPNs are distinct up to 10 million per year of entry.
    """
    entry = births.astype("datetime64[Y]").astype(np.int64) + 1970 + 4
    serial = np.empty(len(births), dtype=np.int64)
    for year in np.unique(entry):
        of_year = np.flatnonzero(entry == year)
        serial[of_year] = rng.choice(10_000_000, size=len(of_year), replace=False)
    authority_and_school = 9_900_000 + serial // 1000 * 7 % 100_000
    numbers = authority_and_school * 100_000 + entry % 100 * 1000 + serial % 1000
    temporary = rng.random(len(births)) < TEMPORARY
    values = _digits(numbers, 12)
    values[:, -1] += 10 * temporary
    last = np.where(temporary, UPN_LETTERS[values[:, -1]], values[:, -1].astype("U1"))
    body = np.strings.add((numbers // 10).astype("U11"), last)
    return np.strings.add(UPN_LETTERS[values @ np.arange(2, 14) % 23], body)


def _digits(numbers: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return the decimal digits of each number: int64, shape (numbers, length)."""
    return numbers[:, None] // 10 ** np.arange(length - 1, -1, -1) % 10
