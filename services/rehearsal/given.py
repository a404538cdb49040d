"""The holders that a command is given: ``--holder NAME=FILE.csv`` and ``--columns NAME=COLUMNS.toml``."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from encoder.errors import InputError
from services.rehearsal.holder import HolderFiles

Holders = Annotated[list[str], typer.Option("--holder", help="A holder and its file, NAME=FILE.csv; once per holder.")]
ColumnFiles = Annotated[list[str], typer.Option("--columns", help="Its columns file, NAME=COLUMNS.toml.")]


def holder_files(holders: list[str], columns: list[str], *, taken: Collection[str] = ()) -> list[HolderFiles]:
    """In the order of ``holders``. Raises ``InputError`` for a name without both files, one that stands twice, or one
    of those ``taken``."""
    files, of_columns = _named(holders, "--holder"), _named(columns, "--columns")
    for name in files.keys() ^ of_columns.keys():
        raise InputError(
            f"{name} has a file or a columns file, but not both.", remedy="Give --holder and --columns for each name."
        )
    for name in files.keys() & set(taken):
        raise InputError(f"No holder may be called {name} in a rehearsal.", remedy="Give it another name.")
    return [HolderFiles(name, Path(path), Path(of_columns[name])) for name, path in files.items()]


def _named(values: list[str], option: str) -> dict[str, str]:
    named: dict[str, str] = {}
    for value in values:
        name, equals, path = value.partition("=")
        if not equals or not name or not path or name in named:
            raise InputError(
                f"{option} takes NAME=FILE, each name once.", remedy=f"Write for example {option} council=file."
            )
        named[name] = path
    return named
