"""``counterfoil results``: what a run released to a holder, and the holder's attribute file for the recipient."""

import json
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from encoder.agreed import headers_of
from encoder.attributes import Handed, Plan, plan_attributes, write_attributes
from encoder.cli.ask import ask
from encoder.cli.columns import columns_for
from encoder.cli.desk import HERE, Broker, Desk, Folder, Json, PassphraseFd, PassphraseFile, Run, Yes, patience
from encoder.cli.layout import DelimiterOption, EncodingOption, SheetOption, say
from encoder.columns import Columns, load_columns
from encoder.doubts import doubts
from encoder.errors import InputError
from encoder.results import open_release, require_rows, write_results
from encoder.sheet import format_of, refuse_overwriting
from encoder.table import Layout
from encoder.trait_columns import KINDS, TraitChoice, TraitColumns, make_traits
from encoder.waiting import fetch_release
from encoder.wording import counted

Doubts = Mapping[str, tuple[str, ...]]


def results(
    run: Run,
    broker: Broker,
    folder: Folder = HERE,
    output: Annotated[Path | None, typer.Option(help="CSV to write: row_id,token; results.csv in the folder.")] = None,
    attributes: Annotated[
        Path | None,
        typer.Option(help="Also write this file for the recipient, from --file: CSV or Parquet, by its name."),
    ] = None,
    file: Annotated[Path | None, typer.Option(help="The file that was encoded, with the attributes.")] = None,
    columns: Annotated[
        Path | None,
        typer.Option(help="Its columns file; the columns that it names stay behind. Proposed, if it was for `encode`."),
    ] = None,
    keep: Annotated[
        list[str] | None, typer.Option(help="Hand over this column; once per column, and no others go.")
    ] = None,
    drop: Annotated[list[str] | None, typer.Option(help="Do not hand over this column; once per column.")] = None,
    trait: Annotated[
        list[TraitChoice] | None,
        typer.Option(
            help="Also hand over which coarse group each row is in, by age, sex, names (hyphenated or not) or missing "
            "identifiers; once per trait. For match rates by group."
        ),
    ] = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    passphrase_file: PassphraseFile = None,
    passphrase_fd: PassphraseFd = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Fetch what a run released to this holder: a token (or link key) for each of its rows.

    With --attributes, first shows which columns the recipient would get, warns of those that look like identifiers,
    and asks. With --yes it does not ask, but a column with a warning then goes only if --keep names it.

    Tell the recipient the number of rows and the SHA-256 that are printed, by another way than the file itself:
    that is how a file that was cut or changed is noticed.

    Example: counterfoil results 3f0c... --broker https://broker.example --file sen2.csv --columns sen2.toml
    --attributes for-recipient.csv --keep primaryneed --keep ehcplan
    """
    desk = Desk.open(folder, passphrase_file, passphrase_fd)
    require_rows(desk.agreement)
    written = output or desk.workspace.results
    plan, found = None, {}
    if attributes is not None:
        if file is None:
            raise InputError("The attributes come from a file.", remedy="Give --file and --columns too.")
        format_of(attributes)
        refuse_overwriting(attributes, file, *([columns] if columns else []), written)
        layout = Layout(encoding, delimiter, sheet)
        named = load_columns(columns) if columns else columns_for(file, None, layout=layout, yes=yes)
        plan = plan_attributes(
            file,
            row_id=named.id or "",
            identifiers=headers_of(named),
            keep=keep or (),
            drop=drop or (),
            traits=_traits(desk, file, named, trait, layout) if trait else None,
            layout=layout,
            tell=say,
        )
        found = doubts(plan.sheet, plan.handed)
        _show(plan, found)
        _decide(attributes, found, yes=yes, named=keep or ())
    elif file or columns or keep or drop or trait:
        raise InputError(
            "--file, --columns, --keep, --drop and --trait say what goes into an attribute file.",
            remedy="Give --attributes too, or none of them.",
        )
    if file is not None:
        refuse_overwriting(written, file)
    with desk.door(broker) as opened:
        sealed = fetch_release(opened, run, patience=patience())
    released = open_release(sealed, workspace=desk.workspace, agreement=desk.agreement, identity=desk.identity)
    if released.run != run:
        raise InputError("The broker sent the release of another run.", remedy="Ask the broker's operator.")
    write_results(written, released)
    handed = write_attributes(plan, attributes, results=released) if plan and attributes else None
    _tell(run, written, len(released.row_ids), plan, handed, found, json_=json_)


def _traits(
    desk: Desk, file: Path, columns: Columns, choices: list[TraitChoice], layout: Layout | None
) -> TraitColumns:
    today = date.today()  # noqa: DTZ011 - births are local dates
    return make_traits(file, columns, choices, rules=desk.agreement.terms.normalisation, today=today, layout=layout)


def _show(plan: Plan, found: Doubts) -> None:
    """Headers only, never a value."""
    say = sys.stderr.write
    say(f"Columns of {plan.sheet.path}\n")
    for title, headers in (
        ("stay, declared", plan.declared),
        ("stay, left out", plan.left_out),
        ("handed over", plan.handed),
    ):
        say(f"  {title}: {', '.join(map(repr, headers)) or 'none'}\n")
    for header in plan.traits.columns if plan.traits else ():
        say(f"  added: {header!r}, one of: {', '.join(KINDS[header].labels)}\n")
    if found:
        say("WARNING: these columns would be handed over and may identify children:\n")
        for header, reasons in found.items():
            say(f"  {header!r}: {'; '.join(reasons)}\n")
        say("Leave a column out with --drop, or name all that are to go with --keep.\n")


def _decide(attributes: Path, found: Doubts, *, yes: bool, named: list[str] | tuple[str, ...]) -> None:
    doubtful = [header for header in found if header not in named]
    if not yes:
        ask(f"Hand these columns over in {attributes}?")
    elif doubtful:
        raise InputError(
            f"Nobody has looked at columns that may identify children: {', '.join(map(repr, doubtful))}.",
            remedy="Name the columns to hand over with --keep, leave these out with --drop, or go without --yes.",
        )


def _tell(
    run: str, written: Path, rows: int, plan: Plan | None, handed: Handed | None, found: Doubts, *, json_: bool
) -> None:
    if json_:
        facts: dict[str, object] = {"run": run, "output": str(written), "rows": rows}
        if plan and handed:
            facts["attributes"] = {
                "output": str(handed.path),
                "rows": handed.rows,
                "sha256": handed.sha256,
                "without_token": handed.without_token,
                "columns": list(plan.handed),
                "traits": list(plan.traits.columns) if plan.traits else [],
                "doubts": {header: list(reasons) for header, reasons in found.items()},
            }
        sys.stdout.write(json.dumps(facts) + "\n")
        return
    sys.stdout.write(f"{counted(rows, 'row')} in {written}\n")
    if handed:
        sys.stdout.write(f"{counted(handed.rows, 'row')} for the recipient in {handed.path}\nSHA-256 {handed.sha256}\n")
        if handed.without_token:
            left_out = counted(handed.without_token, "row of the file was", "rows of the file were")
            sys.stdout.write(f"{left_out} not in the upload, so not handed over\n")
