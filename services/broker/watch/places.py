"""Errors as a log may tell them: their kinds and places in code. Never a message, an argument or a local value."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath
from types import TracebackType
from typing import Any

_MOST_PLACES, _MOST_CAUSES = 30, 10


def kind_of(error: BaseException) -> str:
    """The class of an error, by its full name."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def place(file: str, line: int, function: str = "") -> str:
    """A line of code, by the last parts of its file's path."""
    short = "/".join(part for part in PurePath(file).parts[-3:] if part != "/")
    return f"{short}:{line} {function}".rstrip()


def facts(error: BaseException) -> dict[str, Any]:
    """``error``, where it came through (innermost last), and the kinds of what led to it or lies in it."""
    at = list(_places(error.__traceback__))
    causes = [kind_of(one) for one in _behind(error, set())]
    return {
        "error": kind_of(error),
        "at": at[-_MOST_PLACES:],
        **({"causes": causes[:_MOST_CAUSES]} if causes else {}),
    }


def _places(traceback: TracebackType | None) -> Iterator[str]:
    while traceback is not None:
        code = traceback.tb_frame.f_code
        yield place(code.co_filename, traceback.tb_lineno, code.co_name)
        traceback = traceback.tb_next


def _behind(error: BaseException, seen: set[int]) -> Iterator[BaseException]:
    seen.add(id(error))
    inside = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    for one in (error.__cause__, None if error.__suppress_context__ else error.__context__, *inside):
        if one is not None and id(one) not in seen:
            yield one
            yield from _behind(one, seen)
