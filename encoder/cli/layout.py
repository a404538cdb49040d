"""What a person may say of a file that a command reads, where the file itself leaves it open."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from encoder.beside import Beside
from encoder.errors import InputError
from encoder.table import Delimiter, Layout
from encoder.text_file import Encoding

EncodingOption = Annotated[
    Encoding | None,
    typer.Option("--encoding", help="Encoding of a text file that is not in UTF-8; never guessed."),
]
DelimiterOption = Annotated[
    Delimiter | None,
    typer.Option("--delimiter", help="What parts the cells of a text file; else as its first rows show."),
]
SheetOption = Annotated[
    str | None, typer.Option("--sheet", help="Sheet of an Excel workbook; else the only visible one.")
]
WithOption = Annotated[
    Path | None, typer.Option("--with", help="Second file, for what the columns file names under [other].")
]
WithEncodingOption = Annotated[Encoding | None, typer.Option("--with-encoding", help="--encoding of the second file.")]
WithDelimiterOption = Annotated[
    Delimiter | None, typer.Option("--with-delimiter", help="--delimiter of the second file.")
]
WithSheetOption = Annotated[str | None, typer.Option("--with-sheet", help="--sheet of the second file.")]

_PLAIN = re.compile(r"[\w./\\:~+-]+")


def second_file(
    path: Path | None, encoding: Encoding | None, delimiter: Delimiter | None, sheet: str | None
) -> Beside | None:
    """What ``--with`` and its options say. Raises ``InputError`` for options without a file."""
    if path is not None:
        return Beside(path, Layout(encoding, delimiter, sheet))
    if (encoding, delimiter, sheet) != (None, None, None):
        raise InputError(
            "--with-encoding, --with-delimiter and --with-sheet are about a second file.",
            remedy="Give it with --with, or leave them out.",
        )
    return None


def as_typed(command: str, *words: str | Path, beside: Beside | None = None, layout: Layout | None = None) -> str:
    """A command on a file as a person types it, with what was said of the file and of the one beside it. Words with
    more than plain letters are in the quotation marks that every shell takes."""
    options = [*_options("--", layout)]
    if beside is not None:
        options += ["--with", str(beside.path), *_options("--with-", beside.layout)]
    quoted = (word if _PLAIN.fullmatch(word) else f'"{word}"' for word in (*map(str, words), *options))
    return " ".join([command, *quoted])


def _options(prefix: str, layout: Layout | None) -> Iterator[str]:
    if layout is not None:
        for name, value in (("encoding", layout.encoding), ("delimiter", layout.delimiter), ("sheet", layout.sheet)):
            if value is not None:
                yield from (f"{prefix}{name}", str(value))


def say(sentence: str) -> None:
    """Tell a person, on stderr, what is going on: what a file is read as, what is odd in it, what is waited for."""
    sys.stderr.write(f"{sentence}\n")
