"""Any file of rows as a table: its content says what it is, never its name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from encoder.delimited import open_delimited
from encoder.errors import InputError
from encoder.parquet import open_parquet
from encoder.table import Layout, Table, Tell
from encoder.text_file import open_bytes
from encoder.workbook import open_workbook

WORKBOOK = "an Excel workbook"
PARQUET = "Parquet"
TEXT = "text"
_SIGNATURES = {b"PAR1": PARQUET, b"PARE": PARQUET, b"PK\x03\x04": WORKBOOK, b"PK\x05\x06": WORKBOOK}
_OPTIONS = {TEXT: ("encoding", "delimiter"), WORKBOOK: ("sheet",), PARQUET: ()}


def format_of_content(path: Path) -> str:
    """``TEXT``, ``WORKBOOK`` (or another ZIP archive) or ``PARQUET``. Raises ``InputError`` if it cannot be opened."""
    with open_bytes(path) as raw:
        return _SIGNATURES.get(raw.read(4), TEXT)


@contextmanager
def open_table(
    path: Path, *, layout: Layout | None = None, known: Collection[str] = (), tell: Tell | None = None
) -> Iterator[Table]:
    """Open a CSV file, an Excel workbook or Parquet.

    ``layout``: what a person said of the file by options; errors then advise them. ``None``: there are no such
    options. ``known``: headers that messages may show. ``tell`` is given what the file was read as, and what is odd
    in it. Raises ``InputError`` for all that the format's own door refuses, and for options that are not its own.
    """
    kind = format_of_content(path)
    for option in ("encoding", "delimiter", "sheet"):
        if layout is not None and getattr(layout, option) is not None and option not in _OPTIONS[kind]:
            raise InputError(
                f"The file is {kind}, of which --{option} says nothing.",
                where=str(path),
                remedy=f"Leave --{option} out.",
            )
    if kind == PARQUET:
        with open_parquet(path, tell=tell) as table:
            yield table
    elif kind == WORKBOOK:
        with open_workbook(path, layout=layout, tell=tell) as table:
            yield table
    else:
        with open_delimited(path, layout=layout, known=known, tell=tell) as table:
            yield table
