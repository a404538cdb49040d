"""Cells that hold no value, whatever their field: empty, a word for empty, or the error of a spreadsheet's formula."""

from __future__ import annotations

import re

from encoder.findings import EMPTY, Reading, invalid, placeholder

NULLS = frozenset({"NULL", "N/A", "n/a", "#N/A", "\\N"})

SPREADSHEET_ERROR = r"(?i)^(#(N/A|GETTING_DATA|[A-Z][A-Z0-9/_]*[!?])|##+|Err:[0-9]{3})$"
"""``#REF!``, ``#NAME?``, ``#DIV/0!`` and their like, a column of signs that was too narrow, LibreOffice's ``Err:508``.
Understood by ``re`` and by RE2."""
_ERROR = re.compile(SPREADSHEET_ERROR, re.ASCII)


def blank(text: str) -> Reading | None:
    """Why a cell holds no value; ``None`` if it may hold one."""
    if not text or text.isspace():
        return EMPTY
    if text in NULLS:
        return placeholder("a word for empty")
    if _ERROR.fullmatch(text.strip()):
        return invalid("an error of a spreadsheet, as in #REF!")
    return None
