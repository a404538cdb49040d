"""Work in a process of its own, so that the memory it takes is its own and nothing is warm."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

from services.rehearsal.memory import peak_memory_mb

Given = ParamSpec("Given")
Result = TypeVar("Result")


def apart(work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs) -> tuple[Result, float]:
    """What ``work`` returns, and the peak resident memory, in MiB, of its process or of the largest that it started.

    A new process counts from what its parent had when it was started (Linux), so call this while the parent is small.
    ``work``, its arguments and its result are pickled. Raises what ``work`` raises.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, partial(work, *args, **kwargs)).result()


def _measured(work: Callable[[], Result]) -> tuple[Result, float]:
    return work(), peak_memory_mb()
