"""What a person may say of a file that a command reads, where the file itself leaves it open."""

import sys
from typing import Annotated

import typer

from encoder.table import Delimiter
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


def say(sentence: str) -> None:
    """Show what a file is read as, and what is odd in it."""
    sys.stderr.write(f"{sentence}\n")
