"""What a test sees of a broker: its log, its files, its refusals."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from services.broker.problem_types import KINDS

if TYPE_CHECKING:
    from tests.stage import Broker


def events(home: Path) -> list[dict[str, Any]]:
    """The whole log of the broker that keeps its things in ``home``."""
    with closing(sqlite3.connect(home / "broker.sqlite")) as connection:
        rows = connection.execute("select agreement, number, leaf from events order by rowid").fetchall()
    numbers: dict[str, list[int]] = {}
    for agreement, number, _ in rows:
        numbers.setdefault(agreement, []).append(number)
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())
    return [json.loads(leaf) for _, _, leaf in rows]


def stored(broker: Broker) -> set[str]:
    """Every file in the broker's storage."""
    root = broker.home / "storage"
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def refused(answer: httpx.Response, status: int, kind: str) -> str:
    """That the answer is a problem of this kind in the one form that all have; its title."""
    document = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"urn:counterfoil:problem:{kind}"), document
    assert answer.headers["content-type"] == "application/problem+json"
    members = KINDS[kind].members
    assert set(document) == {"type", "title", "status", "detail", "request_id", *members}
    assert document["request_id"] == answer.headers["x-request-id"]
    assert document["status"] == status
    assert document["detail"]
    title: str = document["title"]
    return title


def said(answer: httpx.Response) -> str:
    """What the answer says, whichever request it is to."""
    return answer.text.replace(answer.headers["x-request-id"], "")
