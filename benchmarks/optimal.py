"""The best links by total weight: exactly, where links compete. For comparison with the solver, which is greedy."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LARGEST = 9
"""Nodes of a component of which all partitions are tried; larger ones stay as they are."""


def assignment(left: Ints, right: Ints, excess: Floats) -> NDArray[np.bool_]:
    """One to one between two holders, with the largest total ``excess`` over the threshold: which pairs, ``(pairs,)``.

    Each connected component of pairs at or above the threshold by itself (Kuhn and Munkres, by SciPy).
    """
    chosen = np.zeros(len(left), np.bool_)
    for at in components(left, right + int(left.max(initial=-1)) + 1, excess):
        rows, row = np.unique(left[at], return_inverse=True)
        columns, column = np.unique(right[at], return_inverse=True)
        gain = np.zeros((len(rows), len(columns)))
        gain[row, column] = excess[at] + 1e-9  # so that a pair on the threshold is better than none
        best = np.zeros(gain.shape, np.bool_)
        best[linear_sum_assignment(gain, maximize=True)] = True
        chosen[at] = best[row, column]
    return chosen


def components(first: Ints, second: Ints, excess: Floats) -> Iterator[Ints]:
    """The places of the pairs at or above the threshold, component by component."""
    kept = np.flatnonzero(excess >= 0)
    nodes = 1 + int(max(first.max(initial=-1), second.max(initial=-1)))
    graph = coo_array((np.ones(len(kept)), (first[kept], second[kept])), shape=(nodes, nodes))
    label = connected_components(graph, directed=False)[1][first[kept]]
    order = np.argsort(label, kind="stable")
    yield from np.split(kept[order], np.flatnonzero(np.diff(label[order])) + 1) if len(kept) else []


def partition(first: Ints, second: Ints, excess: Floats, holder: Ints, root: Ints) -> tuple[Ints, int]:
    """Clusters with at most one row per holder, and the largest total excess of all pairs inside: a root per node.

    All partitions of each component are tried in which ``root``, the clusters of the solver, leaves a pair at or above
    the threshold out; elsewhere no partition can be better in those pairs. Also returns how many were too large.
    """
    best, skipped = root.copy(), 0
    by_pair: dict[tuple[int, int], float] = {
        (min(a, b), max(a, b)): value
        for a, b, value in zip(first.tolist(), second.tolist(), excess.tolist(), strict=True)
    }
    for at in components(first, second, excess):
        nodes = np.unique(np.concatenate([first[at], second[at]]))
        if (root[first[at]] == root[second[at]]).all():
            continue
        if len(nodes) > LARGEST:
            skipped += 1
            continue
        parts = max(_partitions(nodes.tolist(), holder), key=lambda parts: _total(parts, by_pair))
        for part in parts:
            best[part] = min(part)
    return best, skipped


def total(first: Ints, second: Ints, excess: Floats, root: Ints) -> float:
    """Excess of all pairs inside clusters."""
    return float(excess[root[first] == root[second]].sum())


def _partitions(nodes: Sequence[int], holder: Ints) -> Iterator[list[list[int]]]:
    if not nodes:
        yield []
        return
    node, *rest = nodes
    for parts in _partitions(rest, holder):
        yield [[node], *parts]
        for at, part in enumerate(parts):
            if holder[node] not in holder[part]:
                yield [*parts[:at], [node, *part], *parts[at + 1 :]]


def _total(parts: Sequence[Sequence[int]], by_pair: dict[tuple[int, int], Any]) -> float:
    return float(
        sum(
            by_pair.get((min(one, other), max(one, other)), 0.0)
            for part in parts
            for place, one in enumerate(part)
            for other in part[:place]
        )
    )
