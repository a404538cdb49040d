"""Why an upload was not accepted, kept until its holder asks: an error as a few words in the database, and back."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping

from keys.errors import CounterfoilError
from keys.files import OutputRefused
from services.broker.errors import BrokerError, NotFound
from services.broker.front.problems import TYPES
from services.broker.patience import no_room

_NO_ROOM, _INTERNAL = "no-room", "internal"
NO_REFUSALS = (_NO_ROOM, _INTERNAL)
"""Kinds that lie with the broker, not with the upload."""
_ERRORS = {kind.name: error for error, kind in TYPES.items()}


def as_verdict(error: Exception) -> Mapping[str, str]:
    """What is kept of an error: words only of those that an answer may carry."""
    if no_room(error):
        return {"kind": _NO_ROOM}
    if isinstance(error, CounterfoilError) and not isinstance(error, OutputRefused):
        for ours, kind in TYPES.items():
            if isinstance(error, ours):
                return {"kind": kind.name, "what": error.what, "remedy": error.remedy}
    return {"kind": _INTERNAL}


def of_verdict(verdict: Mapping[str, str]) -> Exception:
    """The error, as an answer may carry it."""
    kind = verdict["kind"]
    if kind == _NO_ROOM:
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if kind == _INTERNAL:
        return BrokerError("The upload could not be checked.", remedy="Ask the broker's operator to read the log.")
    return NotFound() if _ERRORS[kind] is NotFound else _ERRORS[kind](verdict["what"], remedy=verdict["remedy"])
