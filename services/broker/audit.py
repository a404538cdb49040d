"""What happened, as one canonical line per event, written and signed with the change that it records."""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy import event as moments

from keys.canonical import canonical
from keys.checkpoint import Checkpoint, sign_checkpoint
from keys.log import origin_of
from keys.merkle import Tree, leaf_hash
from keys.protocol import Event
from services.broker.office import Office
from services.broker.store import events
from services.broker.watch import metrics


def record(office: Office, connection: Connection, event: Event, *, agreement: str, **facts: Any) -> int:
    """Append an event to the agreement's log, with the broker's checkpoint after it, in the caller's transaction.

    ``facts`` are ids, digests, states, party names and signed statements: never a count or a content. Returns the
    entry's number, from 1.
    """
    try:
        number = _append(office, connection, event, agreement, facts)
    except Exception:
        metrics.AUDIT_FAILURES.inc()
        raise
    moments.listen(connection, "commit", lambda _connection: metrics.recorded(event), once=True)
    return number


def _append(office: Office, connection: Connection, event: Event, agreement: str, facts: dict[str, Any]) -> int:
    leaf = canonical({"event": event.value, "at": office.stamp(), "agreement": agreement, **facts})
    tree, size = Tree(), 1
    for before in events.leaves(connection, agreement):
        tree.append(leaf_hash(before))
        size += 1
    tree.append(leaf_hash(leaf))
    checkpoint = sign_checkpoint(Checkpoint(origin_of(agreement), size, tree.root()), office.identity)
    events.append(connection, agreement=agreement, number=size, leaf=leaf, checkpoint=checkpoint.note())
    return size
