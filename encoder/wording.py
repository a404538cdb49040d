"""Numbers in sentences."""


def counted(number: int, one: str, many: str | None = None) -> str:
    """``1 row``, ``0 rows``, ``1,204 rows``. ``many``: the words for other numbers than one, if not with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
