"""What is proposed about the columns of a file: choices, how sure they are, and what else was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from encoder.columns import Columns, DateParts
from encoder.profiles import Profile


class Certainty(StrEnum):
    """How sure a choice is."""

    SURE = "sure"  # header and values agree, and no other column will do
    LIKELY = "likely"  # one of the two says it and the other does not gainsay it, or another column would do less well
    UNSURE = "unsure"  # only the header, against the values; only the values; or one of several columns


@dataclass(frozen=True)
class Choice:
    """The column that is proposed for one key of the columns file; keys of the second file begin with ``other.``.

    ``why`` is a sentence that holds no value of a cell. ``alternatives``: headers of other columns that might be it.
    """

    key: str
    header: str | DateParts
    certainty: Certainty
    why: str
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proposal:
    """All that is proposed for one file, or for two.

    ``rows`` were looked at; ``whole`` if the file has no others. ``profiles``: what the file may be; one, if that is
    clear. ``columns``: the choices as a columns file would say them. ``not_used``: header -> what it is known to be.
    ``doubts``: header -> why this column may identify people although it is not proposed. ``notes``: sentences.
    """

    file: Path
    beside: Path | None
    rows: int
    whole: bool
    profiles: tuple[Profile, ...]
    by: tuple[str, ...]
    """The headers that speak for the profile."""
    choices: tuple[Choice, ...]
    columns: Columns
    not_used: Mapping[str, str]
    doubts: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def profile(self) -> Profile | None:
        """What the file is, if that is clear."""
        return self.profiles[0] if len(self.profiles) == 1 else None

    @property
    def sure(self) -> bool:
        """Whether nobody need look at it: every choice is sure, and what the file is, is not in doubt."""
        return len(self.profiles) <= 1 and all(one.certainty is Certainty.SURE for one in self.choices)
