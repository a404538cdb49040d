"""Compile a function when it is first called, and keep the machine code where that is possible."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile without the interpreter lock, and cache the result on disk if any place is writable.

    numba keeps the code in NUMBA_CACHE_DIR, else beside the module, else in the user's cache folder. Where
    none of them can be written (a read-only image without a home), every process compiles for itself.
    """
    try:
        return cast("F", njit(cache=True, nogil=True)(function))
    except RuntimeError:
        return cast("F", njit(nogil=True)(function))


def compilations(function: Callable[..., Any]) -> int:
    """How often this process has compiled the function, rather than loaded its machine code."""
    return sum(cast("Any", function).stats.cache_misses.values())


def kept_in(function: Callable[..., Any]) -> str | None:
    """The folder of the function's machine code; None if it is not kept."""
    return cast("str | None", cast("Any", function).stats.cache_path)
