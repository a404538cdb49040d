"""What is seen while something long goes on: rows and the time left, without control characters in a file."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from rich.console import Console

from encoder.cli.progress import SECONDS_BETWEEN_LINES, Reading, by_rows, shown
from encoder.read import Batch


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=terminal, width=120, color_system=None)


def written(where: Console) -> str:
    assert isinstance(where.file, io.StringIO)
    return where.file.getvalue()


def test_elsewhere_than_at_a_terminal_there_is_a_line_now_and_then() -> None:
    where, clock = console(terminal=False), Clock()
    with shown("Encoding", where, clock=clock) as meter:
        count = by_rows(meter)
        for done in range(0, 1_000_001, 100_000):
            count(done, 1_000_000)
            clock.now += SECONDS_BETWEEN_LINES / 2
    step = SECONDS_BETWEEN_LINES / 2
    assert written(where).splitlines() == [
        f"Encoding: {done // 10_000} %, {done:,} of 1,000,000 rows, "
        f"about {(1_000_000 - done) / 100_000 * step:.0f} seconds left"
        for done in range(200_000, 1_000_000, 200_000)
    ]


def test_what_is_soon_done_has_no_line() -> None:
    where, clock = console(terminal=False), Clock()
    with shown("Encoding", where, clock=clock) as meter:
        for done in range(101):
            meter(done, 100)
            clock.now += SECONDS_BETWEEN_LINES / 200
    assert written(where) == ""


def test_nothing_to_do_is_no_fault() -> None:
    where, clock = console(terminal=False), Clock()
    with shown("Reading", where, clock=clock) as meter:
        clock.now += 1000
        meter(0, 0)
    assert written(where) == ""


def test_at_a_terminal_rows_and_the_time_left_are_shown() -> None:
    where = console(terminal=True)
    with shown("Encoding", where) as meter:
        by_rows(meter)(400_000, 1_000_000)
    assert "400,000 of 1,000,000 rows" in written(where)


def test_reading_counts_rows_while_the_file_is_measured_in_bytes() -> None:
    told: list[tuple[int, int, str]] = []
    reading = Reading(lambda done, total, words="": told.append((done, total, words)))

    def batches() -> Iterator[Batch]:
        for number, rows in enumerate((3, 2), start=1):
            yield Batch("file", np.arange(rows), pa.array(["x"] * rows), {})
            reading.progress(number * 50, 100)

    assert [len(batch.rows) for batch in reading.watch(batches())] == [3, 2]
    assert told == [(50, 100, "3 rows"), (100, 100, "5 rows")]
