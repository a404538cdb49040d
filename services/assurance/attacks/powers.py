"""exp and log of single precision, written so that a compiler works on many numbers at once.

The polynomials are those of Moshier's Cephes library (``expf``, ``logf``): right to about 1e-7 of the value.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from matcher._kernel_jit import compiled

_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_LEAST_POWER = np.float32(-87)
_HALF, _ONE = np.float32(0.5), np.float32(1)
_BIAS, _MANTISSA = np.int32(127), np.int32(23)
_ROOT_HALF = np.int32(0x3F3504F3)
_E = tuple(map(np.float32, (1.98756915e-4, 1.39819995e-3, 8.33345191e-3, 4.16657959e-2, 1.66666655e-1, 0.5)))
_L = tuple(
    map(
        np.float32,
        (
            *(7.03768363e-2, -1.15146103e-1, 1.16769987e-1, -1.24201408e-1, 1.42493228e-1),
            *(-1.66680577e-1, 2.00007148e-1, -2.49999940e-1, 3.33333312e-1),
        ),
    )
)


@compiled
def power_of_e(x: Any) -> Any:
    """exp(x) of a float32 up to 88; what is below -87 counts as that."""
    x = max(x, _LEAST_POWER)
    whole = np.floor(x * _LOG2_E + _HALF)
    rest = x - whole * _LN2_HIGH - whole * _LN2_LOW
    p = ((((_E[0] * rest + _E[1]) * rest + _E[2]) * rest + _E[3]) * rest + _E[4]) * rest + _E[5]
    power = (np.int32(whole) + _BIAS) << _MANTISSA
    return (p * rest * rest + rest + _ONE) * np.int32(power).view(np.float32)


@compiled
def natural_log(x: Any) -> Any:
    """log(x) of a positive float32 that is not next to nothing (1e-38)."""
    bits = np.float32(x).view(np.int32)
    exponent = (bits - _ROOT_HALF) >> _MANTISSA
    m = np.int32(bits - (exponent << _MANTISSA)).view(np.float32) - _ONE
    p = (((_L[0] * m + _L[1]) * m + _L[2]) * m + _L[3]) * m + _L[4]
    p = (((p * m + _L[5]) * m + _L[6]) * m + _L[7]) * m + _L[8]
    times = np.float32(exponent)
    return m + (m * m * m * p - _HALF * m * m + times * _LN2_LOW) + times * _LN2_HIGH
