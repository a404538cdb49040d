"""At the recipient: tokens into link keys, and the holders' attribute files into one table."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from encoder.errors import InputError
from encoder.results import run_of
from keys.agreement import Agreement, Role
from keys.envelope import open_bytes
from keys.errors import EnvelopeError, KeysError, TokenError
from keys.files import whole_file
from keys.identity import Identity
from keys.kinds import Sealed
from keys.receiving import decode
from keys.tokens import RUN_KEY_BYTES, TOKEN_BYTES, open_tokens


@dataclass(frozen=True, repr=False)
class RunKey:
    """What opens the tokens of one run, and nothing else."""

    run: str
    key: bytes


@dataclass(frozen=True)
class Joined:
    """How a join went: rows of each holder's file, rows written."""

    path: Path
    rows: Mapping[str, int]
    linked: int


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
    keep_unmatched: bool = False,
) -> Joined:
    """Join holders' attribute files (name -> CSV with ``token`` or ``link_key``) by link key into ``out``.

    The columns of each holder get its name as prefix. By default only rows linked in every file are kept.
    ``run_key`` is None for an open release. Raises ``InputError``, ``TokenError``, ``OutputRefused``.
    """
    joined: Any = None
    rows: dict[str, int] = {}
    for name, path in files.items():
        table = _read(path, name, run_key=run_key, pseudonym_key=pseudonym_key)
        rows[name] = len(table)
        how = "full outer" if keep_unmatched else "inner"
        joined = table if joined is None else joined.join(table, keys="link_key", join_type=how)
    if joined is None:
        raise InputError("There is no file to join.", where=str(out), remedy="Name the attribute files.")
    joined = joined.sort_by("link_key")
    with whole_file(out, replace=True, private=True) as stream:
        pa_csv.write_csv(joined, stream)
    return Joined(out, rows, len(joined))


def _read(path: Path, name: str, *, run_key: RunKey | None, pseudonym_key: bytes) -> Any:
    try:
        parse = pa_csv.ParseOptions(newlines_in_values=True)
        with pa_csv.open_csv(path, parse_options=parse) as opened:
            types = dict.fromkeys(opened.schema.names, pa.string())  # nothing is inferred: 007 stays 007
        table = pa_csv.read_csv(path, parse_options=parse, convert_options=pa_csv.ConvertOptions(column_types=types))
    except (OSError, pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise InputError(
            f"The attribute file cannot be read ({type(error).__name__}).",
            where=str(path),
            remedy="Ask its holder to make it again.",
        ) from None
    wanted = "token" if run_key else "link_key"
    if wanted not in table.column_names:
        raise InputError(f"The attribute file has no column {wanted}.", where=str(path), remedy="Ask its holder.")
    if len(set(table.column_names)) != len(table.column_names):
        raise InputError(
            "Two columns of the attribute file have the same header.", where=str(path), remedy="Ask its holder."
        )
    column = table.column(wanted)
    keys = (
        pa.array(link_keys(column.to_pylist(), run_key=run_key, pseudonym_key=pseudonym_key), pa.string())
        if run_key
        else column
    )
    others = table.drop_columns([wanted])
    others = others.rename_columns([f"{name}.{one}" for one in others.column_names])
    if pc.count_distinct(keys).as_py() != len(keys):
        raise InputError(
            "Two rows of one file have the same link key.",
            where=str(path),
            remedy="The agreement allows several rows of a holder per link; join them with a tool that expects that.",
        )
    return others.append_column("link_key", keys)
