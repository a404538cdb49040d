"""Write the pages of ``docs/reference`` on log lines and metrics: ``python -m tests.services.broker.watch.pages``."""

from __future__ import annotations

from prometheus_client.metrics_core import Metric

from services.broker.watch.books import LABELS, NAMES
from services.broker.watch.fields import ALWAYS, EVENTS
from services.broker.watch.metrics import REGISTRY
from tests.encoder.pages import REFERENCE

LOGS, METRICS = REFERENCE / "logs.md", REFERENCE / "metrics.md"

_LOGS = """# Lines of the broker's log

What `counterfoil-broker serve` and `work` write to stderr. `python -m tests.services.broker.watch.pages` writes
this page from the table that the log itself obeys
([services/broker/watch/fields.py](../../services/broker/watch/fields.py)), and a test fails when it is no longer
true. Why it is so: [ADR 0112](../adr/0112-what-an-operator-sees.md).

A line is one JSON object, or, where stderr is a terminal or `LOG_FORMAT` is `text`, a line for people with the same
fields. Every line has `time` (UTC), `level` and `event`; it may have {always}, and `dropped`, the number of fields
that the table kept out, which is a fault in the broker's code.

| event | level | fields | what it says |
|---|---|---|---|
{events}

`error` and `causes` are names of classes. `at` lists places in code, `FILE:LINE FUNCTION`, innermost last. A
message, an argument or a value of a variable is in none of them. Lines of libraries (`library`) are written from
`warning` on, and with `LOG_LEVEL=debug` all of them. The last words of a command that does not come up (a wrong
passphrase, say) are plain text. The settings: [Settings of the broker](broker-settings.md).
"""

_METRICS = """# Metrics of the broker

What the page `/metrics` has, on a port of its own that `METRICS_PORT` opens ([how to watch a
broker](../how-to/watch-a-broker.md)). `python -m tests.services.broker.watch.pages` writes this page, and a test
fails when it is no longer true. What these numbers tell of a linkage, and what is done so that it is little: [ADR
0112](../adr/0112-what-an-operator-sees.md).

## Counted by each process

They start from 0 with it.

| metric | type | labels | what it counts |
|---|---|---|---|
{counted}

A histogram has `_bucket`, `_count` and `_sum`; the sum adds for each value the upper bound of its bucket.

## Read at each look

From the database, the queues and the disk that all processes of a broker share: take the largest, not the sum.

| metric | type | labels | what it tells |
|---|---|---|---|
{read}

Labels: `route` is the template of a path, or `none`; `method` one of eight; `status` a number; `outcome` is
accepted, replaced or refused; `event` one of the kinds of entry in the audit log; `state` one of the states of a
run; `queue`, `phase`, `duty`, `level` and `what` are words of the code. """


def counted() -> list[Metric]:
    """Every metric that a process counts by itself."""
    return [metric for metric in REGISTRY.collect() if metric.name not in NAMES]


def names() -> set[str]:
    """Every name that a query may use."""
    found = set(NAMES)
    for metric in counted():
        if metric.type == "counter":
            found.add(f"{metric.name}_total")
        elif metric.type == "histogram":
            found |= {f"{metric.name}_{part}" for part in ("bucket", "count", "sum")}
        else:
            found.add(metric.name)
    return found


def logs_page() -> str:
    events = [
        f"| `{name}` | {event.level} | {_words(event.fields)} | {event.meaning} |" for name, event in EVENTS.items()
    ]
    return _LOGS.format(always=_words(ALWAYS), events="\n".join(events))


def metrics_page() -> str:
    rows = []
    for metric in counted():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        rows.append(f"| `{name}` | {metric.type} | {_words(labels_of(metric.name))} | {metric.documentation} |")
    read = [f"| `{name}` | gauge | {_words(LABELS.get(name, ()))} | {what} |" for name, what in NAMES.items()]
    return _METRICS.format(counted="\n".join(rows), read="\n".join(read))


def labels_of(metric: str) -> tuple[str, ...]:
    """As the code declares them, whether or not any value has come up."""
    collector = REGISTRY._names_to_collectors[metric]
    return tuple(getattr(collector, "_labelnames", ()))


def _words(names: object) -> str:
    return ", ".join(f"`{name}`" for name in sorted(names)) if isinstance(names, frozenset | tuple) else ""


if __name__ == "__main__":
    LOGS.write_text(logs_page(), encoding="utf-8", newline="\n")
    METRICS.write_text(metrics_page(), encoding="utf-8", newline="\n")
