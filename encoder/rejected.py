"""The list of rows and values that were left out, for whoever can mend them in the system that they come from.

It stays with the holder: it names rows, with their ids, and says what is wrong; it holds no identifier's value. Rows of
an exclusion list are not in it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

from encoder.errors import OutputError
from encoder.findings import Kind
from encoder.normalise import Normalised
from keys.files import OutputRefused, reason

HEADER = ("row", "row_id", "field", "reason", "effect")
ROW_LEFT_OUT = "row cannot link"
VALUE_LEFT_OUT = "value left out"

_FORMULA = re.compile("[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")  # the last four are the same signs in full width
_NUMBER = re.compile(r"-[0-9]+(\.[0-9]+)?")
_FIRST_LINE = (",".join(HEADER) + "\r\n").encode()


def write_rejected(stream: BinaryIO, normalised: Normalised) -> int:
    """CSV with a line for each row that cannot link and for each value that cannot be right, in the order of the file.

    A row that cannot link has a line without a field, and one for each value of it that cannot be right. Returns the
    number of lines below the header.
    """
    text = io.TextIOWrapper(stream, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(HEADER)
    lines = 0
    for place, field, why, effect in sorted(_lines(normalised)):
        writer.writerow((int(normalised.rows[place]), _harmless(normalised.ids[place].as_py()), field, why, effect))
        lines += 1
    text.detach()
    return lines


def refuse_other(path: Path, *taken: Path) -> None:
    """Raise unless ``path`` is free, or holds an older list that may be replaced, and is none of ``taken``: files that
    are written, or will be, at the same time.

    A list that a spreadsheet program keeps open cannot be replaced on Windows; that is found out here, before
    anything else is done. Raises ``OutputError`` and ``OutputRefused``.
    """
    if path.resolve() in {one.resolve() for one in taken}:
        raise OutputError(
            "This is the name of another file that is written.",
            where=str(path),
            remedy="Choose another name with --rejected.",
        )
    try:
        with path.open("r+b") as stream:
            ours = stream.read(len(_FIRST_LINE)) == _FIRST_LINE
    except FileNotFoundError:
        return
    except OSError as error:
        why, remedy = reason(error)
        raise OutputRefused(f"The file cannot be replaced: {why}.", where=str(path), remedy=remedy) from None
    if not ours:
        raise OutputError(
            "This file exists already, and is no list of rejected rows.",
            where=str(path),
            remedy="Choose another name with --rejected, or move the file away.",
        )


def _lines(normalised: Normalised) -> Iterator[tuple[int, str, str, str]]:
    for one in normalised.rejections:
        yield one.index, "", one.reason, ROW_LEFT_OUT
    for field, judged in normalised.judged.items():
        for code, (kind, why) in enumerate(judged.verdicts):
            if kind is Kind.INVALID:
                for place in np.flatnonzero(judged.codes == code).tolist():
                    yield place, field, why, VALUE_LEFT_OUT


def _harmless(row_id: str) -> str:
    """The id so that no spreadsheet program takes it for a formula: those get an apostrophe in front."""
    return f"'{row_id}" if _FORMULA.match(row_id) and not _NUMBER.fullmatch(row_id) else row_id
