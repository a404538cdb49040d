"""What a person sees while a rehearsal runs: one line per step, a bar where there is something to count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from encoder.cli.progress import Count, shown


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
        if self.quiet:
            yield lambda done, total: None
            return
        if not self.console.is_terminal:
            self.console.print(text, markup=False, highlight=False)
        with shown(text, self.console) as count:
            yield count
