"""How every command ends: one place that turns errors into a message on stderr and an exit code."""

from __future__ import annotations

import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import typer

from keys.errors import CounterfoilError
from keys.files import reason

REFUSED = 1
INTERRUPTED = 130
TERMINATED = 143


def run(commands: typer.Typer) -> NoReturn:
    """Run a command. Exit codes, 128 and the number of the signal as shells have it (docs/reference/commands.md):

    0: done. 1: refused, with what, where and what to do. 2: wrong usage. 130: interrupted. 143: told to end.
    """
    _take_any_character()
    try:
        code = _code_of(commands)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of the output, such as head, has seen enough
        code = REFUSED
    except CounterfoilError as error:
        code = error.exit_code
        _say(error.where, error.what, error.remedy)
    except OSError as error:
        why, remedy = reason(error)
        code = REFUSED
        where = str(error.filename) if error.filename is not None else None
        _say(where, f"This computer does not allow it: {why}.", remedy)
    _flush_or_drop()
    sys.exit(code)


def end_in_order() -> None:
    """Let a request to end (SIGTERM) undo what is half done, as an interruption from the keyboard does."""

    def end(number: int, frame: FrameType | None) -> NoReturn:
        sys.exit(TERMINATED)

    signal.signal(signal.SIGTERM, end)


def _code_of(commands: typer.Typer) -> int:
    try:
        commands()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _say(None, "Interrupted.", "What was not finished has been undone; start again when you like.")
        return end.code if isinstance(end.code, int) else 0
    return 0


def _say(where: str | None, what: str, remedy: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"Error: {where}: {what}\n{remedy}\n" if where else f"Error: {what}\n{remedy}\n")
        sys.stderr.flush()


def _take_any_character() -> None:
    """Redirected output on Windows is in a code page that lacks most letters of names of files; they become \\u...."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _flush_or_drop() -> None:
    """What cannot be written is not tried again when Python ends, which would have an exit code of its own for it."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)
