"""What every report of one page shares: its templates, and its figures as they go into JSON."""

from __future__ import annotations

from typing import Any, Protocol

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from encoder.wording import share


class Interval(Protocol):
    """A share that lies between ``low`` and ``high``."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...


def page_templates(*packages: str) -> Environment:
    """The templates of these packages, the first that has one; they escape what is put into them, and fail where
    something is missing."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(one) for one in packages]),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"n": "{:,}".format, "share": share, "capital": _capital}
    environment.filters |= {"percent": percent, "interval": interval}
    return environment


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def percent(value: float | None) -> str:
    """Two decimals, from the figure as it stands in the JSON."""
    return "-" if value is None else f"{100 * rounded(value):.2f}%"


def interval(share: Interval | None) -> str:
    return "-" if share is None else f"{percent(share.low)} to {percent(share.high)}"


def rounded(found: Any) -> Any:
    """Floats with four decimals at most, so that the file is the same on every machine."""
    if isinstance(found, float):
        return round(found, 4)
    if isinstance(found, dict):
        return {key: rounded(value) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [rounded(value) for value in found]
    return found
