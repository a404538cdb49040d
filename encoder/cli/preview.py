"""What ``counterfoil encode`` shows before it writes anything, and how it says what it wrote."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from encoder.exclusions import ListUse
from encoder.findings import Kind
from encoder.inventory import Inventory
from encoder.normalise import Normalised
from encoder.swapped import COLUMNS_SWAPPED, columns_swapped
from encoder.wording import counted

ROWS = 5
_WIDEST = 18


def damage(normalised: Normalised) -> list[str]:
    """The damage in the file by counts and row numbers, never a value."""
    lines = []
    for one in normalised.findings:
        if one.kind in (Kind.INVALID, Kind.NOTED):
            rows = f"{one.rows:,} rows, first in row {one.first_row}" if one.rows > 1 else f"row {one.first_row}"
            lines.append(f"{one.field}: {one.reason} ({rows})")
    if columns_swapped(normalised.identifiers):
        lines.append(f"WARNING: {COLUMNS_SWAPPED} If it is so, correct the columns file.")
    return lines


def lists(used: Sequence[ListUse]) -> list[str]:
    """What became of each exclusion list, never an id."""
    lines = []
    for one in used:
        line = f"{one.path}: {counted(one.ids, 'id')}, {one.found:,} of them in the file"
        if one.first_unknown is not None:
            unknown = one.ids - one.found
            line += (
                f".\n  WARNING: {counted(unknown, 'id is', 'ids are')} of no row, first in row {one.first_unknown} of "
                "the list. If that is a slip, a child who must not be linked will be"
            )
        lines.append(f"{line}.")
    return lines


def inventory(found: Inventory, *, upload: Path, rejected: Path) -> list[str]:
    """What there is, what will leave, what will not, and what will be written."""
    controls = found.control_rows
    leaving = counted(found.rows + controls, "row")
    width = max(map(len, (*found.fields, *found.match_keys)), default=0)
    lines = [f"Rows {found.rows:,}"]
    if found.excluded:
        lines.append(
            f"  {found.excluded:,} excluded by list: uploaded without any encoding, with a token like any other"
        )
    if found.rejected:
        lines.append(f"  {found.rejected:,} with no identifier that can link: uploaded without any encoding, too")
    if controls:
        lines.append(f"Control rows {controls:,}: made up, uploaded among these, in no count and no result of yours")
    lines.append(f"Identifiers{'':{max(width - 9, 1)}}    given  missing  placeholder  invalid")
    lines += [
        f"  {name:<{width}}  {one.given:>9,}{one.missing:>9,}{one.placeholder:>13,}{one.invalid:>9,}"
        for name, one in found.fields.items()
    ]
    lines.append(f"Match-keys {'':{max(width - 9, 1)}} rows with an encoding")
    lines += [f"  {name:<{width}}  {rows:>9,}" for name, rows in found.match_keys.items()]
    lines += [
        f"What leaves, with `counterfoil upload` and not before: {upload}",
        f"  {leaving} in random order: a random handle and an encoding for each match-key, or none",
        f"  {found.bytes:,} bytes, padded and sealed to the broker; the SHA-256 is shown once the file is written",
        "What does not leave: identifiers, row ids, their order, the file, the lists",
        f"What is written beside it: the table of handles, sealed to yourself, and {rejected}",
    ]
    return lines


def rows_as_compared(normalised: Normalised) -> list[str]:
    """The first rows as they are compared: for the eyes of the person at the terminal, and for nothing else."""
    left_out = {one.index for one in normalised.rejections}
    places = (place for place in np.flatnonzero(~normalised.excluded).tolist() if place not in left_out)
    chosen = [place for _, place in zip(range(ROWS), places, strict=False)]
    fields = list(normalised.judged)
    table = [["row", *fields]]
    for place in chosen:
        columns = (normalised.identifiers.columns[field] for field in fields)
        cells = (column.values[column.codes[place]] for column in columns)
        table.append([str(normalised.rows[place]), *(_shown(cell) for cell in cells)])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "As they are compared, on this screen only:",
        *(
            "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in table
        ),
    ]


def _shown(cell: str) -> str:
    printable = "".join(letter if letter.isprintable() else "?" for letter in cell)
    return (printable if len(printable) <= _WIDEST else f"{printable[: _WIDEST - 3]}...") or "-"


def screen() -> bool:
    """Whether what is written to stderr is seen on a terminal and stays there."""
    return sys.stderr is not None and sys.stderr.isatty()
