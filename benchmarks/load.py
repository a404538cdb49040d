"""How fast a broker answers while it compares: status calls at a real one, from another process, busy and idle.

``python -m benchmarks.load --rows 100000 400000 --json`` uploads two made-up files, starts a run, and asks for its
status at a fixed rate until its links are decided, then for as long as ``--seconds`` says once the run waits for
approval. A call's time counts from when it was due, so that calls held up by a slow one are not left out. In between
it asks as fast as ``ASKERS`` callers can, for requests per second.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.broker_settings import broker_settings
from benchmarks.faulty_linkage import Parties
from benchmarks.show import show
from encoder.door import Door
from keys.identity import Identity
from services.rehearsal.server import running_broker

ASKERS = 4
BURST_SECONDS = 5.0
_MILLISECONDS = 1e3
_UNLIMITED = dict.fromkeys(("PARTY_REQUESTS_PER_SECOND", "PARTY_REQUESTS_AT_ONCE"), "1000000")
"""More requests than one party can send."""


@dataclass(repr=False)
class Asked:
    """Status calls of one party for one run. ``ask``: one call; whether the run's links are decided."""

    url: str
    identity: Identity
    broker: str
    run: str

    @contextmanager
    def doors(self) -> Iterator[list[Door]]:
        made = [
            Door(
                self.url,
                identity=self.identity,
                broker=self.broker,
                now=lambda: datetime.now(UTC),
                random=secrets.token_bytes,
                timeout=600,
            )
            for _ in range(ASKERS)
        ]
        try:
            yield made
        finally:
            for door in made:
                door.close()

    def ask(self, door: Door) -> bool:
        return str(door.get(f"/v1/runs/{self.run}")["state"]) == "matched"

    def steadily(self, rate: float, until: Callable[[bool], bool]) -> list[float]:
        """Milliseconds of calls that are due ``rate`` times a second, from when each was due, until ``until``, given
        whether a call found links decided, says so."""
        took: list[float] = []
        ended: list[bool] = []
        started = time.perf_counter()

        def call(door: Door, nth: int) -> None:
            for number in range(nth, sys.maxsize, ASKERS):
                due = started + number / rate
                time.sleep(max(0.0, due - time.perf_counter()))
                if ended:
                    return
                decided = self.ask(door)
                took.append(_MILLISECONDS * (time.perf_counter() - due))
                if until(decided):
                    ended.append(True)

        self._each(call)
        return took

    def quickly(self, seconds: float) -> float:
        """Calls per second of ``ASKERS`` callers that ask again as soon as they have an answer, and once at least."""
        counts: list[int] = []
        started = time.perf_counter()

        def call(door: Door, _nth: int) -> None:
            count = 0
            while not count or time.perf_counter() < started + seconds:
                self.ask(door)
                count += 1
            counts.append(count)

        self._each(call)
        return sum(counts) / (time.perf_counter() - started)

    def _each(self, call: Callable[[Door, int], None]) -> None:
        with self.doors() as doors, ThreadPoolExecutor(ASKERS) as pool:
            for done in [pool.submit(call, door, nth) for nth, door in enumerate(doors)]:
                done.result()


def load(
    council_rows: int, icb_rows: int, *, rate: float, seconds: float, burst_seconds: float = BURST_SECONDS
) -> dict[str, Any]:
    """Figures of a broker that is busy and one that is idle; times in milliseconds."""
    with TemporaryDirectory() as folder:
        root = Path(folder)
        parties, passphrase = Parties.gathered(root, (council_rows, icb_rows), seed=3)
        with (
            broker_settings(_UNLIMITED),
            running_broker(root / "broker", passphrase=passphrase) as url,
            closing(parties.linkage) as linkage,
        ):
            parties.meet(url, quiet=not sys.stderr.isatty())
            parties.cohorts.clear()
            caller = parties.holders[0]
            run = linkage.start(caller)
            asked = Asked(url, caller.identity, linkage.cast.broker.card.fingerprint, run)
            started = time.perf_counter()
            fast_busy = asked.quickly(burst_seconds)
            busy = asked.steadily(rate, lambda decided: decided)
            matched = time.perf_counter() - started
            end = time.perf_counter() + seconds
            idle = asked.steadily(rate, lambda _decided: time.perf_counter() > end)
            fast_idle = asked.quickly(burst_seconds)
    figures = {
        "busy": {**_quantiles(busy), "per_s": round(fast_busy, 1)},
        "idle": {**_quantiles(idle), "per_s": round(fast_idle, 1)},
    }
    return {
        "rows": [council_rows, icb_rows],
        "rate": rate,
        "matched_seconds": round(matched, 1),
        **figures,
        "p99_ratio": round(figures["busy"]["p99_ms"] / figures["idle"]["p99_ms"], 2),
    }


def _quantiles(took: list[float]) -> dict[str, float]:
    p50, p99 = (round(float(one), 1) for one in np.quantile(took, [0.5, 0.99]))
    return {"calls": len(took), "p50_ms": p50, "p99_ms": p99, "worst_ms": round(max(took), 1)}


def summary(figures: dict[str, Any]) -> tuple[str, str]:
    busy, idle = figures["busy"], figures["idle"]
    ours = f"p99 {busy['p99_ms']} ms busy, {idle['p99_ms']} ms idle: {figures['p99_ratio']}x"
    return ours, f"{busy['per_s']} and {idle['per_s']} status calls/s"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs=2, default=(100_000, 400_000), metavar=("COUNCIL", "BOARD"))
    parser.add_argument("--rate", type=float, default=20.0, help="status calls per second")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to ask an idle broker")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    show(load(*options.rows, rate=options.rate, seconds=options.seconds), as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
