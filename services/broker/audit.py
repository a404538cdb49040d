"""What happened, as one canonical line per event, written with the change that it records."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from keys.canonical import canonical
from services.broker.store import events


class Event(StrEnum):
    """Every kind of event."""

    AGREEMENT_RECEIVED = "agreement received"
    CONTRIBUTION_RELAYED = "contribution relayed"
    UPLOAD_ACCEPTED = "upload accepted"
    UPLOAD_REPLACED = "upload replaced"
    RUN_STARTED = "run started"
    RUN_CHANGED = "run changed"
    RELEASE_APPROVED = "release approved"
    DATA_DESTROYED = "data destroyed"


def record(connection: Connection, event: Event, *, at: datetime, agreement: str, **facts: Any) -> None:
    """Append an event. ``facts`` are ids, digests, states and party names: never a count or a content."""
    leaf = canonical({"event": event.value, "at": at.isoformat(), "agreement": agreement, **facts})
    events.append(connection, leaf)
