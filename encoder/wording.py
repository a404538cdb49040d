"""Numbers, shares and durations in sentences."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``0 rows``, ``1,204 rows``. ``many``: the words for other numbers than one, if not with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def share(rows: int, whole: int) -> str:
    """A part of the rows in percent, never 0 for some of them nor 100 for less than all."""
    if whole == 0:
        return "-"
    percent = 100 * rows / whole
    if 0 < percent < 0.1:
        return "under 0.1%"
    if 99.9 < percent < 100:
        return "over 99.9%"
    return f"{percent:.1f}%" if percent % 100 else f"{percent:.0f}%"


def duration(seconds: int) -> str:
    """``40 seconds``, ``12 minutes``, ``3 hours``: to the unit that matters."""
    if seconds < 100:
        return counted(max(1, seconds), "second")
    if seconds < 100 * 60:
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600), "hour")
