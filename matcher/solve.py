"""From scored pairs to links: which rows are the same child."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_greedy import merge
from matcher.errors import MatcherError

RowsOfOneHolder = Literal["one per link", "any number"]
"""How many rows of one holder may be in a cluster, in the words of the agreement."""

_UNIT, _LARGEST = 2.0**-20, 2.0**40
"""Averages are taken of scores in whole units, at most so many, so that sums do not depend on their order."""


@dataclass(frozen=True, repr=False)
class PairSet:
    """The scored pairs of two holders, who are given by number; pairs in any order, none twice.

    ``left`` and ``right`` are whole numbers ``(pairs,)``, rows of ``holder_a`` and ``holder_b``; ``score`` is
    float ``(pairs,)``, higher is better, NaN is never linked. If both holders are the same, its rows were compared
    with each other, and ``left`` is below ``right``.
    """

    holder_a: int
    holder_b: int
    left: NDArray[np.integer]
    right: NDArray[np.integer]
    score: NDArray[np.floating]


@dataclass(frozen=True, repr=False)
class Links:
    """Clusters of two or more rows, each row in at most one.

    Columns, all ``(members,)``, sorted by cluster, then holder, then row: ``cluster`` int64 counts from 0 in the order
    of each cluster's first member, ``holder`` int64, ``row`` int64.
    """

    cluster: NDArray[np.int64]
    holder: NDArray[np.int64]
    row: NDArray[np.int64]

    @property
    def count(self) -> int:
        """How many clusters there are."""
        return int(self.cluster[-1]) + 1 if len(self.cluster) else 0

    def between(self, holder_a: int, holder_b: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """List every two linked rows of two different holders: rows of the one and, beside them, of the other."""
        of_a, of_b = self.holder == holder_a, self.holder == holder_b
        cluster_a, cluster_b = self.cluster[of_a], self.cluster[of_b]
        start = np.searchsorted(cluster_b, cluster_a, "left")
        partners = np.searchsorted(cluster_b, cluster_a, "right") - start
        place = np.arange(partners.sum()) - np.repeat(np.cumsum(partners) - partners, partners)
        return np.repeat(self.row[of_a], partners), self.row[of_b][np.repeat(start, partners) + place]

    def repeated(self, holder: int) -> int:
        """How many rows of a holder are in a cluster with another row of it."""
        counts = np.bincount(self.cluster[self.holder == holder])
        return int(counts[counts > 1].sum())

    def __repr__(self) -> str:
        return f"Links({self.count} clusters)"


def solve(
    scored: Sequence[PairSet],
    threshold: float,
    *,
    rows_of_one_holder: RowsOfOneHolder = "one per link",
    codes: Sequence[NDArray[np.int64]] = (),
) -> Links:
    """Link greedily: take pairs by falling score down to ``threshold`` (inclusive), and join their clusters.

    1. "one per link": two clusters are joined only if no holder has a row in both, so a cluster has at most one row
       per holder, and links between two holders are one to one.
    2. "any number": two clusters are joined only if the scores of all pairs between them that are in ``scored``, those
       below the threshold too, reach it on average (average linkage). A pair that is not there says nothing.
    3. Two clusters are not joined if a row of the one and a row of the other contradict each other: an exact match-key
       differs and none agrees. ``codes``: per holder int64 ``(rows, exact keys)`` from ``exact.token_codes``; without
       it nothing contradicts.
    4. Equal scores go by the numbers of the holders, then of the rows: the order in which pairs or sets of
       pairs are given does not matter.

    With "one per link" the links are those of all that 1 and 3 permit which have the best pair, if it can be had, then
    the second best beside it, and so on. For two holders this is anonlink's greedy solver. For more, anonlink joins
    clusters only when all rows of both were seen as pairs; here one pair is enough, because a holder may lack
    a match-key. See docs/explanation/matching.md for what an optimal assignment does differently.

    Raises MatcherError for rows of one holder that are paired with "one per link" or not in order, and for ``codes``
    that do not fit.
    """
    holders = max([len(codes), *(1 + max(pairs.holder_a, pairs.holder_b) for pairs in scored)])
    size = np.zeros(holders, np.int64)
    size[: len(codes)] = [len(of_holder) for of_holder in codes]
    for pairs in scored:
        _check(pairs, rows_of_one_holder)
        for holder, rows in ((pairs.holder_a, pairs.left), (pairs.holder_b, pairs.right)):
            if codes and int(rows.max(initial=-1)) >= size[holder]:
                raise _no_codes()
            size[holder] = max(size[holder], int(rows.max(initial=-1)) + 1)
    offset = np.cumsum(size) - size
    ends = [_ends(pairs, offset) for pairs in sorted(scored, key=_holders)]
    first = np.concatenate([np.empty(0, np.int64), *(end[0] for end in ends)])
    second = np.concatenate([np.empty(0, np.int64), *(end[1] for end in ends)])
    score = np.concatenate([np.empty(0, np.float64), *(end[2] for end in ends)])
    chosen = np.flatnonzero(score >= threshold)
    order = chosen[np.argsort(-score[chosen], kind="stable")]
    holder_of = np.repeat(np.arange(holders, dtype=np.int64), size)
    several = rows_of_one_holder == "any number"
    root = merge(
        first[order],
        second[order],
        np.full(len(holder_of), -1) if several else holder_of,
        np.concatenate(codes) if codes else np.empty((len(holder_of), 0), np.int64),
        *_neighbours(first, second, score - threshold, len(holder_of), averaged=several),
    )
    return _links(root, holder_of, offset)


def _check(pairs: PairSet, rows_of_one_holder: RowsOfOneHolder) -> None:
    if pairs.holder_a != pairs.holder_b:
        return
    if rows_of_one_holder == "one per link":
        raise MatcherError("A holder's rows are paired with themselves.", remedy="Pair rows of different holders.")
    if (pairs.left >= pairs.right).any():
        raise MatcherError(
            "A row is paired with itself, or two rows of one holder stand in the wrong order.",
            remedy="Give each pair of rows of one holder once, the lower number first.",
        )


def _no_codes() -> MatcherError:
    return MatcherError(
        "The pairs name rows of which the tokens are not given.", remedy="Give the tokens of all rows of every holder."
    )


def _holders(pairs: PairSet) -> tuple[int, int]:
    return min(pairs.holder_a, pairs.holder_b), max(pairs.holder_a, pairs.holder_b)


_Ends = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _ends(pairs: PairSet, offset: NDArray[np.int64]) -> _Ends:
    """Number the rows over all holders and sort by (first, second), the lower holder first. Without NaN."""
    kept = ~np.isnan(pairs.score)
    ends = [
        (pairs.holder_a, pairs.left[kept].astype(np.int64) + offset[pairs.holder_a]),
        (pairs.holder_b, pairs.right[kept].astype(np.int64) + offset[pairs.holder_b]),
    ]
    (_, first), (_, second) = sorted(ends, key=lambda end: end[0])
    score = pairs.score[kept].astype(np.float64)
    order = np.argsort(first * (1 + second.max(initial=0)) + second, kind="stable")  # quick where sorted already
    return first[order], second[order], score[order]


def _neighbours(
    first: NDArray[np.int64], second: NDArray[np.int64], excess: NDArray[np.float64], nodes: int, *, averaged: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Where each node's pairs begin, int64 ``(nodes + 1,)``, their other ends, and by how much each is above.

    Only of nodes that a pair could link; of none if nothing is averaged.
    """
    linkable = np.zeros(nodes, np.bool_)
    if averaged:
        linkable[first[excess >= 0]] = linkable[second[excess >= 0]] = True
    kept = linkable[first] & linkable[second]
    near = np.concatenate([first[kept], second[kept]])
    far = np.concatenate([second[kept], first[kept]])
    units = np.rint(np.clip(excess[kept] / _UNIT, -_LARGEST, _LARGEST)).astype(np.int64)
    order = np.argsort(near, kind="stable")
    begin = np.concatenate([[0], np.cumsum(np.bincount(near, minlength=nodes))])
    return begin.astype(np.int64), far[order], np.concatenate([units, units])[order]


def _links(root: NDArray[np.int64], holder_of: NDArray[np.int64], offset: NDArray[np.int64]) -> Links:
    """Keep the clusters of two or more; a root is the lowest number in its cluster."""
    linked = np.flatnonzero(np.bincount(root, minlength=len(root))[root] > 1)
    order = np.argsort(root[linked], kind="stable")
    node = linked[order]
    _, cluster = np.unique(root[node], return_inverse=True)
    holder = holder_of[node]
    return Links(cluster.astype(np.int64), holder, node - offset[holder])
