"""A holder's file as text: opened as UTF-8, or refused with the reason and the way out."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from encoder.errors import InputError

SAVE_AS_UTF8 = 'Save it again as UTF-8: in Excel, Save As, "CSV UTF-8 (Comma delimited)".'

# Byte order marks and file signatures that show, before any row is read, that this is no UTF-8 text.
_SIGNATURES = (
    (b"\xff\xfe", "The file is in UTF-16, not UTF-8.", SAVE_AS_UTF8),
    (b"\xfe\xff", "The file is in UTF-16, not UTF-8.", SAVE_AS_UTF8),
    (b"\x00\x00\xfe\xff", "The file is in UTF-32, not UTF-8.", SAVE_AS_UTF8),
    (b"PK\x03\x04", "The file is an Excel workbook or a ZIP archive, not a CSV file.", SAVE_AS_UTF8),
    (b"\xd0\xcf\x11\xe0", "The file is an old Excel workbook, not a CSV file.", SAVE_AS_UTF8),
    (b"\x1f\x8b", "The file is compressed, not a CSV file.", "Decompress it first."),
)
_HEAD = 4096


@contextmanager
def open_utf8(path: Path, *, errors: str = "strict") -> Iterator[tuple[io.TextIOWrapper, BinaryIO]]:
    """Open ``path`` as UTF-8 text (a byte order mark is skipped, line ends are left as they are).

    Yields the text and the bytes under it, whose ``tell`` shows progress. Raises ``InputError`` for a file that
    is missing, a folder, unreadable, empty, or plainly not UTF-8 text.
    """
    if path.is_dir():
        raise InputError("This is a folder.", where=str(path), remedy="Name a CSV file.")
    try:
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise InputError("There is no such file.", where=str(path), remedy="Check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(
            "The file cannot be opened.", where=str(path), remedy="Check the path and your right to read it."
        ) from error
    with raw:
        _refuse_signatures(raw.read(_HEAD), path)
        raw.seek(0)
        yield io.TextIOWrapper(raw, encoding="utf-8-sig", errors=errors, newline=""), raw


def _refuse_signatures(head: bytes, path: Path) -> None:
    if not head.strip(b"\xef\xbb\xbf \t\r\n"):
        raise InputError("The file is empty.", where=str(path), remedy="Check the export that made it.")
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise InputError(what, where=str(path), remedy=remedy)
    # Latin text in UTF-16 without a byte order mark: every other byte is zero.
    if len(head) >= 4 and (not any(head[0:64:2]) or not any(head[1:64:2])):
        raise InputError("The file is in UTF-16, not UTF-8.", where=str(path), remedy=SAVE_AS_UTF8)
