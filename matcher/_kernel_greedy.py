"""Join clusters pair by pair: union-find, with the members of every cluster in a ring."""

from typing import Any

import numpy as np
from numba import types
from numba.typed import Dict
from numpy.typing import NDArray

from matcher._kernel_jit import compiled

_NEVER = -(2**60)


@compiled
def _root(parent: NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@compiled
def _contradict(codes: NDArray[np.int64], others: NDArray[np.int64]) -> bool:
    """Whether an exact match-key differs and none agrees."""
    differs = False
    for key in range(len(codes)):
        if codes[key] >= 0 and others[key] >= 0:
            if codes[key] == others[key]:
                return False
            differs = True
    return differs


@compiled
def _exclude(
    one: int, other: int, ring: NDArray[np.int64], holder: NDArray[np.int64], codes: NDArray[np.int64]
) -> bool:
    """Whether a member of the one cluster and a member of the other may not be together."""
    if holder[one] < 0 and codes.shape[1] == 0:
        return False
    a = one
    while True:
        b = other
        while True:
            if (holder[a] >= 0 and holder[a] == holder[b]) or _contradict(codes[a], codes[b]):
                return True
            b = ring[b]
            if b == other:
                break
        a = ring[a]
        if a == one:
            break
    return False


@compiled
def _key(one: int, other: int, nodes: int) -> int:
    return min(one, other) * nodes + max(one, other)


@compiled
def _sums(begin: NDArray[np.int64], neighbour: NDArray[np.int64], excess: NDArray[np.int64]) -> Any:
    """Excess between nodes, by ``_key``."""
    nodes = len(begin) - 1
    between = Dict.empty(types.int64, types.int64)
    for node in range(nodes):
        for place in range(begin[node], begin[node + 1]):
            if node < neighbour[place]:
                between[_key(node, neighbour[place], nodes)] = excess[place]
    return between


@compiled
def _hand_over(
    small: int,
    large: int,
    between: Any,
    parent: NDArray[np.int64],
    ring: NDArray[np.int64],
    name: NDArray[np.int64],
    begin: NDArray[np.int64],
    neighbour: NDArray[np.int64],
) -> None:
    """Add the sums of the small cluster to those of the large. A pair of nodes moves log2(nodes) times at most."""
    nodes = len(parent)
    node = small
    while True:
        for place in range(begin[node], begin[node + 1]):
            third = name[_root(parent, neighbour[place])]
            old = _key(name[small], third, nodes)
            if third != name[large] and old in between:
                new = _key(name[large], third, nodes)
                between[new] = max(_NEVER, between.pop(old) + between.get(new, 0))
        node = ring[node]
        if node == small:
            break


@compiled
def merge(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    holder: NDArray[np.int64],
    codes: NDArray[np.int64],
    begin: NDArray[np.int64],
    neighbour: NDArray[np.int64],
    excess: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Join the clusters of ``first[n]`` and ``second[n]`` for n = 0, 1, ... unless the rules of ``solve`` forbid it.

    ``first`` and ``second`` are ``(pairs,)``, numbers of nodes. Nodes of one ``holder``, ``(nodes,)``, never join;
    where it is -1, any may. ``codes`` is ``(nodes, exact keys)``, -1 unknown. Node ``n`` was compared with
    ``neighbour[begin[n]:begin[n + 1]]``, and the score was ``excess`` above the threshold: between clusters these
    must not add up to less than 0. Without neighbours one pair is enough. Returns the lowest node of each node's
    cluster, ``(nodes,)``.
    """
    nodes = len(holder)
    parent, ring, name = np.arange(nodes), np.arange(nodes), np.arange(nodes)
    size = np.ones(nodes, np.int64)
    averaged = len(neighbour) > 0
    between = _sums(begin, neighbour, excess)
    for n in range(len(first)):
        small, large = _root(parent, first[n]), _root(parent, second[n])
        pair = _key(name[small], name[large], nodes)
        if small == large or (averaged and between[pair] < 0):
            continue
        if _exclude(small, large, ring, holder, codes):
            if averaged:
                between[pair] = _NEVER  # and for what they grow into
            continue
        if size[small] > size[large]:
            small, large = large, small
        if averaged:
            _hand_over(small, large, between, parent, ring, name, begin, neighbour)
        low, high = min(small, large), max(small, large)
        name[low] = name[large]
        parent[high] = low
        size[low] += size[high]
        ring[low], ring[high] = ring[high], ring[low]
    for node in range(nodes):
        parent[node] = _root(parent, node)
    return parent
