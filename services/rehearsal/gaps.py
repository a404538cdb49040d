"""What a holder has no value for: gaps come together, and more of them in children whose families move often."""

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from services.rehearsal.chance import Mask
from services.rehearsal.children import MOBILE, Population

TOGETHER = 0.3
"""Correlation of the normal deviates that decide which values of a row are missing: one of a row's gaps makes others
more likely, and every field keeps its share. Our choice."""
MOBILE_GAPS = 1.5
"""How much more often than the average a value of a child of a mobile household is missing. Our choice."""
OTHERS_GAPS = (1.0 - MOBILE * MOBILE_GAPS) / (1.0 - MOBILE)


def gaps(
    population: Population,
    child: NDArray[np.int64],
    shares: Mapping[str, float],
    *,
    rng: np.random.Generator,
) -> dict[str, Mask]:
    """Return for each field of ``shares``, the share of rows without it, which rows these are."""
    mobile = population.mobile[child]
    common = rng.standard_normal(len(child))
    found = {}
    for field, share in shares.items():
        own = rng.standard_normal(len(child))
        deviate = np.sqrt(TOGETHER) * common + np.sqrt(1.0 - TOGETHER) * own
        found[field] = deviate < np.where(mobile, _below(share * MOBILE_GAPS), _below(share * OTHERS_GAPS))
    return found


def _below(share: float) -> float:
    """Return the normal deviate that a ``share`` of values lies under."""
    if share <= 0.0:
        return -np.inf
    return NormalDist().inv_cdf(share) if share < 1.0 else np.inf
