"""Numbers and durations in sentences."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``0 rows``, ``1,204 rows``. ``many``: the words for other numbers than one, if not with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def duration(seconds: int) -> str:
    """``40 seconds``, ``12 minutes``, ``3 hours``: to the unit that matters."""
    if seconds < 100:
        return counted(max(1, seconds), "second")
    if seconds < 100 * 60:
        return counted(round(seconds / 60), "minute")
    return counted(round(seconds / 3600), "hour")
