"""A holder's file as text: in the encoding that it shows or that a person says, or refused with the way out."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from encoder.errors import InputError

SAVE_AS_UTF8 = 'Save it again as UTF-8: in Excel, Save As, "CSV UTF-8 (Comma delimited)".'

# Signatures that show, before any row is read, that this is no text. Two formats of UTF-32 start like UTF-16.
_SIGNATURES = (
    (b"\x00\x00\xfe\xff", "The file is in UTF-32, not UTF-8.", SAVE_AS_UTF8),
    (b"\xff\xfe\x00\x00", "The file is in UTF-32, not UTF-8.", SAVE_AS_UTF8),
    (b"PK\x03\x04", "The file is an Excel workbook or a ZIP archive, not a CSV file.", SAVE_AS_UTF8),
    (b"\xd0\xcf\x11\xe0", "The file is an Excel workbook of an old kind, or one with a password.", SAVE_AS_UTF8),
    (b"PAR1", "The file is Parquet, not CSV.", "Write it again as CSV in UTF-8."),
    (b"\x1f\x8b", "The file is compressed, not a CSV file.", "Decompress it first."),
)
_HEAD = 4096

LENIENT = "counterfoil.lenient"
"""An error handler for decoding: what is no text in the encoding becomes lone surrogates, one for each byte."""


def _stand_in(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error(LENIENT, _stand_in)


class Encoding(StrEnum):
    """Encodings of text that can be read; UTF-16 with the end first that the file shows."""

    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    WINDOWS_1252 = "windows-1252"


SHOWN = {Encoding.UTF_8: "UTF-8", Encoding.UTF_16: "UTF-16", Encoding.WINDOWS_1252: "Windows-1252"}


@dataclass(frozen=True, repr=False)
class TextFile:
    """``text``: without a byte order mark, line ends left as they are. ``raw``: the bytes under it, whose ``tell``
    shows progress."""

    text: io.TextIOWrapper
    raw: BinaryIO
    encoding: Encoding


@contextmanager
def open_text(
    path: Path, *, encoding: Encoding | None = None, advise: bool = False, lenient: bool = False
) -> Iterator[TextFile]:
    """Open ``path`` as text: in ``encoding`` if given, else UTF-16 if its mark is there, else UTF-8.

    Errors name the option ``--encoding`` if told to ``advise`` it. With ``lenient``, bytes that are no text in
    the encoding appear as lone surrogates (U+DC00 + byte) and do not raise UnicodeDecodeError in reading. Raises
    ``InputError`` for a file that is missing, a folder, unreadable, empty, plainly not text, in UTF-16 without a
    mark unless that was said, or with a mark that contradicts what was said.
    """
    with open_bytes(path) as raw:
        head = raw.read(_HEAD)
        raw.seek(0)
        found, codec = _codec(head, path, encoding, advise)
        yield TextFile(
            io.TextIOWrapper(raw, encoding=codec, errors=LENIENT if lenient else "strict", newline=""), raw, found
        )


@contextmanager
def open_utf8(path: Path, *, errors: str = "strict") -> Iterator[tuple[io.TextIOWrapper, BinaryIO]]:
    """The same for a format that is UTF-8 by definition: a file that shows another encoding is refused."""
    with open_bytes(path) as raw:
        head = raw.read(_HEAD)
        raw.seek(0)
        if _codec(head, path, None, advise=False)[0] is not Encoding.UTF_8:
            raise InputError("The file is in UTF-16, not UTF-8.", where=str(path), remedy=SAVE_AS_UTF8)
        yield io.TextIOWrapper(raw, encoding="utf-8-sig", errors=errors, newline=""), raw


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open any file to be read. Raises ``InputError`` when it is missing, a folder or unreadable."""
    if path.is_dir():
        raise InputError("This is a folder.", where=str(path), remedy="Name a file.")
    try:
        raw = path.open("rb")
    except FileNotFoundError as error:
        raise InputError("There is no such file.", where=str(path), remedy="Check the path.") from error
    except (OSError, ValueError) as error:
        raise InputError(
            "The file cannot be opened.", where=str(path), remedy="Check the path and your right to read it."
        ) from error
    with raw:
        yield raw


def _codec(head: bytes, path: Path, said: Encoding | None, advise: bool) -> tuple[Encoding, str]:
    """The encoding and Python's name for it with the order of bytes and the mark."""
    if not head.strip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"):
        raise InputError("The file is empty.", where=str(path), remedy="Check the export that made it.")
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise InputError(what, where=str(path), remedy=remedy)
    if head.startswith(codecs.BOM_UTF8):
        _refuse_contradiction(Encoding.UTF_8, said, path)
        return Encoding.UTF_8, "utf-8-sig"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        _refuse_contradiction(Encoding.UTF_16, said, path)
        return Encoding.UTF_16, "utf-16"
    order = _order_of_utf16(head)
    if said is Encoding.UTF_16:
        if order is None:
            raise InputError(
                "Nothing in the file shows that it is in UTF-16.", where=str(path), remedy="Leave --encoding out."
            )
        return said, order
    if order is not None:
        remedy = f"Say --encoding utf-16, or else: {SAVE_AS_UTF8}" if advise else SAVE_AS_UTF8
        raise InputError("The file is in UTF-16, but has no mark that says so.", where=str(path), remedy=remedy)
    return (said, "cp1252") if said is Encoding.WINDOWS_1252 else (Encoding.UTF_8, "utf-8-sig")


def _refuse_contradiction(shown: Encoding, said: Encoding | None, path: Path) -> None:
    if said not in (None, shown):
        raise InputError(
            f"The file begins with the mark of {SHOWN[shown]}, but --encoding says {said}.",
            where=str(path),
            remedy="Leave --encoding out.",
        )


def _order_of_utf16(head: bytes) -> str | None:
    """Latin text in UTF-16 has a zero in every other byte: which ones shows the order of bytes."""
    if len(head) >= 4 and not any(head[1:64:2]):
        return "utf-16-le"
    if len(head) >= 4 and not any(head[0:64:2]):
        return "utf-16-be"
    return None
