"""Which rows of the holders' files stand in which row of the joined table."""

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

Integers = NDArray[np.int64]


class Shape(StrEnum):
    """``wide``: the holders' rows of one link key side by side, in every combination. ``long``: each row by itself."""

    WIDE = "wide"
    LONG = "long"


@dataclass(frozen=True, repr=False)
class Arranged:
    """A joined table of n rows over m link keys. ``keys``: int64, shape (n,), the place of each row's link key.

    ``places``: by holder, a ``pyarrow`` int64 array of n places in its file, null where the row has none of it.
    ``counts``: by holder, int64, shape (m,), how many rows of its file each link key has.
    """

    keys: Integers
    places: Mapping[str, Any]
    counts: Mapping[str, Integers]


def arrange(received: Mapping[str, Received], keys: Any, shape: Shape) -> Arranged:
    """The rows for ``keys``, a ``pyarrow`` string array of m distinct link keys; rows of other link keys are left out.

    Rows stand in the order of ``keys``; of one link key ``wide`` gives what a relational join does, the rows of the
    first holder changing slowest, ``long`` the rows of the first holder, then of the next. Rows of a holder keep the
    order of its file. Raises ``InputError`` in ``wide`` for a link key with more than ``MOST_COMBINATIONS``.
    """
    groups = {name: _Group.of(one.keys, keys) for name, one in received.items()}
    if shape is Shape.LONG:
        return _long(groups)
    combinations = np.ones(len(keys), dtype=np.int64)
    for group in groups.values():
        combinations = np.minimum(combinations * np.maximum(group.counts, 1), MOST_COMBINATIONS + 1)
    if len(many := np.flatnonzero(combinations > MOST_COMBINATIONS)):
        _refuse(int(many[0]), received, groups)
    return _wide(groups, combinations)


@dataclass(frozen=True, repr=False)
class _Group:
    """One holder's rows by link key. ``order``: places of rows, those of one link key together, and -1 at the end;
    ``starts`` and ``counts``: shape (m,), where in ``order`` those of each link key are."""

    order: Integers
    starts: Integers
    counts: Integers

    @classmethod
    def of(cls, own: Any, keys: Any) -> _Group:
        found = pc.fill_null(pc.index_in(own, value_set=keys), -1).to_numpy()
        order = np.argsort(found, kind="stable")
        order = order[np.count_nonzero(found < 0) :]
        counts = np.bincount(found[order], minlength=len(keys))
        return cls(np.append(order, -1), np.cumsum(counts) - counts, counts)


def _wide(groups: dict[str, _Group], combinations: Integers) -> Arranged:
    keys = np.repeat(np.arange(len(combinations)), combinations)
    number = np.arange(len(keys)) - np.repeat(np.cumsum(combinations) - combinations, combinations)
    places = {}
    for name, group in reversed(groups.items()):
        choices = np.maximum(group.counts, 1)[keys]
        chosen = group.order[group.starts[keys] + number % choices]
        places[name] = pa.array(chosen, mask=group.counts[keys] == 0)
        number //= choices
    return Arranged(keys, places, _counts(groups))


def _long(groups: Mapping[str, _Group]) -> Arranged:
    keys = np.concatenate([np.repeat(np.arange(len(group.counts)), group.counts) for group in groups.values()])
    rows = np.concatenate([group.order[:-1] for group in groups.values()])
    holders = np.repeat(np.arange(len(groups)), [len(group.order) - 1 for group in groups.values()])
    order = np.argsort(keys, kind="stable")
    rows, holders = rows[order], holders[order]
    places = {name: pa.array(rows, mask=holders != number) for number, name in enumerate(groups)}
    return Arranged(keys[order], places, _counts(groups))


def _counts(groups: Mapping[str, _Group]) -> dict[str, Integers]:
    return {name: group.counts for name, group in groups.items()}


def _refuse(key: int, received: Mapping[str, Received], groups: Mapping[str, _Group]) -> NoReturn:
    counts = {name: int(group.counts[key]) for name, group in groups.items() if group.counts[key]}
    most = max(counts, key=lambda name: counts[name])
    start = int(groups[most].starts[key])
    rows = [int(place) for place in groups[most].order[start : start + 2]]
    of_holders = " and ".join(f"{counted(count, 'row')} of {name}" for name, count in counts.items())
    raise InputError(
        f"These rows belong to one link key with {of_holders}: {prod(counts.values()):,} combinations, "
        f"where {MOST_COMBINATIONS:,} are the most.",
        where=received[most].sheet.where(*rows, column=received[most].column),
        remedy="Write each row by itself with --shape long, and ask the holders what these rows are: one child seldom "
        "has so many.",
    )
