"""Which rows of the holders' files belong to one link key, and which of them stand in one row of the joined table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from encoder.errors import InputError
from encoder.received import Received
from encoder.wording import counted

MOST_COMBINATIONS = 1_000
"""Of the rows of one link key. A link with more has so many rows of a holder that it is hardly one child's."""
MOST_ROWS = 50_000_000
"""Of a ``wide`` table: what a column of link keys can still hold, and more than all the country's children."""

Rows = NDArray[np.int32]
Integers = NDArray[np.int64]


class Shape(StrEnum):
    """``wide``: the holders' rows of one link key side by side, in every combination. ``long``: each row by itself."""

    WIDE = "wide"
    LONG = "long"


@dataclass(frozen=True, repr=False)
class Group:
    """One holder's rows by link key, all int32. ``counts``: shape (m,), how many rows each link key has; ``order``: the
    places of rows in the file, those of one link key together in the order of the file; ``starts``: shape (m,), where
    in ``order`` those of each link key begin."""

    order: Rows
    starts: Rows
    counts: Rows

    def at(self, keys: Integers, number: Integers, *, present: NDArray[np.bool_]) -> Any:
        """The place of row ``number`` (from 0) of each of these link keys, null where it is not ``present``."""
        found = self.order.take(np.where(present, self.starts[keys] + number, 0))
        return pa.array(found, mask=~present)


@dataclass(frozen=True, repr=False)
class Grouped:
    """``link_keys``: a ``pyarrow`` string array of m distinct link keys in their order. ``groups``: by holder."""

    link_keys: Any
    groups: Mapping[str, Group]

    @property
    def linked(self) -> NDArray[np.bool_]:
        """Shape (m,): which link keys stand in two files or more."""
        files = np.zeros(len(self.link_keys), dtype=np.int64)
        for one in self.groups.values():
            files += one.counts > 0
        return files > 1

    @property
    def several(self) -> NDArray[np.bool_]:
        """Shape (m,): which link keys have several rows of a holder."""
        found = np.zeros(len(self.link_keys), dtype=np.bool_)
        for one in self.groups.values():
            found |= one.counts > 1
        return found

    def only(self, chosen: NDArray[np.bool_]) -> Grouped:
        """The same without the link keys that are not chosen."""
        groups = {name: Group(one.order, one.starts[chosen], one.counts[chosen]) for name, one in self.groups.items()}
        return Grouped(self.link_keys.filter(pa.array(chosen)), groups)


@dataclass(frozen=True, repr=False)
class Arranged:
    """The n rows of a joined table. ``keys``: int64, shape (n,), the place of each row's link key; ``places``: by
    holder, a ``pyarrow`` int32 array of n places in its file, null where the row has none of it."""

    keys: Integers
    places: Mapping[str, Any]


def group(received: Mapping[str, Received]) -> Grouped:
    """All rows by their link keys."""
    link_keys = pa.chunked_array([one.keys for one in received.values()], pa.string()).unique().sort()
    return Grouped(link_keys, {name: _group(one.keys, link_keys) for name, one in received.items()})


def arrange(received: Mapping[str, Received], grouped: Grouped, shape: Shape) -> Arranged:
    """The rows of a joined table, in the order of link keys.

    For one link key ``wide`` gives what a relational join does, the rows of the first holder changing slowest; ``long``
    the rows of the first holder, then those of the next. Rows of a holder keep the order of its file. Raises
    ``InputError`` in ``wide`` for a link key with more than ``MOST_COMBINATIONS``, and for more than ``MOST_ROWS``.
    """
    if shape is Shape.LONG:
        return _long(grouped)
    combinations = np.ones(len(grouped.link_keys), dtype=np.int64)
    for one in grouped.groups.values():
        combinations = np.minimum(combinations * np.maximum(one.counts, 1), MOST_COMBINATIONS + 1)
    if len(many := np.flatnonzero(combinations > MOST_COMBINATIONS)):
        _refuse(int(many[0]), received, grouped)
    if (rows := int(combinations.sum())) > MOST_ROWS:
        raise InputError(
            f"All combinations would be {rows:,} rows, where {MOST_ROWS:,} are the most.",
            remedy="Write each row by itself with --shape long.",
        )
    return _wide(grouped, combinations)


def _group(own: Any, link_keys: Any) -> Group:
    places = pc.index_in(own, value_set=link_keys).to_numpy()
    counts = np.bincount(places, minlength=len(link_keys)).astype(np.int32)
    starts = (np.cumsum(counts) - counts).astype(np.int32)
    return Group(np.argsort(places, kind="stable").astype(np.int32), starts, counts)


def _wide(grouped: Grouped, combinations: Integers) -> Arranged:
    keys, number = _repeated(combinations)
    places = {}
    for name, one in reversed([*grouped.groups.items()]):
        counts = one.counts[keys]
        number, chosen = np.divmod(number, np.maximum(counts, 1))
        places[name] = one.at(keys, chosen, present=counts > 0)
    return Arranged(keys, places)


def _long(grouped: Grouped) -> Arranged:
    keys, number = _repeated(np.sum([one.counts for one in grouped.groups.values()], axis=0, dtype=np.int64))
    places = {}
    for name, one in grouped.groups.items():
        counts = one.counts[keys]
        places[name] = one.at(keys, number, present=(number >= 0) & (number < counts))
        number = number - counts
    return Arranged(keys, places)


def _repeated(counts: Integers) -> tuple[Integers, Integers]:
    """Each place as often as it counts, and the number of the repetition, from 0."""
    keys = np.repeat(np.arange(len(counts)), counts)
    return keys, np.arange(len(keys)) - np.repeat(np.cumsum(counts) - counts, counts)


def _refuse(key: int, received: Mapping[str, Received], grouped: Grouped) -> NoReturn:
    counts = {name: int(one.counts[key]) for name, one in grouped.groups.items() if one.counts[key]}
    most = max(counts, key=lambda name: counts[name])
    start = int(grouped.groups[most].starts[key])
    rows = [int(place) for place in grouped.groups[most].order[start : start + 2]]
    of_holders = " and ".join(f"{counted(count, 'row')} of {name}" for name, count in counts.items())
    raise InputError(
        f"These rows belong to one link key with {of_holders}: {prod(counts.values()):,} combinations, "
        f"where {MOST_COMBINATIONS:,} are the most.",
        where=received[most].sheet.where(*rows, column=received[most].column),
        remedy="Write each row by itself with --shape long, and ask the holders what these rows are: one child seldom "
        "has so many.",
    )
