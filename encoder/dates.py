"""How dates of birth are written: the forms that are read, and what each shows about the order of day and month.

1. A value whose form is no date is refused: the holder must correct it, it is never guessed at.
2. A year of four digits that stands first is followed by month and day; a month in letters speaks for itself.
3. Where the year stands last, day and month have one order in the whole column (``date_column``).
4. Day numbers of a spreadsheet are read only where the columns file says so (``excel``): those of Windows, which count
   from 1900.
5. A clock time after the date is dropped, unless a time zone could move it to the day before or after.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

from encoder.blanks import NULLS
from encoder.columns import DateOrder

_MONTH_NAMES = """jan january, feb february, mar march, apr april, may, jun june, jul july, aug august,
sep sept september, oct october, nov november, dec december"""
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES.split(","), start=1) for name in names.split()}

_CLOCK = r"(?:[T ](?P<clock>\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[AP]M)?) ?(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
_FORMS = tuple(
    re.compile(form + _CLOCK, re.ASCII | re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<sep>[-/.])(?P<month>\d\d?)(?P=sep)(?P<day>\d\d?)",
        r"(?P<year>\d{4})[-/. ](?P<month>[A-Z]{3,9})[-/. ](?P<day>\d\d?)",
        r"(?P<day>\d\d?)[-/. ](?P<month>[A-Z]{3,9})[-/., ] ?(?P<year>\d{4})",
        r"(?P<first>\d\d?)(?P<sep>[-/.])(?P<second>\d\d?)(?P=sep)(?P<year>\d{4})",
        r"(?P<digits>\d{8})",
        r"(?P<year>\d{4})(?:[-/](?P<month>\d\d?))?",
    )
)
_DAY_NUMBER = re.compile(r"(?P<days>\d{5})(?:\.\d*)?", re.ASCII)
_DAY_NOUGHT = date(1899, 12, 30)
"""Day 0 of Excel from March 1900 on: it counts a 29 February 1900 that never was."""
_YEAR_AND_MONTH = re.compile(r"(?P<year>\d{4})(?P<month>\d{2})", re.ASCII)


class Order(Enum):
    """What one date with its year last says about the order of day and month."""

    DAY_FIRST = "day first"
    MONTH_FIRST = "month first"
    EITHER = "either"
    SILENT = "silent"


@dataclass(frozen=True, repr=False)
class Written:
    """The numbers of a date as written; ``None``: not written. With ``year_last``, ``day`` and ``month`` are only
    the first and the second number, and the column must say which is which."""

    year: int | None
    month: int | None
    day: int | None
    year_last: bool = False

    @property
    def shows(self) -> Order:
        """Which order of day and month this value proves."""
        if not self.year_last or self.day is None or self.month is None or self.day == self.month:
            return Order.SILENT
        first, second = self.day, self.month
        if 1 <= first <= 12 and 1 <= second <= 12:
            return Order.EITHER
        if 12 < first <= 31 and 1 <= second <= 12:
            return Order.DAY_FIRST
        if 1 <= first <= 12 and 12 < second <= 31:
            return Order.MONTH_FIRST
        return Order.SILENT

    def turned(self) -> "Written":
        """The same with the month first."""
        return Written(self.year, self.day, self.month) if self.year_last else self


NOTHING = Written(None, None, None)


def read_date(text: str, order: DateOrder | None) -> Written | None:
    """Take a value apart. ``NOTHING`` if it is empty, ``None`` if its form is no date."""
    if not text or text.isspace() or text in NULLS:
        return NOTHING
    if order == "excel" and (number := _DAY_NUMBER.fullmatch(text.strip())):
        day = _DAY_NOUGHT + timedelta(days=int(number["days"]))
        return Written(day.year, day.month, day.day)
    forms = (*_FORMS, _YEAR_AND_MONTH) if order == "ymd" else _FORMS
    found = next((match for form in forms if (match := form.fullmatch(text.strip()))), None)
    if found is None:
        return None
    parts = found.groupdict()
    if parts.get("zone") and re.search(r"[1-9]", parts["clock"]):
        return None  # an hour with a time zone may belong to the day before or after
    if digits := parts.get("digits"):
        return _eight_digits(digits, order)
    if first := parts.get("first"):
        return Written(int(parts["year"]), int(parts["second"]), int(first), year_last=True)
    month = read_month(parts["month"]) if parts["month"] else None
    if parts["month"] and month is None:
        return None
    return Written(int(parts["year"]), month, int(parts["day"]) if parts.get("day") else None)


def _eight_digits(digits: str, order: DateOrder | None) -> Written:
    if order == "dmy":
        return Written(int(digits[4:]), int(digits[2:4]), int(digits[:2]))
    if order == "mdy":
        return Written(int(digits[4:]), int(digits[:2]), int(digits[2:4]))
    return Written(int(digits[:4]), int(digits[4:6]), int(digits[6:]))


def read_month(text: str) -> int | None:
    """A month's number from one or two digits or its English name; ``None`` if it is neither."""
    if re.fullmatch(r"\d\d?", text, re.ASCII):
        return int(text)
    return MONTHS.get(text.casefold())


def read_parts(day: str, month: str, year: str) -> Written | None:
    """A date from three cells. ``NOTHING`` if all are empty, ``None`` if one is not a number or a month."""
    cells = ["" if cell.isspace() or cell in NULLS else cell for cell in (day, month, year)]
    if not re.fullmatch(r"(\d\d?)?", cells[0], re.ASCII) or not re.fullmatch(r"(\d{4})?", cells[2], re.ASCII):
        return None
    number = read_month(cells[1]) if cells[1] else None
    if cells[1] and number is None:
        return None
    return Written(int(cells[2]) if cells[2] else None, number, int(cells[0]) if cells[0] else None)
