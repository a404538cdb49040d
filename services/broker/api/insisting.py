"""A request whose transaction lost against another, or whose connection had been dropped, is tried again at once.

A database that stays away is answered with 503, and the caller comes again: see ``problems``.
"""

import inspect
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from fastapi.routing import APIRoute

from services.broker.errors import DatabaseAway

_PAUSES = (0.1, 0.4)
"""Seconds: a request holds a thread while it waits."""


class InsistingRoute(APIRoute):
    """Does again what a plain (not ``async``) function does: all that it changes is in its transactions, and who asks
    has been checked before."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        super().__init__(path, endpoint if inspect.iscoroutinefunction(endpoint) else insisting(endpoint), **options)


def insisting(work: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(work)
    def again(*args: Any, **named: Any) -> Any:
        for pause in _PAUSES:
            try:
                return work(*args, **named)
            except DatabaseAway:
                time.sleep(pause)
        return work(*args, **named)

    return again
