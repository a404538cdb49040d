"""At the recipient: which share of a holder's rows is linked, and of which groups of them, as far as it may be told.

The recipient may count its own rows as it likes; a report is read by others too, so every number here obeys
``keys.suppression``.

1. Of all rows of a holder, how many are linked is told from ``below`` on, rounded, and where enough are left.
2. The groups of a trait part the linked rows. The group with most rows is left out (``shown_parts``); its rate follows
   from what the others leave. There is no breakdown where few of it may be linked.
3. Of a group nothing is told where nearly all its rows may be linked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.intervals import Estimate, wilson
from encoder.linkage_quality import Expected
from encoder.received import Received
from encoder.shape import Grouped
from encoder.trait_columns import read_traits
from encoder.traits import Trait
from keys.suppression import at_least, at_most, leaves_enough, shown_parts, suppress
from keys.terms import Suppression


@dataclass(frozen=True)
class Rate:
    """Rows that are alike, and how many of them are linked, both as they may be shown; ``None`` is not shown.

    ``linked`` is ``None`` too for the ``rest``, of which the rate alone is told, from what the others leave. ``rate``:
    with the interval that holds for every number which is shown like these.
    """

    label: str
    rows: int | None
    linked: int | None
    rest: bool
    rate: Estimate | None


@dataclass(frozen=True)
class RatesBy:
    """``groups``: none where none may be told."""

    name: str
    groups: tuple[Rate, ...]


@dataclass(frozen=True)
class HolderRates:
    whole: Rate
    breakdowns: tuple[RatesBy, ...]


@dataclass(frozen=True)
class _Group:
    label: str
    rows: int
    linked: int


def match_rates(received: Mapping[str, Received], grouped: Grouped, rule: Suppression) -> tuple[HolderRates, ...]:
    """By holder, in the order of the files. Raises ``InputError`` for a trait that cannot be read."""
    found = []
    for name, one in received.items():
        linked = np.zeros(len(one.keys), dtype=np.bool_)
        counts = grouped.groups[name].counts
        linked[grouped.groups[name].order] = np.repeat(grouped.linked, counts)
        found.append(rates_of(name, linked, read_traits(one.sheet), rule))
    return tuple(found)


def own_rates(expected: Expected, rule: Suppression) -> tuple[Rate, ...]:
    """Of the holder that asks, by what the broker tells it of its own rows: all of them, and those that lack a
    match-key; nothing for parties that belong to no holder."""
    own = expected.own
    if own is None:
        return ()
    return (
        shown_rate("all", own.rows, expected.links, rule),
        shown_rate("lacking a match-key", own.lacking, own.lacking_linked, rule),
    )


def rates_of(name: str, linked: NDArray[np.bool_], traits: Sequence[Trait], rule: Suppression) -> HolderRates:
    """``linked``: which rows of the holder are, bool (rows,)."""
    rows, whole = len(linked), suppress(int(linked.sum()), rule)
    if not leaves_enough([whole], rows, rule):
        whole = None
    return HolderRates(
        _told(_Group(name, rows, 0), whole, rule), tuple(_by(trait, linked, whole, rule) for trait in traits)
    )


def _by(trait: Trait, linked: NDArray[np.bool_], whole: int | None, rule: Suppression) -> RatesBy:
    rows = np.bincount(trait.codes, minlength=len(trait.labels)).tolist()
    of_these = np.bincount(trait.codes[linked], minlength=len(trait.labels)).tolist()
    groups = [_Group(*one) for one in zip(trait.labels, rows, of_these, strict=True) if one[1]]
    if not groups:
        return RatesBy(trait.name, ())
    rest = max(range(len(groups)), key=lambda place: groups[place].rows)
    parts = shown_parts([one.linked for one in groups], whole, rule, rest=rest)
    if parts is None:
        return RatesBy(trait.name, ())
    told = [
        _told(one, shown if leaves_enough([shown], one.rows, rule) else None, rule)
        for one, shown in zip(groups, parts, strict=True)
    ]
    told[rest] = _rest(groups, told, rest, whole, rule)
    return RatesBy(trait.name, tuple(told))


def shown_rate(label: str, rows: int | None, linked: int | None, rule: Suppression) -> Rate:
    """Of two numbers as they are shown."""
    rate = None if linked is None else _rate(at_least(linked, rule), at_most(linked, rule), rows, rule)
    return Rate(label, rows, linked, rest=False, rate=rate)


def _told(group: _Group, linked: int | None, rule: Suppression) -> Rate:
    return shown_rate(group.label, suppress(group.rows, rule), linked, rule)


def _rest(groups: Sequence[_Group], told: Sequence[Rate], place: int, whole: int | None, rule: Suppression) -> Rate:
    """From what the others leave of all. A group of which nothing is told may have few linked rows or nearly only such,
    and which of the two must not follow from here."""
    others = [(one, rate.linked) for one, rate in zip(groups, told, strict=True) if one is not groups[place]]
    most = [one.rows if shown is None else at_most(shown, rule) for one, shown in others]
    low = at_least(whole, rule) - sum(most)
    high = at_most(whole, rule) - sum(at_least(shown, rule) for _, shown in others)
    rows = suppress(groups[place].rows, rule)
    enough = low >= rule.below and groups[place].rows - high >= rule.below
    return Rate(groups[place].label, rows, None, rest=True, rate=_rate(low, high, rows, rule) if enough else None)


def _rate(low: int, high: int, rows: int | None, rule: Suppression) -> Estimate | None:
    if rows is None:
        return None
    fewest, most = at_least(rows, rule), at_most(rows, rule)
    least, largest = wilson(low, max(low, most)), wilson(min(high, fewest), fewest)
    if least is None or largest is None:
        return None
    return Estimate(min(1.0, (low + high) / (fewest + most)), least.low, largest.high)
