"""The one door that log lines go out by: ours and the libraries', as JSON or for people.

1. Our own code says events of the table (``fields``), with ``say``. Nothing else of ours logs.
2. A library's record becomes the event ``library``: its words are thrown away unread, because nobody can list what
   they may hold; the place in its code and the kind of its error stay.
3. The door itself applies the table, so that nothing passes by another way: not warnings, and not the last words of a
   thread or process that fails.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, TextIO

import structlog

from services.broker.watch import metrics
from services.broker.watch.fields import EVENTS, LIBRARIES, admit
from services.broker.watch.places import facts, place
from services.broker.watch.settings import WatchSettings

_OURS: Final = "counterfoil"
_NOISY: Final = ("numba", "llvmlite")
"""They say thousands of things for each function that is compiled, and nothing that an operator can use."""

_log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    logging.getLogger(_OURS),
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ],
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


def say(event: str, error: BaseException | None = None, *, aside: bool = False, **fields: Any) -> None:
    """Log an event of the table, with the kind and places of an error if there is one.

    ``aside``: it is of so little weight that only ``debug`` shows it.
    """
    level = "debug" if aside else EVENTS[event].level if event in EVENTS else "warning"
    _log.log(logging.getLevelName(level.upper()), event, **fields, **(facts(error) if error else {}))


class Door(logging.Handler):
    """Writes lines to ``stream``, each admitted by the table."""

    def __init__(self, stream: TextIO, *, people: bool) -> None:
        super().__init__()
        self._stream = stream
        self._render: Any = (
            structlog.dev.ConsoleRenderer(colors=stream.isatty(), pad_event_to=16, timestamp_key="time")
            if people
            else structlog.processors.JSONRenderer(sort_keys=False)
        )

    def emit(self, record: logging.LogRecord) -> None:
        try:
            event, fields = _read(record)
            admitted = admit(event, fields)
            metrics.logged(record.levelname.lower(), event=admitted.event, dropped=admitted.dropped)
            line: dict[str, Any] = {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
                "level": record.levelname.lower(),
                "event": admitted.event,
                **admitted.fields,
                **({"dropped": admitted.dropped} if admitted.dropped else {}),
            }
            self._stream.write(f"{self._render(None, '', line)}\n")
            self._stream.flush()
        except Exception:  # noqa: BLE001 - whatever it is, its words must not be printed, and nobody must fail for it
            metrics.LOG_FAILURES.inc()


def _read(record: logging.LogRecord) -> tuple[Any, Mapping[str, Any]]:
    if record.name == _OURS and isinstance(record.msg, dict):
        fields = {name: value for name, value in record.msg.items() if name != "event"}
        return record.msg.get("event"), fields
    root = record.name.partition(".")[0]
    library = {"py": "warnings"}.get(root, root)
    error = record.exc_info[1] if record.exc_info else None
    return "library", {
        "library": library if library in LIBRARIES else "other",
        **(facts(error) if error else {"at": [place(record.pathname, record.lineno, record.funcName or "")]}),
    }


def install(settings: WatchSettings, stream: TextIO) -> None:
    """Have all logging of this process go by the door, from now on and also what is set up later."""
    people = settings.log_format == "text" or (settings.log_format == "auto" and stream.isatty())
    door = Door(stream, people=people)
    root = logging.getLogger()
    root.handlers[:] = [door]
    usual = "warning" if settings.log_level == "info" else settings.log_level
    root.setLevel(usual.upper())  # nobody needs to know where a library was when it had something to tell
    logging.getLogger(_OURS).setLevel(settings.log_level.upper())
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        if settings.log_level == "debug" and name != _OURS:
            logger.setLevel(logging.NOTSET)  # some keep themselves quiet
    dbos = logging.getLogger("dbos")
    dbos.handlers[:] = [door]  # it makes a handler of its own for its words unless it has one
    dbos.propagate = False
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(True)
    sys.excepthook = _last_words
    threading.excepthook = lambda ended: _last_words(ended.exc_type, ended.exc_value, ended.exc_traceback)
    sys.unraisablehook = lambda lost: _last_words(lost.exc_type, lost.exc_value, lost.exc_traceback)


def level_of_libraries(settings: WatchSettings, usual: str) -> str:
    """What a library is to be told: its ``usual`` level, or all of it."""
    return "debug" if settings.log_level == "debug" else usual


def _last_words(kind: type[BaseException], error: BaseException | None, _traceback: TracebackType | None) -> None:
    if not issubclass(kind, KeyboardInterrupt | SystemExit):
        say("process failed", error or kind())
