"""The runs of an agreement, fetched page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from encoder.door import Door
from encoder.errors import BrokerRefused

_NAMES = {"run", "state", "started_at", "changed_at"}


def runs_of(door: Door, agreement: str) -> Iterator[dict[str, Any]]:
    """Every run, newest first: ``run``, ``state``, ``started_at``, ``changed_at``, all of them texts.

    Raises ``BrokerRefused``, also for what is no list of runs or one that does not come to an end.
    """
    path, cursor, seen = f"/v1/agreements/{agreement}/runs", "", set[str]()
    while True:
        page = door.get(f"{path}?cursor={cursor}" if cursor else path)
        if not _is_page(page) or page["next"] in seen:
            raise BrokerRefused("What answered is not a broker.", where=door.url, remedy="Check the address.")
        yield from page["runs"]
        if page["next"] is None:
            return
        cursor = page["next"]
        seen.add(cursor)


def _is_page(page: Any) -> bool:
    return (
        isinstance(page, dict)
        and set(page) == {"runs", "next"}
        and isinstance(page["next"], str | None)
        and isinstance(page["runs"], list)
        and all(isinstance(one, dict) and set(one) >= _NAMES for one in page["runs"])
        and all(isinstance(one[name], str) for one in page["runs"] for name in _NAMES)
    )
