"""``counterfoil clk``: plain CLKs for partners who run clkhash."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from encoder.clk import XorFolds, read_schema
from encoder.clk_file import filters_of, read_columns, refuse_invalid, write_clks
from encoder.errors import OutputError
from keys.errors import SecretError
from keys.files import whole_file

NOT_HARDENED = (
    "Plain CLKs are not hardened: whoever holds a list of the same population can find people in them, without"
    " the secret. Send them only where the agreement says so."
)


def clk(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="Rows, one column per feature of the schema.")],
    schema: Annotated[Path, typer.Option(help="Linkage schema of clkhash, version 1, 2 or 3.")],
    secret_file: Annotated[
        Path, typer.Option(help="The secret, byte for byte; one line end at the end of the file is left out.")
    ],
    output: Annotated[Path, typer.Option(help="The JSON file to write.")],
    no_header: Annotated[bool, typer.Option("--no-header", help="The first row is a row, not a header.")] = False,
    xor_folds: Annotated[
        XorFolds | None,
        typer.Option(help="Which counts if the schema says xorFolds: what clkhash does, or what the schema says."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the output file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Make plain CLKs of a CSV file, byte for byte those of clkhash.

    Values are taken as they are, but for white space around them: nothing is normalised. Every value is checked
    by the schema first; one that is not valid stops the command before anything is written.

    Example: counterfoil clk children.csv --schema schema.json --secret-file secret.txt --output clks.json
    """
    if output.exists() and not force:
        raise OutputError(
            "The output file exists already.", where=str(output), remedy="Choose another name, or say --force."
        )
    if output.resolve() in {path.resolve() for path in (file, schema, secret_file)}:
        raise OutputError(
            "The output file is one of the inputs.", where=str(output), remedy="Choose another name for the output."
        )
    linkage_schema = read_schema(schema, xor_folds=xor_folds)
    secret = read_secret(secret_file)
    with _progress() as (progress, task):
        rows, columns = read_columns(
            file,
            linkage_schema,
            header=not no_header,
            progress=lambda done, total: progress.update(task, completed=done, total=total),
        )
        progress.update(task, description="checking", completed=0, total=None)
        refuse_invalid(columns, linkage_schema, file, header=not no_header)
        progress.update(task, description="encoding", completed=0, total=rows)
        with whole_file(output, replace=force, private=True) as stream:
            blocks = filters_of(columns, rows, linkage_schema, secret=secret)
            write_clks(_counted(blocks, progress, task), stream)
    if as_json:
        typer.echo(json.dumps({"rows": rows, "bits": linkage_schema.length, "output": str(output)}))
    else:
        typer.echo(f"{rows:,} CLKs of {linkage_schema.length:,} bits are in {output}.")
    typer.echo(NOT_HARDENED, err=True)


def read_secret(path: Path) -> bytes:
    """The bytes of a secret file, without one line end (LF or CR LF) at its end.

    Raises SecretError when the file cannot be read or holds nothing else.
    """
    try:
        secret = path.read_bytes()
    except OSError as error:
        raise SecretError(
            "The secret file cannot be read.", where=str(path), remedy="Check the path and your right to read it."
        ) from error
    secret = secret.removesuffix(b"\n").removesuffix(b"\r") if secret.endswith(b"\n") else secret
    if not secret:
        raise SecretError(
            "The secret file is empty.", where=str(path), remedy="Use the secret that the partners agreed on."
        )
    return secret


@contextmanager
def _progress() -> Iterator[tuple[Progress, TaskID]]:
    """One bar on standard error, on a terminal only, gone at the end."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        yield progress, progress.add_task("reading", total=None)


def _counted(blocks: Iterator[NDArray[np.uint8]], progress: Progress, task: TaskID) -> Iterator[NDArray[np.uint8]]:
    for block in blocks:
        yield block
        progress.advance(task, len(block))
