"""The allow-list of the log: which events there are, which fields each may carry, and what a field may look like.

1. What is not in the table is not written: an event becomes ``unlisted``, a field is left out. Both are counted.
2. A field has a type and a shape; a value of any other is left out as well. No shape has room for free text.
3. A field that is a word is one of a closed set, or is named by the code itself.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

Shape = Callable[[Any], bool]
METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "other")
LIBRARIES: Final = (
    "alembic",
    "asyncio",
    "dbos",
    "httpx",
    "opentelemetry",
    "sqlalchemy",
    "uvicorn",
    "warnings",
    "other",
)
DUTIES: Final = ("destruction", "sweep", "checking")
CHECKS: Final = ("database", "migrations", "storage", "worker")
LACKS: Final = ("database", "room", "storage")
UNLISTED: Final = "unlisted"


def _one_of(*words: str) -> Shape:
    return lambda value: isinstance(value, str) and value in words


def _whole(low: int, high: int) -> Shape:
    return lambda value: type(value) is int and low <= value <= high


def _seconds(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1e9


def _like(pattern: str) -> Shape:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _all(shape: Shape, most: int) -> Shape:
    return lambda value: isinstance(value, list) and len(value) <= most and all(shape(one) for one in value)


def _address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ipaddress.ip_address(value))
    except ValueError:
        return False


_PLACE = r"[A-Za-z0-9_./<>-]{1,120}:[0-9]{1,7}(?: [A-Za-z0-9_<>.]{1,80})?"
_KIND = r"[A-Za-z_][A-Za-z0-9_]{0,60}(?:\.[A-Za-z_][A-Za-z0-9_<>]{0,60}){0,8}"

FIELDS: Final[Mapping[str, Shape]] = {
    "address": _address,
    "at": _all(_like(_PLACE), 60),
    "broker": _like(r"[A-Za-z0-9 ._-]{1,40}"),
    "causes": _all(_like(_KIND), 20),
    "check": _one_of(*CHECKS),
    "code": _one_of("kept", "found", "not kept"),
    "duty": _one_of(*DUTIES),
    "error": _like(_KIND),
    "fingerprint": _like(r"[0-9a-f]{64}"),
    "folder": _like(r"/[A-Za-z0-9_./ +~-]{0,250}"),
    "has_mb": _whole(0, 1 << 40),
    "lack": _one_of(*LACKS),
    "library": _one_of(*LIBRARIES),
    "method": _one_of(*METHODS),
    "needed_mb": _whole(0, 1 << 40),
    "port": _whole(1, 65535),
    "request_id": _like(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"),  # no NHS number is one
    "route": _like(r"none|(?:/(?:v[0-9]|[a-z.-]{1,24}|\{[a-z0-9_]{1,24}\}))+"),
    "seconds": _seconds,
    "status": _whole(100, 599),
    "version": _like(r"[0-9][0-9A-Za-z.+-]{0,30}"),
    "worker": _like(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}"),
}
"""What a value must look like; it is told by the name of its field."""

_ERROR = frozenset({"error", "at", "causes"})
ALWAYS: Final = frozenset({"request_id"})
"""A line of any event may carry these, beside ``time``, ``level``, ``event`` and ``dropped``."""


@dataclass(frozen=True)
class Event:
    """A kind of line: how serious it is, which fields it may carry, and what an operator learns from it."""

    level: str
    fields: frozenset[str]
    meaning: str


EVENTS: Final[Mapping[str, Event]] = {
    "broker started": Event(
        "info", frozenset({"broker", "fingerprint", "version"}), "The broker's own name and fingerprint."
    ),
    "worker started": Event("info", frozenset({"worker", "version"}), "A worker takes tasks."),
    "metrics served": Event("info", frozenset({"port"}), "The page of metrics can be read."),
    "code ready": Event(
        "info",
        frozenset({"seconds", "code", "folder"}),
        "The code for comparing is compiled, or was found; `folder` is where it is kept.",
    ),
    "request": Event(
        "info",
        frozenset({"method", "route", "status", "seconds", "address"}),
        "A request was answered; a good answer of `/healthz` or `/readyz` is told with `debug` alone. `route` is the "
        "template of its path; `address` only where the setting says so.",
    ),
    "memory short": Event(
        "warning", frozenset({"needed_mb", "has_mb"}), "A run fails: its pairs need more memory than the worker has."
    ),
    "beat failed": Event("warning", _ERROR, "A worker could not tell the database that it lives; it tries again."),
    "waiting": Event(
        "warning", frozenset({"lack"}), "Work waits until the database or the storage is back, or room on the disk."
    ),
    "not ready": Event(
        "warning", frozenset({"check"}) | _ERROR, "It was asked whether the broker can serve, and a check failed."
    ),
    "storage away": Event("warning", _ERROR, "The object storage is out of reach or out of order."),
    "worker silent": Event("warning", frozenset({"worker"}), "A worker is taken for dead; its tasks go to others."),
    "duty failed": Event(
        "error",
        frozenset({"duty"}) | _ERROR,
        "Data are overdue for destruction, or uploads are not swept up or not checked.",
    ),
    "upload not checked": Event("error", _ERROR, "An upload could not be checked for a reason that lies here."),
    "destruction repeated": Event(
        "warning",
        frozenset(),
        "Data had been destroyed, but the database does not say so: it was restored from a backup, or the broker was "
        "cut off. They are destroyed again.",
    ),
    "run stopped": Event("error", _ERROR, "A run failed for a reason that nobody foresaw."),
    "metrics not served": Event("warning", _ERROR, "A reader of the metrics went away, or they could not be read."),
    "process failed": Event("error", _ERROR, "The process or a thread of it ends for a reason that nobody foresaw."),
    "library": Event(
        "info",
        frozenset({"library"}) | _ERROR,
        "A library has said something: where in its code, and which error, never in which words. Its own level.",
    ),
    UNLISTED: Event("warning", frozenset(), "A line was to be written that is not in this table."),
}


@dataclass(frozen=True)
class Admitted:
    """What may be written of an event, and how many fields, or whether the event itself, had to be left out."""

    event: str
    fields: Mapping[str, Any]
    dropped: int


def admit(event: Any, fields: Mapping[str, Any]) -> Admitted:
    """By the table alone; never raises, whatever it is given."""
    listed = EVENTS.get(event) if isinstance(event, str) else None
    if listed is None:
        return Admitted(UNLISTED, {}, len(fields))
    kept = {
        name: value
        for name, value in fields.items()
        if (name in listed.fields or name in ALWAYS) and name in FIELDS and FIELDS[name](value)
    }
    return Admitted(event, kept, len(fields) - len(kept))
