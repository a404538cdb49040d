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
from encoder.received import Received, RowsOfOneHolder, receive, refuse_shared
from encoder.results import run_of
from encoder.shape import Grouped, Shape, arrange, group
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
    """One holder's file in a join: its rows, and those that are linked with a row of at least one other file.
    ``several``: its link keys with several of its rows."""

    path: Path
    sha256: str
    rows: int
    linked: int
    several: int

    @property
    def not_linked(self) -> int:
        return self.rows - self.linked


@dataclass(frozen=True)
class Joined:
    """How a join went. ``linked``: link keys that stand in two files or more. ``written``: rows of ``path``;
    ``link_keys``: link keys in these; ``several``: those of them with several rows of a holder."""

    path: Path
    shares: Mapping[str, Share]
    linked: int
    written: int
    link_keys: int
    several: int


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
    shape: Shape = Shape.WIDE,
    rows_of_one_holder: RowsOfOneHolder = "one per link",
    expected: Mapping[str, str] | None = None,
) -> Joined:
    """Join holders' attribute files (name -> CSV or Parquet) into ``out``, CSV or Parquet by its name.

    ``run_key`` is None for an open release, whose files hold link keys instead of tokens. ``expected``: name ->
    SHA-256 of that file in hexadecimal, as its holder gave it. Rows in the order of link keys: ``link_key``,
    ``holders`` (the names of those in whose files it stands, a space between), then each holder's columns with its
    name as prefix, missing where it has no such row. Columns keep their types. One row per link key, or where a holder
    has several rows of it one per combination; with ``shape`` long one per row of a file, and a third column
    ``holder`` that says of whose file.

    A token belongs to one row of one holder, so one that stands twice in a file or in two, and where at most one row
    of a holder belongs to a link also a link key that stands twice in a file, shows a file that was doubled, put
    together from several or edited; nothing that could be written then would be right. Raises ``InputError``,
    ``TokenError``, ``OutputError``, ``OutputRefused``, with the file, the row and the column where there is one;
    ``out`` is then as it was.
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
    received = receive_all(
        files,
        run_key=run_key,
        pseudonym_key=pseudonym_key,
        rows_of_one_holder=rows_of_one_holder,
        expected=expected,
    )
    grouped = group(received)
    linked = grouped.linked
    kept = grouped.only(linked) if unmatched is Unmatched.DROP else grouped
    table = _table(received, kept, shape)
    write_sheet(table, out)
    shares = {}
    for name, one in received.items():
        counts = grouped.groups[name].counts
        rows_linked, several = int(counts[linked].sum()), int(np.count_nonzero(counts > 1))
        shares[name] = Share(one.sheet.path, one.sha256, len(one.keys), rows_linked, several)
    return Joined(
        out,
        shares,
        linked=int(np.count_nonzero(linked)),
        written=len(table),
        link_keys=len(kept.link_keys),
        several=int(np.count_nonzero(kept.several)),
    )


def receive_all(
    files: Mapping[str, Path],
    *,
    run_key: RunKey | None,
    pseudonym_key: bytes,
    rows_of_one_holder: RowsOfOneHolder = "one per link",
    expected: Mapping[str, str] | None = None,
) -> dict[str, Received]:
    """The holders' attribute files, every row with its link key. Arguments and errors as for ``join``."""
    opener = None if run_key is None else partial(link_keys, run_key=run_key, pseudonym_key=pseudonym_key)
    received = {
        name: receive(path, open_tokens=opener, rows_of_one_holder=rows_of_one_holder) for name, path in files.items()
    }
    _refuse_other_files(received, expected or {})
    return received


def _table(received: Mapping[str, Received], grouped: Grouped, shape: Shape) -> Any:
    """The joined ``pyarrow.Table``."""
    arranged = arrange(received, grouped, shape)
    keys = pa.array(arranged.keys)
    holders = _named({name: pa.array(one.counts > 0) for name, one in grouped.groups.items()})
    columns = [grouped.link_keys.take(keys), holders.take(keys)]
    headers = ["link_key", "holders"]
    if shape is Shape.LONG:
        columns.append(_named({name: places.is_valid() for name, places in arranged.places.items()}))
        headers.append("holder")
    for name, one in received.items():
        columns += take(one.sheet, arranged.places[name], one.attributes)
        headers += [f"{name}.{header}" for header in one.attributes]
    return pa.table(columns, names=headers)


def _named(present: Mapping[str, Any]) -> Any:
    """The names of the holders that are present (``pyarrow`` boolean arrays), a space between."""
    names = [pc.if_else(one, name, pa.scalar(None, pa.string())) for name, one in present.items()]
    return pc.binary_join_element_wise(*names, " ", null_handling="skip")


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
