"""How good a linkage is where the truth is known: missed and false links, and which children they are about.

1. Precision, recall and match rate are shares of counts, each beside its Wilson 95 % interval. F1 is
   ``2 J / (1 + J)``, where ``J`` is the share of right links in all links, found or true; it rises with ``J``, so its
   interval is that of ``J`` taken through the same function.
2. A breakdown parts all rows of one holder. A link belongs to the group of its row at this holder.
3. A group of fewer than ``below`` rows or true links is not told. As the totals are, more groups are left untold, the
   smallest first, until these are two or more that have ``below`` rows and true links together. They are told as one
   group; if no other is left, there is no breakdown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from encoder.intervals import Estimate, wilson
from encoder.traits import Trait

Places = NDArray[np.int64]
"""Pairs of rows by their places in the two files, shape (pairs, 2), no pair twice."""


@dataclass(frozen=True, repr=False)
class Holding:
    """A holder's ``rows`` rows and what tells them apart."""

    name: str
    rows: int
    traits: tuple[Trait, ...]


class Counts(NamedTuple):
    """What is counted of rows that are alike, before it is known whether it may be told."""

    label: str
    rows: int
    linked: int
    true_links: int
    links: int
    right: int


def sum_of(groups: Sequence[Counts]) -> Counts:
    """Several groups as one."""
    labels, *numbers = zip(*groups, strict=True)
    return Counts(" or ".join(labels), *map(sum, numbers))


@dataclass(frozen=True)
class Group:
    """Rows that are alike. ``of_linked``, ``of_unlinked``: which share of all linked, or not linked, rows they are;
    a share of nothing is ``None``."""

    label: str
    rows: int
    linked: int
    match_rate: Estimate | None
    of_linked: float | None
    of_unlinked: float | None
    true_links: int
    missed: int
    recall: Estimate | None
    links: int
    false: int
    precision: Estimate | None


@dataclass(frozen=True)
class Breakdown:
    """``groups``: none where none may be told. The labels of groups told as one stand with an "or" between them."""

    name: str
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Side:
    """The linkage as one holder's rows have it."""

    name: str
    rows: int
    linked: int
    match_rate: Estimate | None
    breakdowns: tuple[Breakdown, ...]


@dataclass(frozen=True)
class LinkageQuality:
    """``right`` of the ``links`` are among the ``true_links``; the others are false, and the other true ones missed."""

    below: int
    true_links: int
    links: int
    right: int
    missed: int
    false: int
    precision: Estimate | None
    recall: Estimate | None
    f1: Estimate | None
    holders: tuple[Side, ...]


def measure(holdings: Sequence[Holding], links: Places, truth: Places, *, below: int) -> LinkageQuality:
    """Compare links with the truth. ``holdings``: of the two holders, in the order of the pairs' columns."""
    right = links[_among(links, truth)]
    found, true, hits = len(links), len(truth), len(right)
    return LinkageQuality(
        below=below,
        true_links=true,
        links=found,
        right=hits,
        missed=true - hits,
        false=found - hits,
        precision=wilson(hits, found),
        recall=wilson(hits, true),
        f1=f1(right=hits, wrong=found + true - 2 * hits),
        holders=tuple(
            _side(holding, links[:, at], truth[:, at], right[:, at], below) for at, holding in enumerate(holdings)
        ),
    )


def f1(*, right: int, wrong: int) -> Estimate | None:
    """``wrong``: missed and false links together."""
    share = wilson(right, right + wrong)
    return share and Estimate(*(2 * one / (1 + one) for one in (share.value, share.low, share.high)))


def untold(sizes: Sequence[tuple[int, ...]], below: int) -> set[int]:
    """The places of the groups that may not be told apart. ``sizes``: of each group, what must not be small."""
    hidden = {place for place, size in enumerate(sizes) if min(size) < below}
    others = sorted(set(range(len(sizes))) - hidden, key=lambda place: (min(sizes[place]), place), reverse=True)
    while hidden and others and (len(hidden) < 2 or _small(sizes, hidden, below)):
        hidden.add(others.pop())
    return hidden


def _small(sizes: Sequence[tuple[int, ...]], hidden: set[int], below: int) -> bool:
    together = zip(*(sizes[place] for place in hidden), strict=True)
    return any(sum(size) < below for size in together)


def _side(holding: Holding, links: Places, truth: Places, right: Places, below: int) -> Side:
    linked = np.unique(links)
    return Side(
        holding.name,
        holding.rows,
        len(linked),
        wilson(len(linked), holding.rows),
        tuple(_breakdown(trait, linked, links, truth, right, below) for trait in holding.traits),
    )


def _breakdown(trait: Trait, linked: Places, links: Places, truth: Places, right: Places, below: int) -> Breakdown:
    def counts(rows: Places) -> list[int]:
        found: list[int] = np.bincount(trait.codes[rows], minlength=len(trait.labels)).tolist()
        return found

    whole, unlinked = len(linked), len(trait.codes) - len(linked)
    every = [trait.labels, *map(counts, (np.arange(len(trait.codes)), linked, truth, links, right))]
    groups = [Counts(*one) for one in zip(*every, strict=True) if one[1]]
    hidden = untold([(one.rows, one.true_links) for one in groups], below)
    told = [one for place, one in enumerate(groups) if place not in hidden]
    if hidden and told:
        told.append(sum_of([groups[place] for place in sorted(hidden)]))
    whole, unlinked = len(linked), len(trait.codes) - len(linked)
    return Breakdown(trait.name, tuple(_group(one, whole, unlinked) for one in told))


def _group(counts: Counts, linked: int, unlinked: int) -> Group:
    return Group(
        label=counts.label,
        rows=counts.rows,
        linked=counts.linked,
        match_rate=wilson(counts.linked, counts.rows),
        of_linked=counts.linked / linked if linked else None,
        of_unlinked=(counts.rows - counts.linked) / unlinked if unlinked else None,
        true_links=counts.true_links,
        missed=counts.true_links - counts.right,
        recall=wilson(counts.right, counts.true_links),
        links=counts.links,
        false=counts.links - counts.right,
        precision=wilson(counts.right, counts.links),
    )


def _among(links: Places, truth: Places) -> NDArray[np.bool_]:
    """Which links are true."""
    width = 1 + max(links[:, 1].max(initial=0), truth[:, 1].max(initial=0))
    return np.isin(*(pairs[:, 0] * width + pairs[:, 1] for pairs in (links, truth)))
