"""exp and log of single precision, against those of double precision."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from services.assurance.attacks.powers import natural_log, power_of_e


@given(st.floats(-87, 88, width=32))
def test_powers_of_e(x: float) -> None:
    assert abs(float(power_of_e(np.float32(x))) / np.exp(x) - 1) < 1e-6


@given(st.floats(2**-120, 2**120, width=32))
def test_logarithms(x: float) -> None:
    found, true = float(natural_log(np.float32(x))), np.log(x)
    assert abs(found - true) < 2e-7 * max(1, abs(true))


def test_what_is_next_to_nothing_counts_as_that() -> None:
    assert 0 < power_of_e(np.float32(-500)) < 1e-37
