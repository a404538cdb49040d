"""One vector: what goes in, and what must come out or be refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Piece = str | Mapping[str, Any]
"""A part of some bytes, as the README of the vectors says."""


@dataclass(frozen=True)
class Case:
    """``expected`` is None for what must be refused."""

    folder: str
    name: str
    about: str
    input: Mapping[str, Any]
    expected: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        document: dict[str, Any] = {"about": self.about, "input": self.input}
        if self.expected is None:
            return {**document, "fault": self.name.removeprefix("reject-").replace("-", " ")}
        return {**document, "expected": self.expected}


@dataclass(frozen=True)
class Folder:
    """Makes the cases of one folder."""

    name: str

    def accept(self, name: str, about: str, given: Mapping[str, Any], expected: Mapping[str, Any]) -> Case:
        return Case(self.name, f"accept-{name}", about, given, expected)

    def reject(self, name: str, about: str, given: Mapping[str, Any]) -> Case:
        return Case(self.name, f"reject-{name}", about, given, None)


def drawn(label: str, size: int) -> bytes:
    """Made-up bytes: the first ``size`` of SHAKE-256 of ``label``."""
    return hashlib.shake_256(label.encode()).digest(size)


def text(content: str) -> Piece:
    return {"text": content}


def shake(label: str, length: int, start: int = 0) -> Piece:
    return {"shake256": label, "from": start, "length": length}


def flipped(data: bytes, place: int, mask: int = 1) -> bytes:
    """``data`` with a bit of one byte the other way round; a ``place`` below 0 counts from the end."""
    changed = bytearray(data)
    changed[place] ^= mask
    return bytes(changed)


def without(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in document.items() if key != name}


def plain_json(document: Any) -> bytes:
    """RFC 8785 for documents whose names are ASCII and whose numbers Python writes as JavaScript does."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def listed(parts: Sequence[bytes]) -> list[str]:
    return [part.hex() for part in parts]
