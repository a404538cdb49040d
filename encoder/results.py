"""What came back: the release opened and put beside the holder's own row ids."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from encoder.errors import InputError
from encoder.package import every_handles
from encoder.workspace import Workspace
from keys.agreement import Agreement, Role
from keys.envelope import Header, open_bytes
from keys.errors import EnvelopeError
from keys.files import write_whole
from keys.identity import Identity
from keys.kinds import Sealed
from keys.layout import handle_order, open_release_record, release_record
from keys.receiving import encode
from keys.terms import Release

VALUE_COLUMNS = ("token", "link_key")
"""The column that stands in place of the row ids: after a blind release the one, after an open release the other."""


@dataclass(frozen=True, repr=False)
class Results:
    """The holder's own row ids in random order and, beside each, its token (blind) or link key (open) as text. Control
    rows are not among them."""

    run: str
    column: str
    row_ids: Sequence[str]
    values: Sequence[str]

    def by_row_id(self) -> Mapping[str, str]:
        return dict(zip(self.row_ids, self.values, strict=True))


def require_rows(agreement: Agreement) -> None:
    """Raise ``InputError`` if a run of this agreement releases no rows."""
    if agreement.terms.release is Release.COUNT:
        raise InputError("The agreement releases counts and no rows.", remedy="See them with: counterfoil status RUN")


def open_release(sealed: bytes, *, workspace: Workspace, agreement: Agreement, identity: Identity) -> Results:
    """Open what the broker released to this holder. Raises ``EnvelopeError`` when it is not whole or not ours."""
    broker = agreement.sole(Role.BROKER).card
    header, payload = open_bytes(
        sealed, kind=Sealed.RELEASE, agreement=agreement.id, sender=broker, key=identity.receiving
    )
    blind = agreement.terms.release is Release.BLIND
    record, column = (release_record(), "token") if blind else (open_release_record(), "link_key")
    if len(payload) % record.itemsize:
        raise _incomplete()
    records = np.frombuffer(payload, dtype=record)
    records = records[handle_order(records["handle"])]
    tables = every_handles(workspace, agreement=agreement, identity=identity)
    table = next((one for one in tables if np.array_equal(records["handle"], one.handles)), None)
    if table is None:
        raise _incomplete()
    own = records[column][table.own]
    values = [encode(value.tobytes()) if blind else value.tobytes().hex() for value in own]
    return Results(run_of(header), column, table.row_ids, values)


def run_of(header: Header) -> str:
    """The run that a sealed file of the broker belongs to. Raises ``EnvelopeError`` when it does not say."""
    run = header.context.get("run")
    if not isinstance(run, str) or not run:
        raise EnvelopeError("The sealed file does not name its run.", remedy="Ask the broker's operator.")
    return run


def write_results(path: Path, results: Results, *, replace: bool = False) -> None:
    """CSV with ``row_id`` and ``token`` or ``link_key``.

    Writing the same again changes nothing. Raises ``OutputRefused`` when another file is there, unless ``replace``: it
    may hold what an earlier run released, which can be fetched for a while only.
    """
    data = _csv(["row_id", results.column], zip(results.row_ids, results.values, strict=True))
    if not (path.is_file() and path.read_bytes() == data):
        write_whole(path, data, replace=replace, private=True)


def _csv(header: Sequence[str], rows: object) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # ends rows as RFC 4180 does; with "\n" it would leave a lone "\r" in a cell unquoted
    writer.writerow(header)
    writer.writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


def _incomplete() -> EnvelopeError:
    return EnvelopeError(
        "The release does not hold exactly the rows that this holder uploaded.",
        remedy="Do not use it; ask the broker's operator.",
    )
