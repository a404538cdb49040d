"""Synthetic NHS numbers and UPNs: valid in form, unique, and outside the ranges that real children have."""

import numpy as np
from numpy.typing import NDArray

UPN_LETTERS = np.array(list("ABCDEFGHJKLMNPQRTUVWXYZ"))
"""Check letters by remainder modulo 23 (Department for Education, Unique Pupil Numbers guide)."""
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
    """Return one UPN per birth date: check letter, authority 990 to 999, school, year of entry at four, serial.

    The authorities do not exist. UPNs are distinct as long as there are fewer than 10 million per year of entry.
    """
    entry = births.astype("datetime64[Y]").astype(np.int64) + 1970 + 4
    serial = np.empty(len(births), dtype=np.int64)
    for year in np.unique(entry):
        of_year = np.flatnonzero(entry == year)
        serial[of_year] = rng.choice(10_000_000, size=len(of_year), replace=False)
    authority_and_school = 9_900_000 + serial // 1000 * 7 % 100_000
    numbers = authority_and_school * 100_000 + entry % 100 * 1000 + serial % 1000
    letters = UPN_LETTERS[_digits(numbers, 12) @ np.arange(2, 14) % 23]
    return np.strings.add(letters, numbers.astype("U12"))


def _digits(numbers: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return the decimal digits of each number: int64, shape (numbers, length)."""
    return numbers[:, None] // 10 ** np.arange(length - 1, -1, -1) % 10
