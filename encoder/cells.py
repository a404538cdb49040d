"""What the cells of a file show before they are normalised: spreadsheet damage, how dates are written, empty rows.

Normalising judges values and forgets how they were written. This looks at the same batches as they pass by.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.blanks import NULLS, SPREADSHEET_ERROR
from encoder.columns import Columns
from encoder.dates import NOTHING, Order, read_date
from encoder.read import Batch

SHEET_ENDS = frozenset({65_536, 1_048_576})
"""The last row that a worksheet of Excel can have: 97-2003, and since."""

FIRST_SERIAL, LAST_SERIAL = 10_000, 80_000
"""Excel's day numbers from 1927 to 2119."""


class Damage(StrEnum):
    """What a spreadsheet has done to a cell."""

    ERROR = "an error of a formula, as in #NAME? or #####"
    DATE_IN_NAME = "turned into a date, as in 1-May"
    SERIAL = "a date as a day number, as in 43831"


class DateForm(StrEnum):
    """How a cell of the date column is written."""

    CLEAR = "year first, or the month in letters"
    DAY_FIRST = "day first beyond doubt, as in 25/03/2015"
    MONTH_FIRST = "month first beyond doubt, as in 03/25/2015"
    EITHER = "day or month first, as in 03/04/2015"
    SAME = "the same either way, as in 03/03/2015"
    SERIAL = "a day number of a spreadsheet, as in 43831"
    SHORT_YEAR = "a year of two digits, as in 25/03/15"
    UNREADABLE = "not a form of date that is known"


UNREAD = frozenset({DateForm.SERIAL, DateForm.SHORT_YEAR, DateForm.UNREADABLE})
"""Forms that stop ``encode``."""

_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_DATE = rf"(?i)^([0-9]{{1,2}}[-/ ]({_MONTHS})([-/ ][0-9]{{2,4}})?|({_MONTHS})[-/ ][0-9]{{2,4}})$"
_DAY_NUMBER = re.compile(r"([0-9]{5})(\.[0-9]+)?")
_SHORT_YEAR = re.compile(r"[0-9]{1,2}[-/. ]([0-9]{1,2}|[A-Za-z]{3,9})[-/. ][0-9]{2}")
_SHOWN = {
    Order.DAY_FIRST: DateForm.DAY_FIRST,
    Order.MONTH_FIRST: DateForm.MONTH_FIRST,
    Order.EITHER: DateForm.EITHER,
    Order.SILENT: DateForm.SAME,
}


@dataclass(frozen=True, repr=False)
class Cells:
    """What was seen. ``written``, ``sex_written``: bool, (rows,), in file order: something stands in a cell of an
    identifier other than sex; in that of sex.

    ``damage``: rows by field and kind. ``dates``: rows by how the date of birth is written, empty cells left out;
    empty where it does not stand in one column. ``cut``: the last row is the last that a worksheet can have.
    """

    written: NDArray[np.bool_]
    sex_written: NDArray[np.bool_]
    damage: dict[tuple[str, Damage], int]
    dates: dict[DateForm, int]
    cut: bool


class Survey:
    """Looks at the batches of one file."""

    def __init__(self, columns: Columns):
        self._columns = columns
        self._written: list[NDArray[np.bool_]] = [np.empty(0, dtype=np.bool_)]
        self._sex: list[NDArray[np.bool_]] = [np.empty(0, dtype=np.bool_)]
        self._damage: Counter[tuple[str, Damage]] = Counter()
        self._dates: Counter[str] = Counter()
        self._last = 0

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Pass the batches on as they are."""
        for batch in batches:
            self._look(batch)
            yield batch

    def seen(self) -> Cells:
        """What all batches showed, once they have passed."""
        dates: Counter[DateForm] = Counter()
        for text, rows in self._dates.items():
            form = self._form(text)
            if form is not None:
                dates[form] += rows
        damage = self._damage
        if dates[DateForm.SERIAL]:
            damage["date_of_birth", Damage.SERIAL] = dates[DateForm.SERIAL]
        return Cells(
            np.concatenate(self._written),
            np.concatenate(self._sex),
            {key: rows for key, rows in damage.items() if rows},
            {form: dates[form] for form in DateForm if dates[form]},
            self._last in SHEET_ENDS,
        )

    def _look(self, batch: Batch) -> None:
        filled = {field: _filled(cells) for field, cells in batch.values.items()}
        nothing = np.zeros(len(batch.rows), dtype=np.bool_)
        self._sex.append(filled.pop("sex", nothing))
        self._written.append(np.logical_or.reduce([nothing, *filled.values()]))
        for field, cells in batch.values.items():
            self._damage[field, Damage.ERROR] += _matching(cells, SPREADSHEET_ERROR)
            if field in ("forename", "surname", "postcode"):
                self._damage[field, Damage.DATE_IN_NAME] += _matching(cells, _DATE)
        if isinstance(self._columns.date_of_birth, str):
            for one in pc.value_counts(batch.values["date_of_birth"]).to_pylist():
                self._dates[one["values"]] += one["counts"]
        self._last = int(batch.rows[-1])

    def _form(self, text: str) -> DateForm | None:
        written = read_date(text, self._columns.date_order)
        if written is NOTHING:
            return None
        if written is not None:
            return _SHOWN[written.shows] if written.year_last else DateForm.CLEAR
        if is_day_number(text):
            return DateForm.SERIAL
        return DateForm.SHORT_YEAR if _SHORT_YEAR.fullmatch(text) else DateForm.UNREADABLE


def is_day_number(text: str) -> bool:
    """Whether it may be the day number of a spreadsheet in place of a date."""
    number = _DAY_NUMBER.fullmatch(text)
    return number is not None and FIRST_SERIAL <= int(number[1]) <= LAST_SERIAL


def _filled(cells: Any) -> NDArray[np.bool_]:
    nothing = pa.array(["", *sorted(NULLS)], pa.string())
    return np.asarray(pc.invert(pc.is_in(cells, value_set=nothing)).to_numpy(zero_copy_only=False))


def _matching(cells: Any, pattern: str) -> int:
    return int(pc.sum(pc.match_substring_regex(cells, pattern)).as_py() or 0)
