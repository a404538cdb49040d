"""``counterfoil-broker match``, two files of plain CLKs compared by either engine, and ``evaluate``, links judged where
the truth is known."""

import hashlib
import json
import sys
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.files import read_terms_or_agreement
from encoder.cli.progress import shown
from encoder.cli.version import version_of
from encoder.errors import InputError, OutputError
from encoder.page import percent
from encoder.report import report_paths
from encoder.wording import counted
from keys.files import whole_file
from keys.template import default_rules
from matcher.measures import check_floor
from services.assurance.evaluate import evaluate as figures_of
from services.assurance.match import Engine, lines, links_of, pairs_of
from services.assurance.plain_clks import read_clks
from services.assurance.quality_page import About, quality_json, write_quality
from services.rehearsal.given import ColumnFiles, Holders, holder_files

MEBIBYTE = 1 << 20
FEWEST = 8
"""Rows and true links of a group, where no agreement says how many."""


def match(
    file_a: Annotated[Path, typer.Argument(metavar="A.json", help="One holder's plain CLKs.")],
    file_b: Annotated[Path, typer.Argument(metavar="B.json", help="The other holder's.")],
    floor: Annotated[float, typer.Option(help="Lowest Dice similarity of a pair, above 0 and up to 1.")],
    output: Annotated[Path, typer.Option(help="The CSV file to write: row_a,row_b,similarity.")],
    engine: Annotated[Engine, typer.Option(help="Which software compares and links.")] = Engine.COUNTERFOIL,
    links: Annotated[
        bool, typer.Option("--links", help="Write links, every row at most once, and not all pairs.")
    ] = False,
    memory_mb: Annotated[int, typer.Option("--memory-mb", min=1, help="Memory for pairs, in MiB.")] = 1024,
    force: Annotated[bool, typer.Option("--force", help="Replace the output file if it exists.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")] = False,
) -> None:
    """Match two files of plain CLKs, with our software or with anonlink: both write the same bytes.

    Rows are counted from 0, in the order of each file. Pairs that anonlink's compiled search loses on the floor
    are found by its plain-Python search.

    Example: counterfoil-broker match a.json b.json --floor 0.8 --engine anonlink --output theirs.csv
    """
    check_floor(floor)
    if output.resolve() in {file_a.resolve(), file_b.resolve()}:
        raise OutputError(
            "The output file is one of the inputs.", where=str(output), remedy="Choose another name for the output."
        )
    if output.exists() and not force:
        raise OutputError(
            "The output file exists already.", where=str(output), remedy="Choose another name, or say --force."
        )
    a, b = read_clks(file_a), read_clks(file_b)
    if a.length != b.length:
        raise InputError(
            f"The CLKs have {b.length:,} bits, but those of {file_a} have {a.length:,}.",
            where=str(file_b),
            remedy="Make both files by the same schema.",
        )
    sha256 = hashlib.sha256()
    with whole_file(output, replace=force, private=True) as stream:
        with shown(f"comparing with {engine.value}") as meter:
            pairs = pairs_of(a, b, floor, engine, budget=memory_mb * MEBIBYTE, progress=meter)
        written = links_of(pairs, engine) if links else pairs
        for block in lines(written):
            stream.write(block)
            sha256.update(block)
    if json_:
        report = {
            "rows": {"a": a.rows, "b": b.rows},
            "bits": a.length,
            "floor": floor,
            "engine": engine.value,
            "engine_version": engine.version,
            "pairs": len(pairs),
            "links": len(written) if links else None,
            "output": str(output),
            "sha256": sha256.hexdigest(),
        }
        sys.stdout.write(json.dumps(report) + "\n")
        return
    found = counted(len(written), "link") if links else counted(len(pairs), "pair")
    typer.echo(
        f"{found} of {a.rows:,} by {b.rows:,} rows, floor {floor}, by {engine.value} {engine.version}: {output}\n"
        f"SHA-256 {sha256.hexdigest()}"
    )


def evaluate(
    holder: Holders,
    columns: ColumnFiles,
    truth: Annotated[Path, typer.Option(help="CSV with id_a,id_b: which rows belong together.")],
    out: Annotated[Path, typer.Option(help="Page to write; the figures go beside it as .json.")],
    rehearsal: Annotated[Path | None, typer.Option(help="Folder that a rehearsal was kept in.")] = None,
    links: Annotated[Path | None, typer.Option(help="Instead: CSV with id_a,id_b of the rows that are linked.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the figures on stdout and nothing else.")] = False,
) -> None:
    """Say how good a linkage is where the truth is known: missed and false links, and which children they are about.

    Give the holders in the order of id_a and id_b. A group of fewer than 8 rows or true links, or what the agreement
    of the rehearsal says, is not broken down. Nothing in the page identifies a child, but its counts are exact.

    Example: counterfoil-broker evaluate --rehearsal rehearsal --truth truth.csv --holder council=sen2.csv
    --columns council=sen2.toml --holder icb=csds.csv --columns icb=csds.toml --out quality.html
    """
    report_paths(out)
    files = holder_files(holder, columns)
    if len(files) != 2:
        raise InputError("Links and truth are of two holders.", remedy="Give --holder and --columns twice.")
    if rehearsal is not None and links is None:
        terms = read_terms_or_agreement(rehearsal / "agreement.json")
        links, rules, below = rehearsal / "links.csv", terms.normalisation, terms.suppression.below
    elif links is not None and rehearsal is None:
        rules, below = default_rules(), FEWEST
    else:
        raise InputError("--rehearsal and --links are two ways to say what is linked.", remedy="Give one of them.")
    today = date.today()  # noqa: DTZ011 - births are local dates
    quality = figures_of(files, links, truth, rules=rules, today=today, below=below)
    about = About(today.isoformat(), f"counterfoil {version_of('counterfoil')}")
    page, figures = write_quality(quality, about, out)
    if json_:
        sys.stdout.write(quality_json(quality, about))
        return
    precision, recall = (percent(one.value) if one else "-" for one in (quality.precision, quality.recall))
    typer.echo(
        f"{counted(quality.links, 'link')}, {counted(quality.true_links, 'true link')}: precision {precision}, recall "
        f"{recall}, {counted(quality.missed, 'missed link')}, {counted(quality.false, 'false link')}\n"
        f"Written: {page} and {figures}. Counts are exact: keep them among those who may see the files."
    )
