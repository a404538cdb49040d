"""Traits of rows as columns of an attribute file: coarse groups by which the recipient can say who is linked less.

They are made from the identifiers, which stay behind, when the holder says so: age groups and not ages, whether a name
is hyphenated and not the name, whether an identifier is given and not what it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from encoder.agreed import identifiers_of
from encoder.columns import Columns
from encoder.errors import InputError
from encoder.normalise import normalise
from encoder.read import read_rows
from encoder.sheet import Sheet
from encoder.table import Layout
from encoder.traits import AGES, DOUBLE, GIVEN, IDENTIFIERS, SEXES, Trait, Writing, given_or_missing, traits
from keys.terms import Normalisation

PREFIX = "trait."


class TraitChoice(StrEnum):
    """What a holder may hand over beside its attributes."""

    AGE = "age"
    SEX = "sex"
    NAMES = "names"
    MISSING = "missing"


@dataclass(frozen=True)
class Kind:
    """``needs``: the identifiers of which one at least is needed. ``name``: that of the ``Trait``."""

    choice: TraitChoice
    needs: frozenset[str]
    name: str
    labels: tuple[str, ...]


KINDS: Mapping[str, Kind] = {
    f"{PREFIX}age": Kind(TraitChoice.AGE, frozenset({"date_of_birth"}), "Age in years", AGES),
    f"{PREFIX}sex": Kind(TraitChoice.SEX, frozenset({"sex"}), "Sex", tuple(SEXES.values())),
    f"{PREFIX}names": Kind(TraitChoice.NAMES, frozenset({"forename", "surname"}), "Names", DOUBLE),
    **{
        f"{PREFIX}has_{one}": Kind(TraitChoice.MISSING, frozenset({one}), given_or_missing(one), GIVEN)
        for one in IDENTIFIERS
    },
}
"""Header of a column of an attribute file -> what it says."""


@dataclass(frozen=True, repr=False)
class TraitColumns:
    """``ids``: a ``pyarrow`` string array of row ids. ``columns``: header -> string array as long, a label for each."""

    ids: Any
    columns: Mapping[str, Any]

    def take(self, row_ids: Any) -> dict[str, Any]:
        """The columns for these rows. Raises ``InputError`` if one of them is not there."""
        places = pc.index_in(row_ids, value_set=self.ids)
        if places.null_count:
            raise InputError(
                f"{places.null_count:,} of the rows that were encoded are no longer in the file.",
                remedy="Use the file that was encoded.",
            )
        return {header: column.take(places) for header, column in self.columns.items()}


def told_by(identifiers: Collection[str]) -> list[TraitChoice]:
    """The choices that these identifiers tell of."""
    return [
        choice
        for choice in TraitChoice
        if any(one.choice is choice and not one.needs.isdisjoint(identifiers) for one in KINDS.values())
    ]


def make_traits(
    source: Path,
    columns: Columns,
    choices: Collection[TraitChoice],
    *,
    rules: Normalisation,
    today: date,
    layout: Layout | None = None,
) -> TraitColumns:
    """Read the holder's file once more and say of each row which groups it is in.

    What a second file holds is left out. Raises ``InputError`` for a choice of which the columns file names no
    identifier, and as ``read_rows`` and ``normalise`` do.
    """
    own, writing = columns.model_copy(update={"other": None}), Writing()
    for choice in choices:
        if choice not in told_by(identifiers_of(own)):
            raise InputError(
                f"The columns file names no identifier that tells of {choice.value}.",
                where=str(source),
                remedy=f"Leave out --trait {choice.value}.",
            )
    normalised = normalise(writing.watch(read_rows(source, own, layout=layout)), own, rules=rules, today=today)
    found = {one.name: one for one in traits(normalised.identifiers, writing, today=today)}
    made = {
        header: pa.array(found[kind.name].labels, pa.string()).take(pa.array(found[kind.name].codes))
        for header, kind in KINDS.items()
        if kind.choice in choices and kind.name in found
    }
    return TraitColumns(normalised.ids, made)


def read_traits(sheet: Sheet) -> list[Trait]:
    """The traits in an attribute file. Raises ``InputError`` with the row for a cell that is none of the groups."""
    found = []
    for header, kind in KINDS.items():
        if header not in sheet.table.column_names:
            continue
        codes = pc.index_in(_text(sheet, header), value_set=pa.array(kind.labels, pa.string()))
        place = pc.index(codes.is_valid(), False).as_py()
        if place >= 0:
            raise InputError(
                "The cell is none of the groups of this trait.",
                where=sheet.where(place, column=header),
                remedy="The file was edited or damaged: ask its holder for it again.",
            )
        found.append(Trait(kind.name, kind.labels, codes.to_numpy().astype("int64")))
    return found


def _text(sheet: Sheet, header: str) -> Any:
    try:
        return pc.fill_null(sheet.table.column(header).cast(pa.string()), "").combine_chunks()
    except pa.ArrowException:
        raise InputError(
            f"Column {header} holds no text.",
            where=str(sheet.path),
            remedy="The file was changed: ask its holder for it again.",
        ) from None
