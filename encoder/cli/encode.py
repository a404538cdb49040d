"""The command ``counterfoil encode``: a holder's file becomes a sealed upload, without any network."""

import json
import secrets
import sys
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from encoder import ceremony
from encoder.agreed import restrict
from encoder.ahead import cores
from encoder.cli import preview
from encoder.cli.ask import ask
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
from encoder.cli.progress import Reading, by_rows, shown
from encoder.cli.workers import WorkersOption
from encoder.errors import InputError
from encoder.exclusions import ListUse, read_exclusions
from encoder.inventory import Inventory, take_inventory
from encoder.normalise import normalise
from encoder.package import Packed, pack
from encoder.read import read_rows
from encoder.rejected import refuse_other
from encoder.table import Layout
from encoder.wording import counted
from encoder.workspace import own_party
from keys.agreement import Role

File = Annotated[Path, typer.Argument(help="CSV, Excel workbook (.xlsx) or Parquet.")]
ColumnsFile = Annotated[
    Path | None,
    typer.Option("--columns", help="Columns file: which header holds which identifier; else it is proposed."),
]
Exclude = Annotated[
    list[Path] | None,
    typer.Option(
        "--exclude",
        help="List of row ids of children who must not be linked: adopted, sensitive or opted out. Repeat for each.",
    ),
]
ExcludeColumn = Annotated[
    str | None, typer.Option(help="Header of the ids in the lists; else that of the id column, or no header.")
]
Rejected = Annotated[
    Path | None, typer.Option(help="CSV to write of rows and values left out, and why; rejected.csv in the folder.")
]


def encode(
    file: File,
    columns: ColumnsFile = None,
    folder: Folder = HERE,
    exclude: Exclude = None,
    exclude_column: ExcludeColumn = None,
    rejected: Rejected = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    with_: WithOption = None,
    with_encoding: WithEncodingOption = None,
    with_delimiter: WithDelimiterOption = None,
    with_sheet: WithSheetOption = None,
    workers: WorkersOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Encode a file and seal it for the broker. Needs no network; nothing is sent.

    Shows first what there is, what will leave and what will not, and asks. At a terminal it also shows five rows as
    they are compared: on the screen, and nowhere else.

    Example: counterfoil encode sen2.csv --columns sen2.toml --exclude adopted.csv
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    holder = own_party(desk.agreement, desk.identity, Role.HOLDER)
    secret = ceremony.recall_secret(desk.workspace, agreement=desk.agreement, identity=desk.identity)
    left_out = rejected or desk.workspace.rejected
    refuse_other(left_out, *desk.workspace.written)
    layout = Layout(encoding, delimiter, sheet)
    beside = second_file(with_, with_encoding, with_delimiter, with_sheet)
    named = columns_for(file, columns, beside=beside, layout=layout, yes=yes)
    used = restrict(named, desk.agreement.terms.holder(holder.name), columns or file)
    today = date.today()  # noqa: DTZ011 - births are local dates
    second = beside if used.other else None
    if beside is not None and second is None:
        say(f"{beside.path} is not read: the agreement uses nothing of it.")
    if exclude_column is not None and not exclude:
        raise InputError("--exclude-column is about lists.", remedy="Give them with --exclude, or leave it out.")
    exclusions = read_exclusions(exclude, id_header=used.id, header=exclude_column, tell=say) if exclude else None
    with shown("Reading and normalising") as meter:
        reading = Reading(meter)
        batches = reading.watch(
            read_rows(file, used, beside=second, layout=layout, progress=reading.progress, tell=say)
        )
        batches = exclusions.leave_out(batches) if exclusions else batches
        normalised = normalise(batches, used, rules=desk.agreement.terms.normalisation, today=today)
    lists = exclusions.check(normalised.ids) if exclusions else ()
    found = take_inventory(normalised, agreement=desk.agreement, holder=holder, receiving=desk.receiving)
    for line in (
        *preview.damage(normalised),
        *preview.lists(lists),
        *preview.inventory(found, upload=desk.workspace.upload, rejected=left_out),
    ):
        say(line)
    if not yes:
        if not json_ and preview.screen():
            say("\n".join(preview.rows_as_compared(normalised)))
        ask(f"Encode and seal {counted(found.rows, 'row')}?")
    with shown("Encoding") as meter:
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
            workers=workers or cores(),
            rejected=left_out,
            progress=by_rows(meter),
        )
    _tell(packed, found, lists, left_out, json_=json_)


def _tell(packed: Packed, found: Inventory, lists: tuple[ListUse, ...], rejected: Path, *, json_: bool) -> None:
    """What was written: never a value."""
    if json_:
        facts: dict[str, Any] = {
            "upload": str(packed.path),
            "rows": packed.rows,
            "control_rows": packed.control_rows,
            "rejected": found.rejected,
            "rejected_file": str(rejected),
            "rejected_lines": packed.rejected_lines,
            "excluded": found.excluded,
            "excluded_ids_of_no_row": sum(one.ids - one.found for one in lists),
            "bytes": packed.bytes,
            "sha256": packed.sha256,
            "identifiers": {name: asdict(one) for name, one in found.fields.items()},
            "match_keys": dict(packed.match_keys),
        }
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    keys = ", ".join(f"{name} {rows:,}" for name, rows in packed.match_keys.items())
    beside = f" and {counted(packed.control_rows, 'control row')}" if packed.control_rows else ""
    sys.stdout.write(
        f"{packed.path}: {counted(packed.rows, 'row')}{beside} "
        f"({found.rejected:,} cannot link, {found.excluded:,} excluded), {packed.bytes:,} bytes\n"
        f"SHA-256 {packed.sha256}\n"
        f"rows with an encoding, by match-key: {keys}\n"
        f"{rejected}: {counted(packed.rejected_lines, 'line')} on rows and values that were left out; it stays here\n"
        "What leaves with `counterfoil upload`: the sealed file alone. No identifier is in it.\n"
    )
