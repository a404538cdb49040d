"""Control rows between the parties: bound to an upload, opened once the links are decided, checked by every holder.

1. An upload's manifest holds the commitment of its control rows, and the log repeats it: nobody can choose them later.
2. With the decided links the broker commits to the link of every row (``keys.link_tree``), in the log.
3. A holder opens after it has seen that entry: handles and salt to the broker, and a statement that names both
   commitments, which enters the log. So what one holder has seen, all see.
4. Once all have opened, the broker shows the links of the control rows and of no others. Each must be of the rows that
   its holder has committed to (1) and in the tree (2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keys.canonical import digest
from keys.errors import ControlError
from keys.link_tree import DISHONEST, OpenedRow
from keys.protocol import Event, State

SALT_BYTES = 32
_HEX = frozenset("0123456789abcdef")


def handle_digest(handle: bytes) -> str:
    """What others than its holder and the broker see of a handle: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(handle).hexdigest()


def commitment(salt: bytes, handles: Sequence[str]) -> str:
    """64 hexadecimal digits over the digests of a holder's control rows, by control number. Tells nothing of them."""
    return digest({"control_rows": list(handles), "salt": salt.hex()})


def opening(*, agreement: str, run: str, control_rows: str, links: str) -> dict[str, str]:
    """What a holder's statement of the kind ``Declared.OPENING`` says; ``control_rows``, ``links``: commitments."""
    return {"agreement": agreement, "run": run, "control_rows": control_rows, "links": links}


def is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - _HEX


@dataclass(frozen=True)
class Committed:
    """What a verified log says of a run whose links are decided. ``links``: the root of the tree, 32 bytes.

    ``control_rows``: holder -> commitment of its upload. ``opened``: holders that have opened. ``known_before``: an
    earlier run whose control rows were opened, by anybody; the broker has known them since.
    """

    links: bytes
    control_rows: Mapping[str, str]
    opened: frozenset[str]
    known_before: str | None


def committed(entries: Sequence[Mapping[str, Any]], run: str) -> Committed:
    """``entries``: the facts of a verified log, in order. Raises ``ControlError`` while it does not say that the links
    of ``run`` are decided."""
    of_upload: dict[str, str] = {}
    uploads: Mapping[str, str] = {}
    links, opened, before = b"", set(), None
    for facts in entries:
        event, ours = facts["event"], facts.get("run") == run
        if event in (Event.UPLOAD_ACCEPTED, Event.UPLOAD_REPLACED):
            of_upload[facts["upload"]] = facts["control_rows"]
        elif event == Event.RUN_STARTED and ours:
            uploads = facts["uploads"]
        elif event == Event.RUN_CHANGED and ours and facts["state"] == State.MATCHED:
            links = bytes.fromhex(facts["links"])
        elif event == Event.CONTROL_ROWS_OPENED and ours:
            opened.add(facts["by"])
        elif event == Event.CONTROL_ROWS_OPENED and not uploads:
            before = facts["run"]
    if not links:
        raise ControlError(
            "The log does not say that the links of this run are decided.",
            where=f"run {run}",
            remedy="Open control rows only after that: look with `counterfoil status`, and give the command again.",
        )
    control_rows = {holder: of_upload[upload] for holder, upload in uploads.items()}
    return Committed(links, control_rows, frozenset(opened), before)


def check_opened(document: Any, found: Committed, *, rows: int) -> dict[str, list[bytes]]:
    """Holder -> the marks of its control rows by number: equal marks, one link. Checks 4.

    ``document``: holder -> what the broker shows of its ``rows`` control rows. Raises ``ControlError``.
    """
    if not isinstance(document, Mapping) or set(document) != set(found.control_rows):
        raise _shown_wrongly("is not of exactly the holders of the run")
    marks = {}
    for holder, shown in document.items():
        if holder not in found.opened:
            raise _shown_wrongly(f"shows rows that {holder} has not opened")
        salt, opened = _read(shown, holder)
        if len({one.handle for one in opened}) != rows or len(opened) != rows:
            raise _shown_wrongly(f"is not of {rows} different rows of {holder}")
        if commitment(salt, [one.handle.hex() for one in opened]) != found.control_rows[holder]:
            raise _shown_wrongly(f"is not of the control rows that {holder} has committed to")
        for one in opened:
            one.verify(found.links)
        marks[holder] = [one.mark for one in opened]
    return marks


def row_to_json(row: OpenedRow) -> dict[str, Any]:
    return {
        "handle": row.handle.hex(),
        "mark": row.mark.hex(),
        "salt": row.salt.hex(),
        "place": row.place,
        "path": [one.hex() for one in row.path],
    }


def _read(shown: Any, holder: str) -> tuple[bytes, list[OpenedRow]]:
    try:
        if set(shown) != {"salt", "rows"}:
            raise ValueError
        return bytes.fromhex(shown["salt"]), [_row(one) for one in shown["rows"]]
    except (KeyError, TypeError, ValueError):
        raise _shown_wrongly(f"is not in the right form for {holder}") from None


def _row(one: Any) -> OpenedRow:
    if set(one) != {"handle", "mark", "salt", "place", "path"} or type(one["place"]) is not int:
        raise ValueError
    handle, mark, salt, *path = (
        bytes.fromhex(part) for part in (one["handle"], one["mark"], one["salt"], *one["path"])
    )
    return OpenedRow(handle, mark, salt, one["place"], tuple(path))


def _shown_wrongly(how: str) -> ControlError:
    return ControlError(f"What the broker shows {how}.", remedy=DISHONEST)
