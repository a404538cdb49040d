"""Attribute files as two holders would hand them to a recipient, and the join of such files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from encoder.join import Joined, RunKey, join, link_keys
from keys.receiving import encode
from keys.tokens import seal_link_ids
from tests.doors import drawn

A, B = (digit * 32 for digit in "ab")
"""Link keys of an open release."""
RUN_KEY = RunKey("run 7", b"k" * 32)
PSEUDONYM = b"the recipient's own key"


def tokens(*links: str, seed: str = "tokens", run_key: RunKey = RUN_KEY) -> list[str]:
    """A token for each link id, which is named by a word."""
    ids = np.array([list(link.encode().ljust(16, b"\0")) for link in links], dtype=np.uint8).reshape(-1, 16)
    sealed = seal_link_ids(ids, run_key=run_key.key, run=run_key.run, random=drawn(seed))
    return [encode(token.tobytes()) for token in sealed]


def keys_of(*links: str, pseudonym_key: bytes = PSEUDONYM) -> list[str]:
    return link_keys(tokens(*links), run_key=RUN_KEY, pseudonym_key=pseudonym_key)


def file(path: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([header, *rows])
    return path


def blind_files(folder: Path) -> dict[str, Path]:
    """Council: links one, two, three. Care board: two, three, four, sealed apart from these."""
    first = tokens("one", "two", "three", seed="council")
    second = tokens("three", "four", "two", seed="icb")
    return {
        "council": file(
            folder / "c.csv",
            ["token", "need", "n"],
            [[first[0], "a", "001"], [first[1], "b", "002"], [first[2], "", "3"]],
        ),
        "icb": file(folder / "i.csv", ["token", "need"], [[second[0], "x"], [second[1], "y"], [second[2], "z"]]),
    }


def joined(files: dict[str, Path], **changes: Any) -> tuple[list[dict[str, str]], Joined]:
    out = next(iter(files.values())).with_name("joined.csv")
    options: dict[str, Any] = {"run_key": RUN_KEY, "pseudonym_key": PSEUDONYM, **changes}
    made = join(files, out, **options)
    with out.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream)), made


def answer_all_with(content: bytes, monkeypatch: pytest.MonkeyPatch, *, asked: list[str]) -> None:
    """A broker that answers every request with ``content``; ``asked`` gets the paths."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return httpx.Response(200, content=content)

    class Wire(httpx.Client):
        def __init__(self, **_: Any) -> None:
            super().__init__(transport=httpx.MockTransport(answer))

    monkeypatch.setattr("encoder.door.httpx.Client", Wire)
