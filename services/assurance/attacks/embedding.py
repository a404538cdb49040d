"""A5: graph matching as published, on one graph for each side and what a row looks like in it.

After Vidanage, Christen, Ranbaduge, Schnell, "A graph matching attack on privacy-preserving record linkage" (CIKM
2020), and Schaefer, Armknecht, Heng, "R+R: Revisiting graph matching attacks on privacy-preserving record linkage"
(ACSAC 2024): the similarities of all match-keys become one graph; rows are embedded by features of their
neighbourhood and by the graph's spectrum, the two embeddings are turned onto each other without known pairs (Grave,
Joulin, Berthet, "Unsupervised alignment of embeddings with Wasserstein Procrustes", 2019), and rows are assigned to
the nearest. It stands for what an attacker gets from the literature; ``adaptive`` is stronger.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from matcher.encodings import Encodings
from services.assurance.attacks.alike import TOKEN_WORDS
from services.assurance.attacks.graph import Side, scores, structure
from services.assurance.attacks.guess import Guess

_STRONGEST = 20
_DIMENSIONS = 24
_TURNS = 12
_FEATURES = 0.1  # what they weigh beside the spectrum, once that is turned

Reals = NDArray[np.float64]


def attack(
    victim: Mapping[str, Encodings],
    own: Mapping[str, Encodings],
    known_seeds: NDArray[np.int64],
    rng: np.random.Generator,
) -> Guess:
    """``own`` is the attacker's list, encoded as the victim's rows are but under another secret.

    ``known_seeds`` is int64 (pairs, 2): rows of the victim and of the list that are known to be one child. ``rng``
    decides between rows that look alike. Memory is some 8 bytes for each pair of rows of a side and of both.
    """
    keys = [key for key in victim if key in own and victim[key].words > TOKEN_WORDS]
    rows = next(iter(victim.values())).rows
    if not rows or not keys or next(iter(own.values())).rows < rows:
        return Guess(np.full(rows, -1, np.int64), np.zeros(rows))
    here, there = (_graph(side, keys) for side in (victim, own))
    near = -_apart(_ranks(_features(here)), _ranks(_features(there)))
    near += 1e-9 * rng.random(near.shape)
    target, confidence = _assigned(near, known_seeds)
    one, other = _spectrum(here), _spectrum(there)
    scale = max(1e-12, float(near.std()))
    for _ in range(_TURNS):
        surest = np.argsort(-confidence, kind="stable")[: max(_DIMENSIONS, rows // 2)]
        left, _, right = np.linalg.svd(one[surest].T @ other[target[surest]])
        turned = -_apart(one @ (left @ right), other)
        target, confidence = _assigned(turned + near * (_FEATURES * turned.std() / scale), known_seeds)
    return Guess(target, confidence)


def _graph(side: Mapping[str, Encodings], keys: list[str]) -> Reals:
    """The mean z-score of every pair over its match-keys, float64 (rows, rows); 0 for none and for a row itself."""
    made = structure(side, keys)
    graph = np.zeros((made.rows, made.rows))
    _fill(made, np.sqrt(made.spread), graph)
    return graph


@compiled
def _fill(side: Side, deviation: NDArray[np.float32], graph: Reals) -> None:
    z = np.empty(len(deviation), np.float32)
    for i in range(len(graph)):
        for j in range(i + 1, len(graph)):
            scores(side, i, j, z)
            total, count = 0.0, 0
            for k in range(len(z)):
                if z[k] == z[k]:
                    total += z[k] / deviation[k]
                    count += 1
            graph[i, j] = graph[j, i] = total / max(1, count)


def _features(graph: Reals) -> Reals:
    """What a row's surroundings look like: its strongest edges, how strong all are, and the same of its neighbours."""
    most = min(_STRONGEST, len(graph))
    nearest = np.argsort(-graph, axis=1, kind="stable")[:, :most]
    weights = np.take_along_axis(graph, nearest, axis=1)
    own = np.column_stack([weights, graph.mean(axis=1), graph.std(axis=1), np.quantile(graph, (0.25, 0.75), axis=1).T])
    pull = np.maximum(weights, 0) + 1e-9
    around = (own[nearest] * (pull / pull.sum(axis=1, keepdims=True))[:, :, None]).sum(axis=1)
    return np.pad(np.column_stack([own, around]), ((0, 0), (0, 2 * (_STRONGEST - most))))


def _ranks(values: Reals) -> Reals:
    """Each feature as the share of rows that have less of it, so that sides of unlike sizes compare."""
    order = np.argsort(np.argsort(values, axis=0, kind="stable"), axis=0, kind="stable")
    return (order + 0.5) / len(values)


def _spectrum(graph: Reals) -> Reals:
    """The leading eigenvectors, each times the root of its eigenvalue's size, per row of unit variance in sum."""
    values, vectors = np.linalg.eigh(graph)
    leading = np.argsort(-np.abs(values), kind="stable")[:_DIMENSIONS]
    scaled = vectors[:, leading] * np.sqrt(np.abs(values[leading]))
    scaled = np.pad(scaled, ((0, 0), (0, _DIMENSIONS - scaled.shape[1])))
    return np.asarray(scaled / max(1e-12, float(scaled.std())))


def _apart(one: Reals, other: Reals) -> Reals:
    """Squared distances between rows of two tables."""
    return np.asarray((one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T)


def _assigned(near: Reals, known: NDArray[np.int64]) -> tuple[NDArray[np.int64], Reals]:
    """One row of the list for each, the clearest first; how clear: by how much it is nearer than the next."""
    near = near.copy()
    near[known[:, 0]] = -np.inf
    near[:, known[:, 1]] = -np.inf
    near[known[:, 0], known[:, 1]] = 0
    best = np.partition(near, -2, axis=1) if near.shape[1] > 1 else np.pad(near, ((0, 0), (1, 0)))
    with np.errstate(invalid="ignore"):
        clear = np.nan_to_num(best[:, -1] - best[:, -2], nan=0.0, posinf=1e9)
    target, free = np.full(len(near), -1, np.int64), np.ones(near.shape[1], np.bool_)
    for row in np.argsort(-clear, kind="stable").tolist():
        choice = int(np.where(free, near[row], -np.inf).argmax())
        target[row], free[choice] = choice, False
    return target, clear
