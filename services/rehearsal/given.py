"""The holders that a command is given: ``--holder NAME=FILE.csv``, ``--columns NAME=COLUMNS.toml`` and ``--with``."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from encoder.beside import Beside
from encoder.errors import InputError
from services.rehearsal.holder import HolderFiles

HOLDER = typer.Option("--holder", help="A holder and its file, NAME=FILE.csv; once per holder.")
COLUMNS = typer.Option("--columns", help="Its columns file, NAME=COLUMNS.toml.")

Holders = Annotated[list[str], HOLDER]
ColumnFiles = Annotated[list[str], COLUMNS]
SomeHolders = Annotated[list[str] | None, HOLDER]
SomeColumnFiles = Annotated[list[str] | None, COLUMNS]
SecondFiles = Annotated[
    list[str] | None,
    typer.Option("--with", help="Its second file, NAME=FILE.csv, if its columns file names one under [other]."),
]


def holder_files(
    holders: list[str], columns: list[str], seconds: list[str] | None = None, *, taken: Collection[str] = ()
) -> list[HolderFiles]:
    """In the order of ``holders``. Raises ``InputError`` for a name without both files, one that stands twice, a second
    file of a name that is no holder, or a name that is one of those ``taken``."""
    files, of_columns, beside = (
        _named(holders, "--holder"),
        _named(columns, "--columns"),
        _named(seconds or [], "--with"),
    )
    for name in files.keys() ^ of_columns.keys():
        raise InputError(
            f"{name} has a file or a columns file, but not both.", remedy="Give --holder and --columns for each name."
        )
    for name in beside.keys() - files.keys():
        raise InputError(f"{name} has a second file, but no first.", remedy="Give --holder and --columns for it too.")
    for name in files.keys() & set(taken):
        raise InputError(f"No holder may be called {name} in a rehearsal.", remedy="Give it another name.")
    return [
        HolderFiles(name, Path(path), Path(of_columns[name]), Beside(Path(beside[name])) if name in beside else None)
        for name, path in files.items()
    ]


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
