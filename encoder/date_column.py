"""A whole column of dates: every value taken apart, and one order of day and month for all of them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoder.columns import DateOrder
from encoder.dates import Order, Written, read_date
from encoder.errors import ValueRefused


def read_column(
    texts: Sequence[str],
    first_rows: NDArray[np.int64],
    *,
    declared: DateOrder | None,
    file: str,
    header: str,
) -> list[Written]:
    """Take each distinct value apart, in the order that is declared or that the column shows.

    ``first_rows``: the number of the first row of each value. Raises ``ValueRefused`` if a value is no date, if
    the values contradict each other or the declared order, or if they leave the order open.
    """
    written = []
    unreadable = []
    for place, text in enumerate(texts):
        value = read_date(text, declared)
        if value is None:
            unreadable.append(place)
        else:
            written.append(value)
    if unreadable:
        refuse_form(first_rows[unreadable], file=file, header=header, whole=True)
    if _order(written, first_rows, declared, file, header) == "mdy":
        return [value.turned() for value in written]
    return written


def refuse_form(first_rows: NDArray[np.int64], *, file: str, header: str, whole: bool) -> None:
    """Raise ``ValueRefused`` for distinct values that are no dates, naming the first row that holds one.

    ``whole``: they stand in one column, which could be one of day numbers.
    """
    spreadsheet = (
        '. If they are day numbers of a spreadsheet, such as 42088, add date_order = "excel" to the columns file'
        if whole
        else ""
    )
    others = len(first_rows) - 1
    more = f" (so {'is' if others == 1 else 'are'} {others:,} other value{'s'[: others != 1]} of this column)"
    raise ValueRefused(
        f"The value is not a date in a form that can be read{more if others else ''}.",
        where=f"{file}, row {first_rows.min()}, column {header!r}",
        remedy=f"Write it like 2015-03-25, 25/03/2015 or 20150325, or empty the cell{spreadsheet}.",
    )


def _order(
    written: Sequence[Written],
    first_rows: NDArray[np.int64],
    declared: DateOrder | None,
    file: str,
    header: str,
) -> DateOrder:
    year_last = [place for place, value in enumerate(written) if value.year_last]
    if declared is not None:
        if declared in ("ymd", "excel") and year_last:
            raise ValueRefused(
                f'The columns file says date_order = "{declared}", but this date has its year last.',
                where=f"{file}, row {first_rows[year_last].min()}, column {header!r}",
                remedy='Write "dmy" or "mdy" in the columns file, or write the dates like 2015-03-25.',
            )
        return declared
    row_of: dict[Order, int] = {}
    for place in year_last:
        shown, row = written[place].shows, int(first_rows[place])
        row_of[shown] = min(row, row_of.get(shown, row))
    if Order.DAY_FIRST in row_of and Order.MONTH_FIRST in row_of:
        raise ValueRefused(
            f"Row {row_of[Order.DAY_FIRST]} has the day first, row {row_of[Order.MONTH_FIRST]} the month first.",
            where=f"{file}, column {header!r}",
            remedy="Correct the dates, or set date_order in the columns file; dates that do not fit it then lose "
            "day and month.",
        )
    if Order.EITHER in row_of and Order.DAY_FIRST not in row_of and Order.MONTH_FIRST not in row_of:
        raise ValueRefused(
            "Every date of this column could have the day or the month first.",
            where=f"{file}, row {row_of[Order.EITHER]}, column {header!r}",
            remedy='Add date_order = "dmy" (25/03/2015) or date_order = "mdy" (03/25/2015) to the columns file.',
        )
    return "mdy" if Order.MONTH_FIRST in row_of else "dmy"
