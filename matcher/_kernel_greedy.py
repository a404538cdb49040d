"""Join clusters pair by pair: union-find with the set of holders kept at each root."""

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled


@compiled
def _root(parent: NDArray[np.int64], node: int) -> int:
    while parent[node] != node:
        parent[node] = parent[parent[node]]
        node = parent[node]
    return node


@compiled
def merge(first: NDArray[np.int64], second: NDArray[np.int64], holder: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join the clusters of ``first[n]`` and ``second[n]`` for n = 0, 1, ... unless they share a holder.

    ``first`` and ``second`` are ``(pairs,)``, numbers of nodes; ``holder`` is ``(nodes,)``. Returns
    the lowest node of each node's cluster, ``(nodes,)``.
    """
    nodes = len(holder)
    parent = np.arange(nodes)
    words = 1
    for node in range(nodes):
        words = max(words, 1 + holder[node] // 64)
    holders = np.zeros((nodes, words), np.uint64)
    for node in range(nodes):
        holders[node, holder[node] // 64] = np.uint64(1) << np.uint64(holder[node] % 64)
    for n in range(len(first)):
        one, other = _root(parent, first[n]), _root(parent, second[n])
        apart = True
        for word in range(words):
            apart &= holders[one, word] & holders[other, word] == np.uint64(0)
        if apart:
            low, high = min(one, other), max(one, other)
            parent[high] = low
            for word in range(words):
                holders[low, word] |= holders[high, word]
    for node in range(nodes):
        parent[node] = _root(parent, node)
    return parent
