"""The command ``counterfoil profile``: whether a file is fit to link, and what to ask of whoever made it."""

import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from encoder.agreed import restrict
from encoder.beside import Beside
from encoder.cli.columns import columns_for
from encoder.cli.desk import Json, Yes
from encoder.cli.encode import ColumnsFile, File
from encoder.cli.files import read_terms_or_agreement
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
from encoder.cli.version import version_of
from encoder.columns import Columns
from encoder.errors import InputError, ValueRefused
from encoder.quality import Promise, Quality, measure
from encoder.read import Batch, read_rows
from encoder.report import About, in_words, report_json, report_paths, write_report
from encoder.table import Layout
from encoder.verdicts import verdicts
from keys.template import default_rules
from keys.terms import Normalisation

Terms = Annotated[
    Path | None,
    typer.Option("--agreement", help="Agreement, or its draft: also count the rows with an encoding per match-key."),
]
Holder = Annotated[str | None, typer.Option(help="Whose file it is, by the name in the agreement.")]
Out = Annotated[
    Path | None,
    typer.Option(help="Page to write; the figures go beside it as .json. Else FILE-profile.html in this folder."),
]


def profile(
    file: File,
    columns: ColumnsFile = None,
    agreement: Terms = None,
    holder: Holder = None,
    out: Out = None,
    encoding: EncodingOption = None,
    delimiter: DelimiterOption = None,
    sheet: SheetOption = None,
    with_: WithOption = None,
    with_encoding: WithEncodingOption = None,
    with_delimiter: WithDelimiterOption = None,
    with_sheet: WithSheetOption = None,
    yes: Yes = False,
    json_: Json = False,
) -> None:
    """Say whether a file is fit to link, and what to ask for: a page with figures and charts, and what to do first.

    Needs no network, no identity and no secret. Names are normalised as the agreement says; without one, names in other
    scripts are written in Latin letters, and forms of one forename as one. Nothing in the page identifies a child, but
    its counts are exact: it is for the owner of the file.

    Example: counterfoil profile sen2.csv --columns sen2.toml --out report.html
    """
    page, _ = report_paths(out or Path(f"{file.stem}-profile.html"))
    layout = Layout(encoding, delimiter, sheet)
    beside = second_file(with_, with_encoding, with_delimiter, with_sheet)
    named = columns_for(file, columns, beside=beside, layout=layout, yes=yes)
    rules, promise = _agreed(agreement, holder, named, columns or file)
    today = date.today()  # noqa: DTZ011 - births are local dates
    quality = _measure(file, named, beside, layout, today, rules, promise)
    about = About(file.name, today.isoformat(), f"counterfoil {version_of('counterfoil')}")
    written = write_report(quality, about, page)
    sys.stdout.write(report_json(quality, about) if json_ else in_words(verdicts(quality)))
    say(f"Written: {written[0]} and {written[1]}. Counts are exact: keep them among those who may see the file.")


def _measure(
    file: Path,
    columns: Columns,
    beside: Beside | None,
    layout: Layout,
    today: date,
    rules: Normalisation,
    promise: Promise | None,
) -> Quality:
    told = False

    def read(used: Columns) -> Iterator[Batch]:
        nonlocal told
        tell, told = (None if told else say), True  # a second reading says nothing new
        second = beside if used.other else None
        return read_rows(file, used, beside=second, layout=layout, progress=count, tell=tell)

    def refused(error: ValueRefused) -> None:
        say(f"{error.where}: {error.what}\nThe report is made without dates of birth.")

    with shown("Reading and measuring") as count:
        return measure(read, columns, rules=rules, today=today, promise=promise, refused=refused)


def _agreed(
    agreement: Path | None, holder: str | None, columns: Columns, where: Path
) -> tuple[Normalisation, Promise | None]:
    """How to normalise, and what the file must hold; without an agreement as in the template, and nothing."""
    if (agreement is None) != (holder is None):
        raise InputError(
            "--agreement and --holder belong together.",
            remedy="Give the agreement and the name that this file's holder has in it, or neither.",
        )
    if agreement is None or holder is None:
        return default_rules(), None
    terms = read_terms_or_agreement(agreement)
    restrict(columns, terms.holder(holder), where)  # refuses columns that lack an identifier
    return terms.normalisation, Promise(holder, terms.keys_of(holder), terms.minimum_rows)
