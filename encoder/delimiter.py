"""Which sign parts the cells of a text file: shown by its first rows beyond doubt, or refused.

1. A sign that parts nothing in the header is out of the question. If none is left, the file has one column.
2. If one is left, it is that one, even if rows are ragged: they are faults of the file and named as such.
3. If several are left, only one of them may part every one of the first rows into as many cells as the header.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from encoder.errors import InputError
from encoder.table import Delimiter


def detect(lines: Sequence[str], path: Path, *, whole: bool, advise: bool) -> Delimiter:
    """The delimiter of a file that begins with these lines; ``whole`` if it has no others.

    Raises ``InputError`` if it is in doubt, and names the option ``--delimiter`` if told to ``advise`` it.
    """
    tried = {one: _part(lines, one, whole=whole) for one in Delimiter}
    left = [one for one, (width, _) in tried.items() if width > 1]  # 1
    if len(left) > 1:
        left = [one for one in left if tried[one][1]] or left  # 3
    if len(left) > 1:
        ways = " or ".join(f"by {one} into {tried[one][0]}" for one in left)
        raise InputError(
            f"The header could be parted {ways} cells, and the first rows do not show which is right.",
            where=str(path),
            remedy=f"Say which, as in --delimiter {left[0]}."
            if advise
            else "Put cells that hold one of these signs in quotation marks.",
        )
    return left[0] if left else Delimiter.COMMA


def _part(lines: Sequence[str], delimiter: Delimiter, *, whole: bool) -> tuple[int, bool]:
    """How many cells the header has by this delimiter (0 if its quotes do not fit), and whether all rows have."""
    width, even = 0, True
    rows = csv.reader(lines, delimiter=delimiter.sign, strict=True)
    try:
        for cells in rows:
            if any(map(str.strip, cells)):
                width = width or len(cells)
                even = even and len(cells) == width
    except csv.Error:
        even = even and not whole and rows.line_num == len(lines)  # a row that goes on after these lines
    return width, even
