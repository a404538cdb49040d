"""Real frequencies of names, from a folder that is given: births by forename, and how common surnames are.

The product holds no such list. The form is that of the statistics of the Office for National Statistics.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from encoder.errors import InputError
from services.rehearsal.names import plain

FORENAMES = "forenames_england_wales_2000_2024.csv"
SURNAMES = "uk_surnames_ons.csv"


@dataclass(frozen=True, eq=False, repr=False)
class NameLists:
    """How often each name is given or borne, by name; the unit is any, one for each list."""

    girls: Mapping[str, float]
    boys: Mapping[str, float]
    surnames: Mapping[str, float]


def read_name_lists(folder: Path) -> NameLists:
    """Read ``FORENAMES`` (``sex,name,n``; sex F or M) and ``SURNAMES`` (``surname,freq``) of a folder.

    Names that are not single words of Latin letters are left out. Raises ``InputError``, which names file and line.
    """
    forenames = _rows(folder / FORENAMES, ("sex", "name", "n"))
    surnames = _rows(folder / SURNAMES, ("surname", "freq"))
    girls, boys = (
        {plain(name): often for (sex, name), often in forenames if sex == letter and plain(name)} for letter in "FM"
    )
    families = {plain(name.title()): often for (name,), often in surnames if plain(name.title())}
    for names, of, path in ((girls, "girls", FORENAMES), (boys, "boys", FORENAMES), (families, "families", SURNAMES)):
        if not names:
            raise InputError(
                f"There are no names of {of}.", where=str(folder / path), remedy="Give single words in Latin letters."
            )
    return NameLists(girls, boys, families)


def _rows(path: Path, header: tuple[str, ...]) -> list[tuple[list[str], float]]:
    """The rows of a list: its texts, and the number in the last column."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error):
        raise InputError(
            "The list of names cannot be read.",
            where=str(path),
            remedy=f"Give a folder with {FORENAMES} and {SURNAMES}.",
        ) from None
    if not rows or tuple(rows[0]) != header or len(rows) == 1:
        raise InputError(
            "This is no list of names.", where=str(path), remedy=f"Its header is {','.join(header)}, and rows follow."
        )
    return [_row(row, f"{path}, line {line}", len(header)) for line, row in enumerate(rows[1:], start=2)]


def _row(row: list[str], where: str, columns: int) -> tuple[list[str], float]:
    try:
        *texts, number = row
        often = float(number)
        if len(row) != columns or not 0 < often < float("inf"):
            raise ValueError
    except ValueError:
        raise InputError(
            f"The line has no {columns} values of which the last is a number above 0.",
            where=where,
            remedy="Correct the line, or take it out.",
        ) from None
    return texts, often
