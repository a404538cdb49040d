"""``counterfoil columns``: what stands in which column; and the one way in which commands come to their columns."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from encoder.beside import Beside, refuse_unmatched
from encoder.cli.ask import ask
from encoder.cli.desk import Json
from encoder.cli.layout import (
    DelimiterOption,
    EncodingOption,
    SheetOption,
    WithDelimiterOption,
    WithEncodingOption,
    WithOption,
    WithSheetOption,
    as_typed,
    say,
    second_file,
)
from encoder.cli.proposal import facts, shown
from encoder.columns import Columns, load_columns
from encoder.columns_text import columns_text
from encoder.errors import ColumnsError, InputError
from encoder.profiles import profiles
from encoder.proposal import Certainty
from encoder.propose import propose
from encoder.table import Layout
from keys.files import refuse_existing, write_whole


def columns(
    file: Annotated[Path | None, typer.Argument(help="CSV, Excel workbook (.xlsx) or Parquet.")] = None,
    with_: WithOption = None,
    out: Annotated[Path | None, typer.Option(help="Columns file to write; refused if it exists.")] = None,
    profile: Annotated[str | None, typer.Option(help="What the file is, by a name that --profiles lists.")] = None,
    list_profiles: Annotated[bool, typer.Option("--profiles", help="List the extracts that are known.")] = False,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    with_encoding: WithEncodingOption = None,
    with_delimiter: WithDelimiterOption = None,
    with_sheet: WithSheetOption = None,
    json_: Json = False,
) -> None:
    """Propose which column of a file holds which identifier, and say how sure that is.

    Looks at the headers and the first 10,000 rows; shows no cell. With --out the proposal becomes a columns file:
    check it, then give it to `encode` with --columns.

    Example: counterfoil columns pupils.csv --with addresses.csv --out census.toml
    """
    if list_profiles:
        _list(json_=json_)
        return
    if file is None:
        raise InputError("No file was given.", remedy="Name one, or list the known extracts with --profiles.")
    if out is not None:
        refuse_existing(out, replace=False)
    beside = second_file(with_, with_encoding, with_delimiter, with_sheet)
    layout = Layout(encoding, delimiter, sheet)
    proposal = propose(
        file,
        today=date.today(),  # noqa: DTZ011 - births are local dates
        beside=beside,
        profile=profile,
        layout=layout,
        tell=say,
    )
    if out is not None:
        write_whole(out, columns_text(proposal).encode("utf-8", "backslashreplace"))
    if json_:
        sys.stdout.write(json.dumps(facts(proposal, out)) + "\n")
        return
    sys.stdout.write(shown(proposal))
    if out is None:
        sys.stdout.write("Nothing is written without --out.\n")
        return
    then = as_typed("counterfoil encode", file, "--columns", out, beside=beside, layout=layout)
    sys.stdout.write(f"Written to {out}: check it, then `{then}`.\n")


def columns_for(
    file: Path, columns: Path | None, *, beside: Beside | None = None, layout: Layout | None = None, yes: bool
) -> Columns:
    """The columns of ``file``: those of the columns file; or, without one, those that are proposed, once a person has
    confirmed them.

    ``beside``: the second file that was given. ``yes``: nobody is there to ask, so that only a proposal that is sure
    of every field is taken. Raises ``ColumnsError`` if there are none, or if they and the second file do not belong
    together.
    """
    if columns is not None:
        chosen = load_columns(columns)
        refuse_unmatched(file, chosen, beside)
        return chosen
    today = date.today()  # noqa: DTZ011 - births are local dates
    proposal = propose(file, today=today, beside=beside, layout=layout)
    sys.stderr.write(shown(proposal))
    if not yes:
        ask("Are these the right columns?")
    elif not proposal.sure:
        unsure = [one.key for one in proposal.choices if one.certainty is not Certainty.SURE]
        what = f"not sure: {', '.join(unsure)}" if unsure else "not sure which profile the file has"
        first = as_typed("counterfoil columns", file, "--out", "columns.toml", beside=beside, layout=layout)
        raise ColumnsError(
            f"No columns file was given, and what is proposed is {what}.",
            where=str(file),
            remedy=f"Run `{first}`, check what it wrote, and give it with --columns.",
        )
    refuse_unmatched(file, proposal.columns, beside)
    return proposal.columns


def _list(*, json_: bool) -> None:
    if json_:
        sys.stdout.write(json.dumps([one.model_dump() for one in profiles()]) + "\n")
        return
    for one in profiles():
        sys.stdout.write(f"{one.name}: {one.title}\n")
        for field, headers in one.fields.items():
            sys.stdout.write(f"  {field}: {' or '.join(headers)}\n")
        if one.other is not None:
            sys.stdout.write(f"  postcode: {' or '.join(one.other.postcode)}, in {one.other.title} (--with)\n")
