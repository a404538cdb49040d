"""The broker's signed word that the data of an agreement are destroyed: fetched, checked, kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.witness import fetch_log
from encoder.workspace import Workspace
from keys.agreement import Agreement, Role
from keys.canonical import canonical
from keys.errors import LogError
from keys.files import write_whole
from keys.identity import Identity
from keys.kinds import Declared
from keys.protocol import Event
from keys.statement import Statement


def fetch_destruction(
    workspace: Workspace, door: Door, *, agreement: Agreement, identity: Identity
) -> Mapping[str, Any]:
    """What the receipt says; it lies in the workspace then, and the log that ends with it.

    Raises ``BrokerRefused`` while nothing is destroyed, ``SignatureError`` for a receipt that the agreement's broker
    has not signed, ``LogError`` when the log is bad or has no such entry.
    """
    answer = door.get(f"/v1/agreements/{agreement.id}")
    if not isinstance(answer, dict) or "destroyed" not in answer:
        raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
    receipt = answer["destroyed"]
    if receipt is None:
        raise BrokerRefused(
            "The broker has not destroyed the data yet.",
            where=door.url,
            remedy=f"They are due {agreement.terms.retention_hours} hours after the last release, or after the "
            "agreement expired. Ask again then.",
        )
    said = Statement.from_json(receipt).verify(agreement.sole(Role.BROKER).card, kind=Declared.DESTRUCTION)
    if said.get("agreement") != agreement.id or not _complete(said):
        raise BrokerRefused(
            "The receipt is for another agreement, or does not say what was destroyed and when.",
            where=door.url,
            remedy="Ask the broker's operator.",
        )
    log, _ = fetch_log(workspace, door, agreement=agreement, identity=identity)
    last = log.entries[-1].facts
    if last.get("event") != Event.DATA_DESTROYED or last.get("receipt") != receipt:
        raise LogError(
            "The log does not end with this destruction.",
            where=str(workspace.log),
            remedy="Keep the file, and ask the broker's operator and the other parties.",
        )
    write_whole(workspace.destruction, canonical(receipt), replace=True)
    return said


def _complete(said: Mapping[str, Any]) -> bool:
    moment, runs = said.get("destroyed_at"), said.get("runs")
    return isinstance(moment, str) and isinstance(runs, list) and all(isinstance(run, str) for run in runs)
