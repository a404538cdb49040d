"""At the recipient: tokens into link keys, and the holders' attribute files into one table."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from encoder.errors import InputError
from encoder.received import Received, receive, refuse_shared
from encoder.results import run_of
from encoder.sheet import format_of, refuse_overwriting, take, write_sheet
from keys.agreement import Agreement, Role
from keys.envelope import open_bytes
from keys.errors import EnvelopeError, KeysError, TokenError
from keys.identity import Identity
from keys.kinds import Sealed
from keys.receiving import decode
from keys.tokens import RUN_KEY_BYTES, TOKEN_BYTES, open_tokens


class Unmatched(StrEnum):
    """What becomes of rows that are linked with no row of another file."""

    DROP = "drop"
    KEEP = "keep"


@dataclass(frozen=True, repr=False)
class RunKey:
    """What opens the tokens of one run, and nothing else."""

    run: str
    key: bytes


@dataclass(frozen=True)
class Share:
    """One holder's file in a join: its rows, and those that are linked with a row of at least one other file."""

    path: Path
    sha256: str
    rows: int
    linked: int

    @property
    def not_linked(self) -> int:
        return self.rows - self.linked


@dataclass(frozen=True)
class Joined:
    """How a join went. ``linked``: link keys that stand in two files or more. ``written``: rows of ``path``."""

    path: Path
    shares: Mapping[str, Share]
    linked: int
    written: int


def open_run_key(sealed: bytes, *, agreement: Agreement, identity: Identity) -> RunKey:
    """Open the run's key that the broker sealed to the recipient. Raises ``EnvelopeError``."""
    broker = agreement.sole(Role.BROKER).card
    header, key = open_bytes(sealed, kind=Sealed.RUN_KEY, agreement=agreement.id, sender=broker, key=identity.receiving)
    if len(key) != RUN_KEY_BYTES:
        raise EnvelopeError("The run's key has the wrong length.", remedy="Ask the broker's operator.")
    return RunKey(run_of(header), key)


def link_keys(tokens: list[str], *, run_key: RunKey, pseudonym_key: bytes) -> list[str]:
    """The recipient's own link keys: HMAC-SHA256 of the link id, 128 bits, hexadecimal; equal for linked rows.

    Link ids themselves are not kept. Raises ``TokenError`` naming the first token that is not of this run.
    """
    try:
        raw = b"".join(decode(token) for token in tokens)
    except KeysError:
        raw = b""
    if len(raw) != TOKEN_BYTES * len(tokens):
        raise TokenError("A token is not in the right form.", remedy="Ask the holder for the file again.")
    ids = open_tokens(
        np.frombuffer(raw, dtype=np.uint8).reshape(len(tokens), TOKEN_BYTES), run_key=run_key.key, run=run_key.run
    )
    return [hmac.digest(pseudonym_key, one.tobytes(), hashlib.sha256)[:16].hex() for one in ids]


def join(
    files: Mapping[str, Path],
    out: Path,
    *,
    run_key: RunKey | None,
    pseudonym_key: bytes,
    unmatched: Unmatched = Unmatched.DROP,
    expected: Mapping[str, str] | None = None,
) -> Joined:
    """Join holders' attribute files (name -> CSV or Parquet) into ``out``, CSV or Parquet by its name.

    ``run_key`` is None for an open release, whose files hold link keys instead of tokens. ``expected``: name ->
    SHA-256 of that file in hexadecimal, as its holder gave it. One row per link key, in the order of link keys:
    ``link_key``, ``holders`` (the names of those in whose files it stands, a space between), then each holder's
    columns with its name as prefix, missing where it has no such row. Columns keep their types.

    At most one row of a holder belongs to a link, so a token or link key that stands twice in a file, or a token
    in two files, shows a file that was doubled, put together from several or edited; nothing that could be written
    then would be right. Raises ``InputError``, ``TokenError``, ``OutputError``, ``OutputRefused``, with the file, the
    row and the column where there is one; ``out`` is then as it was.
    """
    format_of(out)
    refuse_overwriting(out, *files.values())
    if not files:
        raise InputError("There is no file to join.", remedy="Name each holder's file.")
    if len(files) < 2 and unmatched is Unmatched.DROP:
        raise InputError(
            "With one file no row is linked, and rows that are not linked are dropped.",
            remedy="Name the other holders' files too, or keep unmatched rows.",
        )
    opener = None if run_key is None else partial(link_keys, run_key=run_key, pseudonym_key=pseudonym_key)
    received = {name: receive(path, open_tokens=opener) for name, path in files.items()}
    _refuse_other_files(received, expected or {})
    table, linked = _side_by_side(received, unmatched)
    write_sheet(table, out)
    shares = {
        name: Share(one.sheet.path, one.sha256, len(one.keys), _count(pc.is_in(one.keys, value_set=linked)))
        for name, one in received.items()
    }
    return Joined(out, shares, len(linked), len(table))


def _side_by_side(received: Mapping[str, Received], unmatched: Unmatched) -> tuple[Any, Any]:
    """The joined ``pyarrow.Table``, and the link keys that stand in two files or more."""
    found = pa.chunked_array([one.keys for one in received.values()], pa.string()).value_counts()
    values, counts = found.field("values"), found.field("counts")
    linked = values.filter(pc.greater(counts, 1))
    keys = (linked if unmatched is Unmatched.DROP else values).sort()
    places = {name: pc.index_in(keys, value_set=one.keys) for name, one in received.items()}
    names = [pc.if_else(place.is_valid(), name, pa.scalar(None, pa.string())) for name, place in places.items()]
    columns = [keys, pc.binary_join_element_wise(*names, " ", null_handling="skip")]
    headers = ["link_key", "holders"]
    for name, one in received.items():
        columns += take(one.sheet, places[name], one.attributes)
        headers += [f"{name}.{header}" for header in one.attributes]
    return pa.table(columns, names=headers), linked


def _refuse_other_files(received: Mapping[str, Received], expected: Mapping[str, str]) -> None:
    for name, sha256 in expected.items():
        if name not in received:
            raise InputError(f"There is a SHA-256 for {name}, but no file.", remedy="Name its file too.")
        if received[name].sha256 != sha256.lower():
            raise InputError(
                f"This is not the file that {name} wrote: its SHA-256 is {received[name].sha256}.",
                where=str(received[name].sheet.path),
                remedy="It was cut, changed or mistaken for another: ask its holder for it again.",
            )
    for (name, first), (other, second) in combinations(received.items(), 2):
        if first.sha256 == second.sha256:
            raise InputError(
                f"The same file is given for {name} and for {other}.",
                where=str(second.sheet.path),
                remedy="Name each holder's own file.",
            )
        if first.column == "token":
            refuse_shared(first, second)


def _count(true: Any) -> int:
    return int(pc.sum(true).as_py() or 0)
