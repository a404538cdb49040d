"""What a written date of birth can be: which of its parts are kept, and which are missing.

1. Placeholders and dates after today are missing in all parts.
2. A date that cannot be keeps those parts that can be.
3. If it would be a date with day and month the other way round, neither of the two is kept.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import date

from encoder.dates import Written
from encoder.findings import Kind

OLDEST_YEAR = 1000
"""Earlier years are missing. So low because records of the long dead are linked too."""

PLACEHOLDERS = frozenset({"0001-01-01", "1811-11-11", "1900-01-01"})
PLACEHOLDER_YEAR = 1800


@dataclass(frozen=True, repr=False)
class Birth:
    """The parts of a date of birth as normalised text (empty: missing), and what was found."""

    day: str = ""
    month: str = ""
    year: str = ""
    date_of_birth: str = ""
    kind: Kind | None = None
    reason: str = ""


NEW_YEAR = "1 January, often an estimate"

UNKNOWN = Birth(kind=Kind.PLACEHOLDER, reason="a date that stands for not known")


def birth(written: Written, *, today: date) -> Birth:
    """Judge a date whose order is settled: ``day`` ``01`` to ``31``, ``month`` ``01`` to ``12``, ``year`` and
    ``date_of_birth`` as in ISO 8601."""
    if (written.year, written.month, written.day) == (None, None, None):
        return Birth(kind=Kind.MISSING, reason="empty")
    whole = _whole(written)
    iso = whole.isoformat() if whole else ""
    if written.year == PLACEHOLDER_YEAR or iso in PLACEHOLDERS:
        return UNKNOWN
    if whole is None or whole.year < OLDEST_YEAR:
        return _possible_parts(written, today)
    if whole > today:
        return Birth(kind=Kind.PLACEHOLDER, reason="after today")
    new_year = (whole.month, whole.day) == (1, 1)
    kind, reason = (Kind.NOTED, NEW_YEAR) if new_year else (None, "")
    return Birth(iso[8:], iso[5:7], iso[:4], iso, kind, reason)


def _possible_parts(written: Written, today: date) -> Birth:
    year, month, day = written.year, written.month, written.day
    if month is not None and day is not None and 12 < month <= 31 and 1 <= day <= 12:
        day = month = None
    if year is not None and not OLDEST_YEAR <= year <= today.year:
        year = None
    if month is not None and not 1 <= month <= 12:
        month = None
    if day is not None and not 1 <= day <= _days_in(month, year):
        day = None
    unharmed = (year, month, day) == (written.year, written.month, written.day)
    return Birth(
        "" if day is None else f"{day:02}",
        "" if month is None else f"{month:02}",
        "" if year is None else f"{year:04}",
        kind=Kind.NOTED if unharmed else Kind.INVALID,
        reason="only a part of the date is given" if unharmed else "no such date",
    )


def _whole(written: Written) -> date | None:
    if written.year is None or written.month is None or written.day is None:
        return None
    try:
        return date(written.year, written.month, written.day)
    except ValueError:
        return None


def _days_in(month: int | None, year: int | None) -> int:
    if month is None:
        return 31
    return monthrange(2000 if year is None else year, month)[1]
