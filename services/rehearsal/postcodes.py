"""Invented postcodes: the form of real ones, in areas that Royal Mail does not have."""

import numpy as np
from numpy.typing import NDArray

AREAS = ("BW", "DK", "EB", "FN", "KD", "PW", "SB", "TC")
"""Area letters of the right form that no British area uses."""
INWARD = np.array(list("ABDEFGHJLNPQRSTUWXYZ"))
"""Letters of the inward part: all but C, I, K, M, O and V."""
UNITS_IN_USE = 200
SECTORS = 9
FORMER = 4
"""Former addresses of a household that moves often."""
NO_FIXED_ABODE = "ZZ99 3VZ"
UNKNOWN = "ZZ99 3WZ"


def make_postcodes(count: int, *, rng: np.random.Generator) -> NDArray[np.str_]:
    """Return ``count`` distinct postcodes with a space, neighbours next to each other, 200 to a sector."""
    if count > 99 * len(AREAS) * SECTORS * UNITS_IN_USE:
        raise ValueError("there are too few invented postcodes")
    district, sector_digit = np.divmod(np.arange(count) // UNITS_IN_USE, SECTORS)
    letters = len(INWARD) ** 2
    draws = [rng.choice(letters, size=UNITS_IN_USE, replace=False) for _ in range(-(-count // UNITS_IN_USE))]
    unit = np.concatenate([*draws, np.empty(0, dtype=np.int64)])[:count]
    area = np.array(AREAS)[district % len(AREAS)]
    outward = np.strings.add(area, (district // len(AREAS) + 1).astype("U2"))
    inward = np.strings.add(INWARD[unit // len(INWARD)], INWARD[unit % len(INWARD)])
    return np.strings.add(np.strings.add(np.strings.add(outward, " "), (sector_digit + 1).astype("U1")), inward)


def homes(
    leaning: NDArray[np.float64], mobile: NDArray[np.bool_], *, rng: np.random.Generator
) -> tuple[NDArray[np.str_], NDArray[np.str_]]:
    """Return each household's postcode and those it lived at before, (households, ``FORMER``), the last one first.

    One to three households share a postcode (1.6 on average). ``leaning``, one number per household, draws households
    of like value to the same districts. Six in ten earlier addresses are within the next few sectors. A household that
    is not ``mobile`` has one earlier address.
    """
    households = len(leaning)
    sizes = rng.choice([1, 2, 3], size=households, p=[0.55, 0.30, 0.15])
    slot = np.repeat(np.arange(households), sizes)[:households]
    rank = np.argsort(np.argsort(leaning + rng.random(households)))
    postcodes = make_postcodes(int(slot[-1]) + 1 if households else 0, rng=rng)
    now = slot[rank]
    near = rng.integers(1, 4 * UNITS_IN_USE, size=(households, FORMER))
    far = rng.integers(1, max(len(postcodes), 2), size=(households, FORMER))
    shift = np.where(rng.random((households, FORMER)) < 0.6, near, far)
    shift = np.where(mobile[:, None], shift, shift[:, :1])
    before = (now[:, None] + np.maximum(shift % max(len(postcodes), 1), 1)) % max(len(postcodes), 1)
    return postcodes[now], postcodes[before]
