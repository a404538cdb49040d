"""The next parts of some work on other cores while the caller uses the last one's result."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Part = TypeVar("Part")
Result = TypeVar("Result")


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(work: Callable[[Part], Result], parts: Iterable[Part], *, workers: int) -> Iterator[Result]:
    """Yield ``work(part)`` for each part, in order, from ``workers`` threads; with one, from the caller's own.

    Threads share the processor well where the work is numpy's, which lets others run. At most ``workers`` + 1 results
    are in memory or under way beside the one that the caller has. What ``work`` raises is raised here; parts that were
    not begun by then never are, and those under way are waited for. Raises ``ValueError`` for fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers")
    if workers == 1:
        yield from map(work, parts)
        return
    ahead: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(workers)
    try:
        for part in parts:
            ahead.append(pool.submit(work, part))
            if len(ahead) > workers:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
