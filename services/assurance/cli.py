"""``counterfoil-broker match``: two files of plain CLKs, compared by either engine."""

import hashlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from encoder.cli.progress import shown
from encoder.errors import InputError, OutputError
from encoder.wording import counted
from keys.files import whole_file
from matcher.measures import check_floor
from services.assurance.match import Engine, lines, links_of, pairs_of
from services.assurance.plain_clks import read_clks

MEBIBYTE = 1 << 20


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
