"""A file that is no text in its encoding: the first such cell is named, and what would read it is only advised."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from encoder.errors import InputError
from encoder.table import Record
from encoder.text_file import SAVE_AS_UTF8, SHOWN, Encoding

_STRAY = re.compile("[\udc00-\udcff]")
_OTHER = re.compile("[^\x00-\x7f\udc00-\udcff]")
_APOSTROPHE = "\N{RIGHT SINGLE QUOTATION MARK}"
_SIGNS = frozenset(bytes([0x80, 0x91, 0x93, 0x94, 0x96, 0x97, 0xA3]).decode("cp1252"))  # euro, quotes, dashes, pound


@dataclass(repr=False)
class _Survey:
    """The first cell that is not text, and what the whole file shows of its bytes."""

    row: int = 0
    place: int = -1
    nul: bool = False
    other: bool = False
    """Some cell is beyond ASCII and yet text."""
    fitting: int = 0
    odd: int = 0

    def look(self, row: int, place: int, cell: str) -> None:
        if self.place < 0 and ("\0" in cell or _STRAY.search(cell)):
            self.row, self.place, self.nul = row, place, "\0" in cell
        self.other = self.other or _OTHER.search(cell) is not None
        verdicts = fits_windows_1252(cell)
        self.fitting += verdicts.count(True)
        self.odd += verdicts.count(False)

    def judge(self, encoding: Encoding, *, advise: bool) -> tuple[str, str]:
        """What it is, and what to do."""
        if self.nul:
            return "The cell holds a NUL byte.", "Export the file again as plain text."
        if encoding is not Encoding.UTF_8:
            return f"The cell is not in {SHOWN[encoding]}.", "Find out which encoding the export was made in."
        if self.other:
            what = "The cell is not in UTF-8, but others are: the file is made of parts in two encodings."
            return what, f"Save each part as UTF-8 before they are put together. {SAVE_AS_UTF8}"
        if self.odd * 10 > self.fitting or not self.fitting:
            return "The cell is not in UTF-8, and would be no words in Windows-1252 either.", SAVE_AS_UTF8
        option = "If an older Windows program made the file, say --encoding windows-1252. If not: " if advise else ""
        return "The cell is not in UTF-8, but would be words in Windows-1252.", option + SAVE_AS_UTF8


def refuse_misread(
    records: Iterable[Record], path: Path, *, encoding: Encoding, known: Collection[str], advise: bool
) -> NoReturn:
    """Raise ``InputError`` for a file with a NUL byte, or with bytes that are no text in the encoding.

    ``records``: the header first, every stray byte as the lone surrogate that ``open_text`` makes of it when
    lenient. Windows-1252 is advised only if nearly all stray bytes of the file make words in it, and no cell is
    beyond ASCII and yet in UTF-8; its option is named if told to ``advise`` it.
    """
    survey = _Survey()
    header: list[str] = []
    try:
        for number, cells in records:
            header = header or list(cells)
            for place, cell in enumerate(cells):
                if not cell.isascii() or "\0" in cell:
                    survey.look(number, place, cell)
    except InputError:  # a fault further down must not hide this one
        if survey.place < 0:
            raise
    if survey.place < 0:
        raise InputError("The file changed while it was read.", where=str(path), remedy="Try again.")
    what, remedy = survey.judge(encoding, advise=advise)
    name = header[survey.place]
    column = repr(name) if name in known else survey.place + 1
    raise InputError(what, where=f"{path}, row {survey.row}, column {column}", remedy=remedy)


def fits_windows_1252(cell: str) -> list[bool]:
    """For each stray byte: whether it makes a word or a usual sign there, read as Windows-1252."""
    text = _STRAY.sub(lambda found: bytes([ord(found.group()) - 0xDC00]).decode("cp1252", "replace"), cell)
    return [_fits(text, found.start()) for found in _STRAY.finditer(cell)]


def _fits(text: str, place: int) -> bool:
    """A letter beside a letter, no capital within a word of small ones; an apostrophe; a sign not between letters."""
    sign, before, after = text[place], text[max(place - 1, 0) : place], text[place + 1 : place + 2]
    if sign.isupper() and (before.islower() or (before.isupper() and after.islower())):
        return False
    if sign.isupper() or sign.islower():
        return before.isalpha() or after.isalpha()
    return sign == _APOSTROPHE or (sign in _SIGNS and not (before.isalpha() and after.isalpha()))
