"""How Excel shows a number: as a date, with leading zeros, or plainly (ECMA-376 part 1, 18.8.30 and 18.17.4).

A cell's style names a number format. Dates are numbers of days; only their format tells them from other numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

from encoder.figures import figures

_BUILT_IN_DATES = frozenset([*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)])
_NOT_FORM = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')  # literals, spacing, colours and conditions
_ZEROS = re.compile(r"0[0 \-]*")
_LAST_DAY = {1900: 2_958_465, 1904: 2_957_003}  # 31 December 9999


class NoDate(ValueError):
    """A number in a date's format that is no date: Excel shows number signs."""


class Styles:
    """``formats``: the number format's id for each style. ``codes``: the formats that the workbook defines.
    ``epoch``: 1900 or 1904, the year from which its days are counted."""

    def __init__(self, formats: Sequence[int] = (), codes: Mapping[int, str] | None = None, *, epoch: int = 1900):
        self._epoch = epoch
        self._dates: set[int] = set()
        self._zeros: dict[int, int] = {}
        for style, number in enumerate(formats):
            code = _NOT_FORM.sub("", (codes or {}).get(number, "")).partition(";")[0].strip()
            if code in ("", "General"):
                if number in _BUILT_IN_DATES:
                    self._dates.add(style)
            elif re.search("[dmyhs]", code, re.IGNORECASE):
                self._dates.add(style)
            elif _ZEROS.fullmatch(code):
                self._zeros[style] = code.count("0")

    def show(self, value: float, style: int) -> str:
        """A number as text: a date as ISO 8601, with its time of day unless that is midnight. Raises ``NoDate``."""
        if style in self._dates:
            return self._date(value)
        text = figures(value)
        return text.zfill(self._zeros[style]) if style in self._zeros and text.isdigit() else text

    def _date(self, value: float) -> str:
        days, seconds = divmod(round(value * 86_400), 86_400)
        if not 0 <= days <= _LAST_DAY[self._epoch]:
            raise NoDate
        time = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
        if self._epoch == 1904:
            day = (date(1904, 1, 1) + timedelta(days)).isoformat()
        elif days == 0:
            return time
        elif days == 60:
            day = "1900-02-29"  # Excel takes 1900 for a leap year
        else:
            day = (date(1899, 12, 30 + (days < 60)) + timedelta(days)).isoformat()
        return f"{day} {time}" if seconds else day
