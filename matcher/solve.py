"""From scored pairs to links: which rows, at most one per holder, are the same child."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_greedy import merge
from matcher.errors import MatcherError


@dataclass(frozen=True, repr=False)
class PairSet:
    """The scored pairs of two holders, who are given by number; pairs in any order.

    ``left`` and ``right`` are whole numbers ``(pairs,)``, rows of ``holder_a`` and ``holder_b``; ``score`` is
    float ``(pairs,)``, higher is better, NaN is never linked.
    """

    holder_a: int
    holder_b: int
    left: NDArray[np.integer]
    right: NDArray[np.integer]
    score: NDArray[np.floating]


@dataclass(frozen=True, repr=False)
class Links:
    """Clusters of two or more rows of different holders, each row in at most one.

    Columns, all ``(members,)``, sorted by cluster, then holder: ``cluster`` int64 counts from 0 in the order
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
        """List the linked rows of two holders: rows of the one and, beside them, of the other."""
        of_a, of_b = self.holder == holder_a, self.holder == holder_b
        _, at_a, at_b = np.intersect1d(self.cluster[of_a], self.cluster[of_b], return_indices=True)
        return self.row[of_a][at_a], self.row[of_b][at_b]

    def __repr__(self) -> str:
        return f"Links({self.count} clusters)"


def solve(scored: Sequence[PairSet], threshold: float) -> Links:
    """Link greedily: take pairs by falling score down to ``threshold`` (inclusive), and join their clusters.

    1. Two clusters are joined only if no holder has a row in both, so a cluster has at most one row per
       holder, and links between two holders are one to one.
    2. Equal scores go by the numbers of the holders, then of the rows: the order in which pairs or sets of
       pairs are given does not matter.
    3. For two holders this is anonlink's greedy solver. For more, anonlink joins clusters only when all rows
       of both were seen as pairs; here one pair is enough, because a holder may lack a match-key.

    Raises MatcherError for a holder paired with itself.
    """
    holders = 1 + max((max(pairs.holder_a, pairs.holder_b) for pairs in scored), default=-1)
    if any(pairs.holder_a == pairs.holder_b for pairs in scored):
        raise MatcherError("A holder's rows are paired with themselves.", remedy="Pair rows of different holders.")
    size = np.zeros(holders, np.int64)
    for pairs in scored:
        for holder, rows in ((pairs.holder_a, pairs.left), (pairs.holder_b, pairs.right)):
            size[holder] = max(size[holder], int(rows.max(initial=-1)) + 1)
    offset = np.cumsum(size) - size
    ends = [_ends(pairs, threshold, offset) for pairs in sorted(scored, key=_holders)]
    first = np.concatenate([end[0] for end in ends]) if ends else np.empty(0, np.int64)
    second = np.concatenate([end[1] for end in ends]) if ends else np.empty(0, np.int64)
    score = np.concatenate([end[2] for end in ends]) if ends else np.empty(0, np.float64)
    order = np.argsort(-score, kind="stable")
    holder_of = np.repeat(np.arange(holders, dtype=np.int64), size)
    root = merge(first[order], second[order], holder_of)
    return _links(root, holder_of, offset)


def _holders(pairs: PairSet) -> tuple[int, int]:
    return min(pairs.holder_a, pairs.holder_b), max(pairs.holder_a, pairs.holder_b)


_Ends = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _ends(pairs: PairSet, threshold: float, offset: NDArray[np.int64]) -> _Ends:
    """Number the rows over all holders and sort by (first, second), the lower holder first."""
    kept = pairs.score >= threshold
    ends = [
        (pairs.holder_a, pairs.left[kept].astype(np.int64) + offset[pairs.holder_a]),
        (pairs.holder_b, pairs.right[kept].astype(np.int64) + offset[pairs.holder_b]),
    ]
    (_, first), (_, second) = sorted(ends, key=lambda end: end[0])
    score = pairs.score[kept].astype(np.float64)
    order = np.argsort(first * (1 + second.max(initial=0)) + second, kind="stable")  # quick where sorted already
    return first[order], second[order], score[order]


def _links(root: NDArray[np.int64], holder_of: NDArray[np.int64], offset: NDArray[np.int64]) -> Links:
    """Keep the clusters of two or more; a root is the lowest number in its cluster."""
    linked = np.flatnonzero(np.bincount(root, minlength=len(root))[root] > 1)
    order = np.argsort(root[linked], kind="stable")
    node = linked[order]
    _, cluster = np.unique(root[node], return_inverse=True)
    holder = holder_of[node]
    return Links(cluster.astype(np.int64), holder, node - offset[holder])
