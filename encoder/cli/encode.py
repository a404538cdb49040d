"""The command ``counterfoil encode``: a holder's file becomes a sealed upload, without any network."""

import json
import secrets
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from encoder import ceremony
from encoder.agreed import restrict
from encoder.cli.columns import columns_for
from encoder.cli.desk import HERE, Desk, Folder, Json, PassphraseFd, PassphraseFile, Yes
from encoder.cli.layout import (
    DelimiterOption,
    EncodingOption,
    SheetOption,
    WithDelimiterOption,
    WithEncodingOption,
    WithOption,
    WithSheetOption,
    say,
    second_file,
)
from encoder.cli.progress import shown
from encoder.findings import Kind
from encoder.normalise import Normalised, normalise
from encoder.package import Packed, pack
from encoder.read import read_rows
from encoder.table import Layout
from encoder.workspace import own_party
from keys.agreement import Role

File = Annotated[Path, typer.Argument(help="CSV, Excel workbook (.xlsx) or Parquet.")]
ColumnsFile = Annotated[
    Path | None,
    typer.Option("--columns", help="Columns file: which header holds which identifier; else it is proposed."),
]


def encode(
    file: File,
    columns: ColumnsFile = None,
    folder: Folder = HERE,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    with_: WithOption = None,
    with_encoding: WithEncodingOption = None,
    with_delimiter: WithDelimiterOption = None,
    with_sheet: WithSheetOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Encode a file and seal it for the broker. Needs no network; nothing is sent.

    Example: counterfoil encode sen2.csv --columns sen2.toml
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    holder = own_party(desk.agreement, desk.identity, Role.HOLDER)
    secret = ceremony.recall_secret(desk.workspace, agreement=desk.agreement, identity=desk.identity)
    layout = Layout(encoding, delimiter, sheet)
    beside = second_file(with_, with_encoding, with_delimiter, with_sheet)
    named = columns_for(file, columns, beside=beside, layout=layout, yes=yes)
    used = restrict(named, desk.agreement.terms.holder(holder.name), columns or file)
    today = date.today()  # noqa: DTZ011 - births are local dates
    second = beside if used.other else None
    if beside is not None and second is None:
        say(f"{beside.path} is not read: the agreement uses nothing of it.")
    with shown("Reading and normalising") as count:
        batches = read_rows(file, used, beside=second, layout=layout, progress=count, tell=say)
        normalised = normalise(batches, used, today=today)
    _warn(normalised)
    rejected = len(normalised.rejections)
    if rejected and not yes:
        sys.stderr.write(f"{rejected:,} of {len(normalised.rows):,} rows have no identifier that can link.\n")
        typer.confirm("Encode the others?", abort=True)
    with shown("Encoding") as count:
        packed = pack(
            normalised,
            workspace=desk.workspace,
            agreement=desk.agreement,
            holder=holder,
            identity=desk.identity,
            secret=secret,
            receiving=desk.receiving,
            now=datetime.now(UTC),
            random=secrets.token_bytes,
            progress=count,
        )
    _tell_packed(packed, rejected, json_=json_)


def _warn(normalised: Normalised) -> None:
    """Show the damage in the file by counts and row numbers, never a value."""
    for one in normalised.findings:
        if one.kind in (Kind.INVALID, Kind.NOTED):
            rows = f"{one.rows:,} rows, first in row {one.first_row}" if one.rows > 1 else f"row {one.first_row}"
            say(f"{one.field}: {one.reason} ({rows})")


def _tell_packed(packed: Packed, rejected: int, *, json_: bool) -> None:
    """What will leave: never a value."""
    facts: dict[str, Any] = {
        "upload": str(packed.path),
        "rows": packed.rows,
        "rejected": rejected,
        "bytes": packed.bytes,
        "sha256": packed.sha256,
        "match_keys": dict(packed.match_keys),
    }
    if json_:
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    keys = ", ".join(f"{name} {rows:,}" for name, rows in packed.match_keys.items())
    sys.stdout.write(
        f"{packed.path}: {packed.rows:,} rows ({rejected:,} of them cannot link), {packed.bytes:,} bytes\n"
        f"SHA-256 {packed.sha256}\n"
        f"rows with an encoding, by match-key: {keys}\n"
        "What leaves with `counterfoil upload`: this file, sealed to the broker. No identifier is in it.\n"
    )
