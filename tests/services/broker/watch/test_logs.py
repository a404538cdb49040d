"""One door for all log lines, and a table of what may go through it."""

from __future__ import annotations

import io
import json
import logging
import re
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from services.broker.watch import logs, metrics
from services.broker.watch.fields import ALWAYS, EVENTS, FIELDS, admit
from services.broker.watch.places import facts
from services.broker.watch.settings import WatchSettings
from tests.services.broker.watch.pages import LOGS, logs_page

SECRET = "Zyxquorla"
Lines = Callable[[], list[dict[str, Any]]]
ROOT = Path(__file__).parents[4]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    """What has been written since, with the door installed as the command does it, and all put back afterwards."""
    stream = io.StringIO()
    known = [logging.getLogger(), *(logging.getLogger(name) for name in logging.root.manager.loggerDict)]
    before = [(one, one.level, list(one.handlers), one.propagate) for one in known]
    for owner, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(owner, name, getattr(owner, name))
    logs.install(WatchSettings(log_level="debug"), stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.captureWarnings(False)
    for logger, level, handlers, propagate in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers
        logger.propagate = propagate


def fail() -> None:
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise ValueError(f"no row of {SECRET}") from error


def failed() -> ValueError:
    with pytest.raises(ValueError, match=SECRET) as caught:
        fail()
    return caught.value


def test_every_field_of_the_table_has_a_shape() -> None:
    named = set(ALWAYS).union(*(event.fields for event in EVENTS.values()))
    assert named == set(FIELDS)


@pytest.mark.parametrize("name", sorted(FIELDS))
@pytest.mark.parametrize("value", [None, "", "a free text, of a row", b"bytes", object(), -1, float("nan"), "a" * 300])
def test_no_field_takes_a_free_value(name: str, value: Any) -> None:
    event = next(event for event, one in EVENTS.items() if name in one.fields | ALWAYS)
    assert admit(event, {name: value}).fields == {}
    assert admit(event, {name: value}).dropped == 1


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        ("request", {"route": f"/v1/agreements/{'0af3' * 16}"}),
        ("request", {"route": "/v1/runs/{run}?nhs_number=9434765919"}),
        ("request", {"method": "ZYXQUORLA"}),
        ("request", {"request_id": "9434765919"}),
        ("request", {"request_id": "Zyxquorla-2011"}),
        ("request", {"status": True}),
        ("request", {"worker": "two"}),
        ("run stopped", {"error": "ValueError: no row of Zyxquorla"}),
        ("run stopped", {"at": ["services/broker/runs/rules.py:12 f", "the row of Zyxquorla"]}),
    ],
)
def test_what_has_not_its_shape_or_place_is_left_out(event: str, fields: dict[str, Any]) -> None:
    assert (admit(event, fields).fields, admit(event, fields).dropped) == ({}, 1)


def test_what_is_listed_is_written(lines: Lines) -> None:
    with structlog.contextvars.bound_contextvars(request_id="0123456789abcdef" * 2, other=SECRET):
        logs.say("request", method="GET", route="/v1/runs/{run}", status=200, seconds=0.25, path=SECRET)
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    shown = {"method": "GET", "route": "/v1/runs/{run}", "status": 200, "seconds": 0.25}
    assert line == {"level": "info", "event": "request", "request_id": "0123456789abcdef" * 2, "dropped": 2, **shown}


def test_what_is_left_out_is_counted(lines: Lines) -> None:
    fields, events = (metrics.LOG_DROPPED.labels(what)._value.get() for what in ("field", "event"))
    logs.say("a child was linked", forename=SECRET)
    (line,) = lines()
    assert (line["event"], line["dropped"], line["level"]) == ("unlisted", 1, "warning")
    assert metrics.LOG_DROPPED.labels("field")._value.get() == fields + 1
    assert metrics.LOG_DROPPED.labels("event")._value.get() == events + 1


def test_an_error_is_its_kind_and_places_and_no_word_of_it() -> None:
    told = facts(failed())
    assert (told["error"], told["causes"]) == ("ValueError", ["KeyError"])
    assert re.fullmatch(r"broker/watch/test_logs\.py:\d+ fail", told["at"][-1])
    assert SECRET not in str(told)
    grouped = facts(ExceptionGroup(SECRET, [failed(), OSError(SECRET)]))
    assert grouped["causes"] == ["ValueError", "KeyError", "OSError"]
    assert admit("run stopped", told).dropped == admit("run stopped", grouped).dropped == 0


@pytest.mark.parametrize("name", ["uvicorn.error", "sqlalchemy.engine", "alembic.runtime", "dbos", "somebody.else"])
def test_a_library_is_told_by_place_and_kind_alone(lines: Lines, name: str) -> None:
    logging.getLogger(name).debug("statement with %s", SECRET)
    logging.getLogger(name).error("row %r", SECRET, exc_info=failed())
    assert SECRET not in str(lines())
    assert [line["event"] for line in lines()] == ["library"] * 2
    library = name.split(".")[0]
    assert {line["library"] for line in lines()} == {"other" if library == "somebody" else library}
    assert [line.get("error") for line in lines()] == [None, "ValueError"]
    assert all("test_logs.py" in line["at"][-1] or line["at"][-1].endswith("fail") for line in lines())


def test_a_record_that_nobody_could_put_into_words_is_told_too(lines: Lines) -> None:
    """Its words are never made: a wrong number of arguments does no harm."""
    (door,) = (handler for handler in logging.getLogger().handlers if isinstance(handler, logs.Door))
    door.handle(logging.LogRecord("dbos", logging.ERROR, "dbos/_core.py", 7, "wrong %s %s", (SECRET,), None))
    (line,) = lines()
    assert (line["library"], line["at"]) == ("dbos", ["dbos/_core.py:7"])


def test_warnings_and_last_words_go_by_the_same_door(lines: Lines) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn(f"no row of {SECRET}", UserWarning, stacklevel=1)
        logging.captureWarnings(False)
    ended = threading.Thread(target=fail)
    ended.start()
    ended.join()
    sys.excepthook(ValueError, failed(), None)
    assert [(line["event"], line.get("library"), line.get("error")) for line in lines()] == [
        ("library", "warnings", None),
        ("process failed", None, "ValueError"),
        ("process failed", None, "ValueError"),
    ]
    assert SECRET not in str(lines())


def test_a_line_that_cannot_be_written_is_counted_and_nothing_is_said_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    closed = io.StringIO()
    door = logs.Door(closed, people=False)
    closed.close()
    before = metrics.LOG_FAILURES._value.get()
    door.handle(logging.LogRecord("uvicorn", logging.ERROR, "file.py", 1, SECRET, None, None))
    assert metrics.LOG_FAILURES._value.get() == before + 1
    assert capsys.readouterr() == ("", "")


def test_people_get_the_same_fields_in_lines_of_their_own() -> None:
    stream = io.StringIO()
    door = logs.Door(stream, people=True)
    record = {"event": "worker silent", "worker": "worker-2", "forename": SECRET}
    door.handle(logging.LogRecord("counterfoil", logging.WARNING, "file.py", 1, record, (), None))
    assert "worker silent" in stream.getvalue()
    assert "worker=worker-2" in stream.getvalue()
    assert SECRET not in stream.getvalue()


PROGRAM = """
import sys
from services.broker.watch import logs
from services.broker.watch.settings import WatchSettings
logs.install(WatchSettings(log_format={format!r}), sys.stderr)
logs.say("worker started", worker="one")
raise SystemExit(int("{secret}"))
"""


@pytest.mark.parametrize(("form", "first"), [("auto", "{"), ("json", "{"), ("text", "20")])
def test_a_process_that_falls_over_says_no_value(form: str, first: str) -> None:
    """stderr is no terminal here, so ``auto`` is JSON."""
    program = PROGRAM.format(format=form, secret=SECRET)
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 2
    assert all(line.startswith(first) for line in ended.stderr.splitlines())
    assert "process failed" in ended.stderr
    assert SECRET not in ended.stderr
    assert ended.stdout == ""


def test_the_page_says_what_the_table_says() -> None:
    assert LOGS.read_text(encoding="utf-8") == logs_page()


def test_nothing_else_of_ours_logs() -> None:
    """The words of any other logger's record are thrown away unread, and would be missed."""
    sources = [path for room in ("keys", "encoder", "matcher", "services") for path in (ROOT / room).rglob("*.py")]
    loggers = {path.name for path in sources if "getLogger" in path.read_text(encoding="utf-8")}
    assert loggers == {"logs.py"}
