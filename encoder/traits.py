"""What tells the rows of a holder's file apart, as far as the file itself says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.ages import GROUPS, age_on
from encoder.grouping import complete, different_in, together
from encoder.identifiers import SHOWN, Column, Identifiers
from encoder.match_keys import given, rows_of
from encoder.read import Batch
from encoder.twins import HOUSEHOLD

AGES = (*(f"{first}-{after - 1}" for first, after in pairwise(GROUPS)), f"{GROUPS[-1]}+", "not known")
SEXES = {"F": "female", "M": "male", "": "not known"}
DOUBLE = ("hyphenated or double-barrelled", "neither")
GIVEN = ("given", "missing")
SHORT = {
    "Age in years": "Age",
    "Date of birth": "Born",
    "NHS number": "NHS no.",
    "Letters of the names": "Letters",
    "hyphenated or double-barrelled": "double",
    "neither": "single",
    "other than a to z": "others",
    "a to z only": "a to z",
    "same surname, date of birth and postcode": "yes",
    "not known": "none",
    " or ": "/",
}
IDENTIFIERS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number", "upn")
HYPHEN = r"\pL\p{Pd}\pL"
OTHER_LETTERS = r"[^\PLA-Za-z]|\p{M}"
"""A letter that is none of a to z, or a mark on one."""


@dataclass(frozen=True, repr=False)
class Trait:
    """What tells rows of one file apart: row ``i`` is in the group ``labels[codes[i]]``. ``codes``: int64, (rows,)."""

    name: str
    labels: tuple[str, ...]
    codes: NDArray[np.int64]


@dataclass(repr=False)
class Writing:
    """How names are written, which normalising does not keep. Empty until the batches have gone by."""

    hyphen: list[NDArray[np.bool_]] = field(default_factory=list)
    other_letters: list[NDArray[np.bool_]] = field(default_factory=list)

    def watch(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """Hand on the batches as they are."""
        for batch in batches:
            names = [batch.values[one] for one in ("forename", "surname") if one in batch.values]
            self.hyphen.append(_found(HYPHEN, names, len(batch.rows)))
            self.other_letters.append(_found(OTHER_LETTERS, names, len(batch.rows)))
            yield batch


def traits(identifiers: Identifiers, writing: Writing, *, today: date) -> tuple[Trait, ...]:
    """Age, sex, names, twins, and which identifiers are missing; what a file has no columns for is left out.

    ``writing`` is that of the same rows. Twins are rows of one surname, date of birth and postcode with different
    forenames.
    """
    columns = identifiers.columns
    found = []
    if "date_of_birth" in columns:
        born = columns["date_of_birth"]
        found.append(Trait("Age in years", AGES, _codes(born, [_band(text, today) for text in born.values])))
    if "sex" in columns:
        places = [list(SEXES).index(text) for text in columns["sex"].values]
        found.append(Trait("Sex", tuple(SEXES.values()), _codes(columns["sex"], places)))
    if "forename" in columns or "surname" in columns:
        double = np.concatenate(writing.hyphen)
        if "surname" in columns:
            double |= _codes(columns["surname"], [" " in text for text in columns["surname"].values]) > 0
        found.append(_either("Names", *DOUBLE, double))
        other = np.concatenate(writing.other_letters)
        found.append(_either("Letters of the names", "other than a to z", "a to z only", other))
    if {"forename", *HOUSEHOLD} <= set(columns):
        found.append(_either("Twins", "same surname, date of birth and postcode", "no", _twins(identifiers)))
    found += [_either(given_or_missing(one), *GIVEN, given(columns[one])) for one in IDENTIFIERS if one in columns]
    return tuple(found)


def given_or_missing(identifier: str) -> str:
    """The name of the trait that says which rows have this identifier."""
    return f"{SHOWN[identifier]}, given or missing"


def _found(pattern: str, names: Sequence[Any], rows: int) -> NDArray[np.bool_]:
    found = np.zeros(rows, dtype=np.bool_)
    for column in names:
        found |= pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False)
    return found


def _band(born: str, today: date) -> int:
    """The place in ``AGES`` of who was born on this day; ``born`` is "" if the day is not known."""
    if not born:
        return len(AGES) - 1
    age = age_on(today, date.fromisoformat(born))
    return sum(age >= first for first in GROUPS) - 1


def _codes(column: Column, places: Sequence[int]) -> NDArray[np.int64]:
    """The place of each row's value."""
    return np.array(places, dtype=np.int64)[column.codes]


def _either(name: str, this: str, that: str, which: NDArray[np.bool_]) -> Trait:
    return Trait(name, (this, that), np.where(which, 0, 1))


def _twins(identifiers: Identifiers) -> NDArray[np.bool_]:
    found = np.zeros(identifiers.rows, dtype=np.bool_)
    whole = complete(identifiers, HOUSEHOLD)
    kept = rows_of(identifiers, whole)
    groups = together([kept.columns[one] for one in HOUSEHOLD], kept.rows)
    found[whole] = different_in(groups, kept.columns["forename"])
    return found


def short(name: str, label: str) -> str:
    """Short enough for the labels of a chart; the tables below it have the whole."""
    name = name.removesuffix(", given or missing")
    for whole, brief in SHORT.items():
        name, label = name.replace(whole, brief), label.replace(whole, brief)
    return f"{name}: {label}"
