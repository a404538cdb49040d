"""What is seen while something long goes on: a bar at a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from encoder.read import Batch

Count = Callable[[int, int], None]
"""Takes what is done and what there is to do."""

SECONDS_BETWEEN_LINES = 20.0
"""Where there is no terminal; what is done sooner has no line."""


class Meter(Protocol):
    """Takes what is done and what there is to do, and in words how much that is."""

    def __call__(self, done: int, total: int, words: str = "") -> None: ...


def by_rows(meter: Meter) -> Count:
    """For what is counted in rows."""
    return lambda done, total: meter(done, total, f"{done:,} of {total:,} rows")


class Reading:
    """Counts the rows of a file whose bytes are known and whose rows are not."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._rows = 0

    def progress(self, done: int, total: int) -> None:
        self._meter(done, total, f"{self._rows:,} rows")

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        for batch in batches:
            self._rows += len(batch.rows)
            yield batch


@contextmanager
def shown(text: str, console: Console | None = None, *, clock: Callable[[], float] = time.monotonic) -> Iterator[Meter]:
    """Show ``text`` with what is done and the time left until the block ends, on stderr. ``clock`` gives seconds."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield _lines(text, console, clock)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[words]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(text, total=None, words="")

        def count(done: int, total: int, words: str = "") -> None:
            progress.update(task, completed=done, total=total, words=words)

        yield count
        progress.update(task, completed=1, total=1)


def _lines(text: str, console: Console, clock: Callable[[], float]) -> Meter:
    started = last = clock()

    def count(done: int, total: int, words: str = "") -> None:
        nonlocal last
        now = clock()
        if now - last < SECONDS_BETWEEN_LINES or not 0 < done < total:
            return
        last = now
        left = (now - started) * (total - done) / done
        parts = [f"{100 * done // total} %", *([words] if words else []), f"about {left:,.0f} seconds left"]
        console.print(f"{text}: {', '.join(parts)}", markup=False, highlight=False, soft_wrap=True)

    return count
