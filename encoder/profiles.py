"""The extracts that are known by their headers, and which of them a file is.

1. A profile fits a file that has all its marks: headers that others do not have together.
2. Of several that fit, the one that knows most of the file's headers counts. If two know as many, both are named
   and none is taken.
3. Nothing but the header decides, so that a file is always taken for the same.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

from encoder.columns import DateOrder
from encoder.errors import ColumnsError

Field = Literal["id", "forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn"]


class OtherProfile(BaseModel):
    """The second file of an extract. ``on``: plain headers of the join column, in the first file and in this one; one
    if they are the same."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    on: tuple[str, ...]
    postcode: tuple[str, ...]
    newest_by: tuple[str, ...] = ()
    date_order: DateOrder | None = None
    known: Mapping[str, str] = {}

    def is_of(self, header: Sequence[str]) -> bool:
        """Whether a file with this header is such a second file."""
        there = set(map(plain, header))
        return self.on[-1] in there and not there.isdisjoint(self.postcode) and there.issuperset(self.newest_by)


class Profile(BaseModel):
    """One extract. All headers are plain. ``marks`` are as in the data file; ``fields`` has for each field the headers
    of all versions; ``known`` what looks like an identifier of the child and is none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    marks: tuple[str, ...]
    fields: Mapping[Field, tuple[str, ...]]
    known: Mapping[str, str] = {}
    dates: str = ""
    date_order: DateOrder | None = None
    other: OtherProfile | None = None

    def fits(self, header: Sequence[str]) -> bool:
        """Rule 1."""
        there = set(map(plain, header))
        return all(not there.isdisjoint(mark.split("|")) for mark in self.marks)

    def speaking(self, header: Sequence[str]) -> tuple[str, ...]:
        """Those headers of a file that this profile knows, as the file writes them."""
        names = {name for names in self.fields.values() for name in names} | self.known.keys()
        return tuple(one for one in header if plain(one) in names)


def plain(header: str) -> str:
    """A header as it is compared: small letters, without white space, ``_``, ``-`` and ``.``."""
    return re.sub(r"[\s_.\-]+", "", header.casefold())


@cache
def profiles() -> tuple[Profile, ...]:
    """All that are known, in the order of the documentation."""
    text = (files("encoder") / "profiles.toml").read_text(encoding="utf-8")
    return tuple(Profile.model_validate(one) for one in tomllib.loads(text)["profiles"])


def profile(name: str) -> Profile:
    """The profile of this name. Raises ``ColumnsError`` if there is none."""
    for one in profiles():
        if one.name == name:
            return one
    names = ", ".join(one.name for one in profiles())
    raise ColumnsError(f"There is no profile {name!r}.", remedy=f"The profiles are: {names}.")


def detect(header: Sequence[str]) -> tuple[Profile, ...]:
    """The profile that a file with this header has; none if none fits, several if they fit alike (rule 2)."""
    fitting = [one for one in profiles() if one.fits(header)]
    most = max((len(one.speaking(header)) for one in fitting), default=0)
    return tuple(one for one in fitting if len(one.speaking(header)) == most)
