"""Assignments drawn as likely as they are, by swaps: the quadratic assignment problem, sampled instead of solved.

The log-likelihood of an assignment of the victim's rows to rows of the list is a sum over pairs of rows. Metropolis's
rule (1953) accepts a change of it with the ratio of likelihoods, so that the share of draws in which a row is somebody
is the probability that it is, as far as the draws have mixed. The start may be warm (any assignment is accepted) and is
cooled to that (Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", 1983).

What messages believe of a row counts too, but by half: it is made of the same edges, and whoever counted it whole would
count them twice.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from services.assurance.attacks.beliefs import Leaning, nats_of_leaning
from services.assurance.attacks.expected import Expected
from services.assurance.attacks.graph import Numbers, Side, Strong, score
from services.assurance.attacks.prior import Prior, nats_of

_CHAINS = 5  # each from a start of its own: where they disagree, none has mixed
_COOLING, _WARMEST = 120, 0.05
_KEPT = 120
_MOVES = 8  # for each row, between two draws
_TURN, _MOVE_PAIR, _FOLLOW = 0.1, 0.4, 0.75  # of all moves, cumulated; the others are of one row to anywhere
_WORTH = 4.0  # nats that an edge of the list tells, so that pairs are moved onto it
_NEIGHBOURS = 12
_BELIEVED = 0.5  # of what messages say (docs/adr/0122)


@dataclass(frozen=True, repr=False)
class Draws:
    """``target`` is int32 (draws, victim rows): the row of the list that each row of the victim was taken for."""

    target: NDArray[np.int32]

    def commonest(self) -> tuple[Numbers, NDArray[np.float64]]:
        """The row of the list that each row is taken for most often, and the share of draws in which it is."""
        ordered = np.sort(self.target, axis=0)
        draws, rows = ordered.shape
        target, share = np.empty(rows, np.int64), np.empty(rows)
        for row in range(rows):
            value, count = np.unique(ordered[:, row], return_counts=True)
            target[row], share[row] = value[count.argmax()], count.max() / draws
        return target, share


class _Graph(NamedTuple):
    """What the likelihood is made of."""

    side: Side
    prior: Prior
    lean: Leaning
    edges: Expected


class _Moves(NamedTuple):
    """What is proposed. ``heavy`` and ``onto``: int64 (pairs, 2), pairs of the victim and those of the list onto which
    they are moved. ``partner``: for row i those from ``begins[i]``, whose like it may be. ``telling``: how many edges
    of a row of the list are worth a try."""

    heavy: Numbers
    onto: Numbers
    begins: Numbers
    partner: Numbers
    telling: Numbers


def draw(
    side: Side,
    strong: Strong,
    expected: Expected,
    prior: Prior,
    lean: Leaning,
    known: NDArray[np.int64],
    rng: np.random.Generator,
) -> Draws:
    """Start anywhere, cool, and draw. ``known``: int64 (pairs, 2), rows of the victim and of the list that stay.

    The list must be at least as long as the victim. Memory is 4 bytes for each row and each of 600 draws, twice.
    """
    fixed = np.zeros(expected.rows, np.bool_)
    fixed[known[:, 0]] = True
    heavy = np.flatnonzero((strong.row < strong.other) & (strong.weight > 2 * np.log(max(2, side.rows)) + 2))
    ends = np.repeat(np.arange(expected.rows), np.diff(expected.start))
    onto = np.flatnonzero((ends < expected.other) & (expected.telling > _WORTH))
    telling = np.bincount(ends[expected.telling > 0.5], minlength=expected.rows)
    heat = np.concatenate([np.geomspace(_WARMEST, 1, _COOLING), np.ones(_KEPT)])
    graph = _Graph(side, prior, lean, expected)
    moves = _Moves(
        np.stack([strong.row[heavy], strong.other[heavy]], axis=1),
        np.stack([ends[onto], expected.other[onto].astype(np.int64)], axis=1),
        strong.begins,
        strong.other,
        np.minimum(telling, _NEIGHBOURS),
    )
    chains = []
    for _ in range(_CHAINS):
        takes = rng.permutation(expected.rows)
        holder = np.argsort(takes)
        for row, target in known.tolist():
            _swap(row, target, takes, holder)
        chains.append(_run(takes, holder, fixed, graph, moves, heat, int(rng.integers(1 << 31))))
    return Draws(np.concatenate(chains))


@compiled
def _swap(row: int, target: int, takes: Numbers, holder: Numbers) -> None:
    before, other = takes[row], holder[target]
    takes[row], holder[target], takes[other], holder[before] = target, row, before, other


@compiled
def _likely(i: int, c: int, skip: int, holder: Numbers, graph: _Graph) -> float:
    """The part of the log-likelihood that is row i's, if it is c: over the edges of c whose other end is taken."""
    side, edges = graph.side, graph.edges
    total = nats_of(graph.prior, i, c) + _BELIEVED * nats_of_leaning(graph.lean, i, c)
    for place in range(edges.start[c], edges.start[c + 1]):
        j = holder[edges.other[place]]
        if j < len(side.bits) and j not in (i, skip):
            for k in range(len(side.usual)):
                z = score(side, i, j, k)
                if z == z:
                    total += edges.constant[k, place] + z * (edges.linear[k, place] + z * edges.square[k, place])
    return total


@compiled
def _gain(i: int, c: int, takes: Numbers, holder: Numbers, graph: _Graph) -> float:
    """What the log-likelihood gains if row i becomes c and whoever is c becomes what i is. Rows beyond the victim's
    stand for rows of the list that nobody is."""
    rows, before, other = len(graph.side.bits), takes[i], holder[c]
    gain = 0.0
    if i < rows:
        gain += _likely(i, c, other, holder, graph) - _likely(i, before, other, holder, graph)
    if other < rows:
        gain += _likely(other, before, i, holder, graph) - _likely(other, c, i, holder, graph)
    return gain


@compiled
def _proposal(
    takes: Numbers, fixed: NDArray[np.bool_], holder: Numbers, moves: _Moves, graph: _Graph
) -> tuple[int, int, int, int]:
    """One row and what it is to become, and perhaps a second one: -1 where there is none, or nothing to move."""
    heavy, onto, begins, telling = moves.heavy, moves.onto, moves.begins, moves.telling
    kind = np.random.random()
    first, target, second, then = np.random.randint(len(graph.side.bits)), np.random.randint(len(takes)), -1, -1
    if kind < _MOVE_PAIR and len(heavy):
        edge = np.random.randint(len(heavy))
        first, second = heavy[edge, 0], heavy[edge, 1]
        target, then = takes[second], takes[first]
        if kind >= _TURN and len(onto):
            place, way = np.random.randint(len(onto)), np.random.randint(2)
            target, then = onto[place, way], onto[place, 1 - way]
        if fixed[second] or fixed[holder[then]]:
            return -1, target, second, then
    elif kind < _FOLLOW:
        near = begins[first + 1] - begins[first]
        leads = takes[moves.partner[begins[first] + np.random.randint(near)]] if near else first
        if near == 0 or telling[leads] == 0:
            return -1, target, second, then
        target = graph.edges.other[graph.edges.start[leads] + np.random.randint(telling[leads])]
    if takes[first] == target or fixed[first] or fixed[holder[target]]:
        first = -1
    return first, target, second, then


@compiled
def _run(
    takes: Numbers,
    holder: Numbers,
    fixed: NDArray[np.bool_],
    graph: _Graph,
    moves: _Moves,
    heat: NDArray[np.float64],
    seed: int,
) -> NDArray[np.int32]:
    np.random.seed(seed)
    kept = np.empty((_KEPT, len(graph.side.bits)), np.int32)
    for turn in range(len(heat)):
        for _ in range(_MOVES * len(graph.side.bits)):
            first, target, second, then = _proposal(takes, fixed, holder, moves, graph)
            if first < 0:
                continue
            was = takes[first]
            gain = _gain(first, target, takes, holder, graph)
            _swap(first, target, takes, holder)
            second_was = -1 if second < 0 else takes[second]
            if second_was != then:
                gain += _gain(second, then, takes, holder, graph)
                _swap(second, then, takes, holder)
            if gain < 0 and np.random.random() >= np.exp(heat[turn] * gain):
                if second_was != then:
                    _swap(second, second_was, takes, holder)
                _swap(first, was, takes, holder)
        if turn >= len(heat) - _KEPT:
            kept[turn - len(heat) + _KEPT] = takes[: len(graph.side.bits)]
    return kept
