"""What a person sees while a rehearsal runs: one line per step, a bar where there is something to count."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Count = Callable[[int, int], None]
"""Takes what is done and what there is to do."""


class Reporter:
    """Steps on stderr, with bars at a terminal; remembers the seconds of each step."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        self.console = console
        self.quiet = quiet
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, kind: str, text: str) -> Iterator[Count]:
        """Time a step under ``kind`` (steps of one kind add up) and show it as ``text``."""
        started = time.perf_counter()
        try:
            with self._shown(text) as count:
                yield count
        finally:
            self.seconds[kind] = self.seconds.get(kind, 0.0) + time.perf_counter() - started

    @contextmanager
    def _shown(self, text: str) -> Iterator[Count]:
        if self.quiet or not self.console.is_terminal:
            if not self.quiet:
                self.console.print(text, markup=False, highlight=False)
            yield lambda done, total: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(text, total=None)

            def count(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield count
            progress.update(task, completed=1, total=1)
