"""Every metric that a process counts by itself; what is read from the database at each look is in ``books``.

1. A label's value comes from a closed set that the code names. None is the id of anything, or says whose it is.
2. What goes up by the size of one upload or run goes up in steps so wide that a small one does not show.
3. A duration is told by the bucket it falls in: the sum adds the bucket's upper bound, not the duration.
"""

from __future__ import annotations

import platform
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from threading import Lock
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

from keys.protocol import Event, State

disable_created_metrics()  # type: ignore[no-untyped-call]  # when a label came up first would tell when something was
REGISTRY: Final = CollectorRegistry()

STEP: Final = 16 << 20
"""Bytes are told in steps of so many: an upload of some twelve thousand rows."""
REQUEST_BOUNDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)
RUN_BOUNDS: Final = (10.0, 60.0, 600.0, 3600.0, 21600.0, 86400.0, 604800.0)
OUTCOMES: Final = ("accepted", "replaced", "refused")
PHASES: Final = ("match", "release")

BUILD = Gauge("counterfoil_build_info", "What runs: always 1.", ["version", "python"], registry=REGISTRY)
REQUESTS = Counter("counterfoil_requests", "Requests answered.", ["method", "route", "status"], registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "counterfoil_request_seconds", "How long answers took.", ["route"], buckets=REQUEST_BOUNDS, registry=REGISTRY
)
UPLOADS = Counter("counterfoil_uploads", "Whole uploads, by what became of them.", ["outcome"], registry=REGISTRY)
UPLOAD_BYTES = Counter("counterfoil_upload_bytes", "Bytes of parts kept, in steps of 16 MiB.", registry=REGISTRY)
EVENTS = Counter("counterfoil_events", "Entries in audit logs.", ["event"], registry=REGISTRY)
AUDIT_FAILURES = Counter("counterfoil_audit_failures", "Entries that could not be made.", registry=REGISTRY)
TASKS = Counter("counterfoil_tasks_done", "Tasks of runs that this process did.", registry=REGISTRY)
RUN_SECONDS = Histogram(
    "counterfoil_run_seconds", "How long phases of runs took.", ["phase"], buckets=RUN_BOUNDS, registry=REGISTRY
)
RUN_ERRORS = Counter("counterfoil_run_errors", "Runs that stopped for a reason nobody foresaw.", registry=REGISTRY)
DUE = Gauge("counterfoil_retention_due", "Agreements due for destruction at the last look.", registry=REGISTRY)
OVERDUE = Gauge("counterfoil_retention_overdue", "Of these, those that are still there.", registry=REGISTRY)
DESTROYED = Counter("counterfoil_retention_destroyed", "Agreements whose data were destroyed.", registry=REGISTRY)
LOOKED = Gauge("counterfoil_retention_looked_timestamp_seconds", "When the last look was.", registry=REGISTRY)
DUTY_FAILURES = Counter("counterfoil_duty_failures", "Looks that failed.", ["duty"], registry=REGISTRY)
LOG_LINES = Counter("counterfoil_log_lines", "Lines written.", ["level"], registry=REGISTRY)
LOG_DROPPED = Counter("counterfoil_log_dropped", "Kept out of the log by its table.", ["what"], registry=REGISTRY)
LOG_FAILURES = Counter("counterfoil_log_failures", "Lines that could not be written.", registry=REGISTRY)

BUILD.labels(version("counterfoil"), platform.python_version()).set(1)
for _outcome in OUTCOMES:
    UPLOADS.labels(_outcome)
for _event in Event:
    EVENTS.labels(_event.value)
for _what in ("event", "field"):
    LOG_DROPPED.labels(_what)


class Steps:
    """Tells of a growing sum only its whole steps."""

    def __init__(self, step: int) -> None:
        self._step = step
        self._rest = 0
        self._lock = Lock()

    def add(self, amount: int) -> int:
        """By how much the told sum grows."""
        with self._lock:
            whole, self._rest = divmod(self._rest + amount, self._step)
        return whole * self._step


_received = Steps(STEP)


def bound(value: float, bounds: Sequence[float]) -> float:
    """The upper bound of the bucket that a value falls in; twice the last for what lies above all."""
    at = bisect_left(bounds, value)
    return bounds[at] if at < len(bounds) else 2 * bounds[-1]


def answered(*, method: str, route: str, status: int, seconds: float) -> None:
    REQUESTS.labels(method, route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(bound(seconds, REQUEST_BOUNDS))


def received(size: int) -> None:
    """A part of so many bytes has been kept."""
    UPLOAD_BYTES.inc(_received.add(size))


def recorded(event: Event) -> None:
    """An entry in an audit log is there to stay."""
    EVENTS.labels(event.value).inc()
    if event is Event.UPLOAD_ACCEPTED:
        UPLOADS.labels("accepted").inc()
    elif event is Event.UPLOAD_REPLACED:
        UPLOADS.labels("replaced").inc()


def refused_upload() -> None:
    UPLOADS.labels("refused").inc()


def run_changed(before: Mapping[Any, Any] | None, state: State, now: datetime) -> None:
    """``before``: the run's row before it came to this state; if it was there already, nothing has changed."""
    if before is None or before["state"] == state:
        return
    since = {State.MATCHED: before["begun_at"], State.RELEASED: before["changed_at"]}.get(state)
    if since is not None:
        phase = "match" if state is State.MATCHED else "release"
        seconds = (now - datetime.fromisoformat(since)).total_seconds()
        RUN_SECONDS.labels(phase).observe(bound(seconds, RUN_BOUNDS))


def looked(*, destroyed: int, left: int, now: datetime) -> None:
    """Retention has looked at every agreement: of those that were due so many are destroyed, and so many are left."""
    DUE.set(destroyed + left)
    OVERDUE.set(left)
    DESTROYED.inc(destroyed)
    LOOKED.set(now.timestamp())


def logged(level: str, *, event: str, dropped: int) -> None:
    LOG_LINES.labels(level).inc()
    if event == "unlisted":
        LOG_DROPPED.labels("event").inc()
    LOG_DROPPED.labels("field").inc(dropped)
