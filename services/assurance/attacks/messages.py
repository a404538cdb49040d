"""Who a row may be, by messages along the edges of two graphs, and by what the surest answers say of the others.

A pair of the victim that stands out tells each of its rows: you may be c if your partner may be one of those that are
expected to be so near to c. The message is the likelihood ratio of that against the pair's being any other, so an edge
that is rare on the list says much and a common one little (belief propagation; Pearl, "Probabilistic reasoning in
intelligent systems", 1988). A row named with some certainty then serves as a known pair for all others, strong edge or
not, and so the named part grows (Yartseva, Grossglauser, "On the performance of percolation graph matching", 2013).

Every row keeps its likeliest candidates alone (``beliefs``). What it hears of all of the list is added up anew in every
round, so that others may take their place.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from services.assurance.attacks.beliefs import UNLIKELY, Leaning, State, changed, empty, leaning, one_to_one, surest
from services.assurance.attacks.expected import Expected, likelihoods
from services.assurance.attacks.graph import Numbers, Reals, Side, Strong, scores
from services.assurance.attacks.powers import natural_log, power_of_e
from services.assurance.attacks.prior import Prior, nats_of

_ROUNDS = 60
_ALONE = 4  # rounds before the first named rows serve as known
_DAMPING = 0.5
_SURE = 0.5
_SETTLED = 1e-3
_MOST = 30.0  # nats, by which one edge may tell a fit from none
_LEAST = 0.01  # the likelihood ratio of a partner that fits nobody


class _Graphs(NamedTuple):
    side: Side
    strong: Strong
    edges: Expected
    prior: Prior


class _Named(NamedTuple):
    """``holder``: int64 (list rows,), the row of the victim that is named so, or -1; ``weight``: what its word counts,
    float32 (victim rows,)."""

    holder: Numbers
    weight: Reals


def believe(
    side: Side, strong: Strong, expected: Expected, prior: Prior, *, kept: int
) -> tuple[Numbers, Reals, Leaning]:
    """The likeliest row of the list for each of the victim's: int64 (rows,), its probability, float32 (rows,), and what
    is believed of the others.

    ``kept``: candidates of each row, not more than the list has. Memory is 8 bytes for each candidate and strong edge,
    seen from both ends, and some for each candidate of a row (``room``).
    """
    graphs = _Graphs(side, strong, expected, prior)
    nobody = _Named(np.full(expected.rows, -1, np.int64), np.zeros(side.rows, np.float32))
    state = empty(side.rows, len(strong.row), kept)
    state, spare = _renewed(graphs, None, state, nobody, tell=False), empty(side.rows, len(strong.row), kept)
    belief = one_to_one(state, prior)
    for turn in range(1, _ROUNDS - 1):
        named = _named(state, belief, expected.rows) if turn >= _ALONE else nobody
        state, spare = _renewed(graphs, state, spare, named, tell=turn >= _ALONE), state
        belief, last = one_to_one(state, prior), belief
        if turn >= _ALONE and changed(state, belief, spare, last, expected.rows) < _SETTLED:
            break
    return *surest(state, belief), leaning(state, belief, expected.rows)


def _named(state: State, belief: Reals, listed: int) -> _Named:
    """Rows that are named so surely that they serve as known pairs: of two that are named alike, the surer one."""
    target, sure = surest(state, belief)
    holder = np.full(listed, -1, np.int64)
    for row in np.argsort(sure, kind="stable").tolist():
        if sure[row] > _SURE:
            holder[target[row]] = row
    return _Named(holder, (sure**2).astype(np.float32))


def _renewed(graphs: _Graphs, old: State | None, into: State, named: _Named, *, tell: bool) -> State:
    """The next state, written over ``into``. Without an old one every row is anybody, as the prior has it."""
    degree = int(np.diff(graphs.strong.begins).max(initial=0))
    heard = np.empty((degree, graphs.edges.rows), np.float32)
    _renew(graphs, old is None, into if old is None else old, into, named, tell, heard)
    return into


@compiled
def _renew(graphs: _Graphs, first: bool, old: State, new: State, named: _Named, tell: bool, heard: Reals) -> None:
    """Renew each message from what its sender believes without what it heard along the same edge."""
    strong, listed, kept = graphs.strong, len(graphs.prior.of_list), new.candidates.shape[1]
    own, total, told = np.empty(listed, np.float32), np.empty(listed, np.float32), np.empty(listed, np.float32)
    ratio = np.empty(len(graphs.edges.other), np.float32)
    for i in range(len(new.candidates)):
        for c in range(listed):
            total[c] = nats_of(graphs.prior, i, c)
        begin, end = strong.begins[i], strong.begins[i + 1]
        for edge in range(begin, end):
            fresh = heard[edge - begin]
            _hear(edge, graphs, first, old, own, fresh, ratio)
            if not first:
                for place in range(kept):
                    fresh[old.candidates[i, place]] += np.float32(_DAMPING) * old.messages[edge, place]
            total += fresh
        if tell:
            _tell(i, graphs, named, told, ratio)
            told *= np.float32(1 - _DAMPING)
            for place in range(kept):
                told[old.candidates[i, place]] += np.float32(_DAMPING) * old.spread[i, place]
            total += told
        new.rest[i] = _choose(total, new.candidates[i])
        for place in range(kept):
            c = new.candidates[i, place]
            new.total[i, place] = total[c]
            new.spread[i, place] = told[c] if tell else 0
            for edge in range(begin, end):
                new.messages[edge, place] = heard[edge - begin, c]


@compiled
def _hear(edge: int, graphs: _Graphs, first: bool, old: State, own: Reals, fresh: Reals, ratio: Reals) -> None:
    """What the partner along an edge says now of each of the list: its part of a damped message."""
    sender = graphs.strong.other[edge]
    if first:
        _as_prior(graphs.prior, sender, own)
        _fill_all(fresh, own, graphs.strong.z[edge], graphs.edges, ratio)
    else:
        known = own[: old.candidates.shape[1]]
        _without(old, sender, graphs.strong.back[edge], known)
        _fill(fresh, known, old.candidates[sender], graphs.strong.z[edge], graphs.edges, ratio)
    for c in range(len(fresh)):
        if fresh[c] != 0:
            fresh[c] = np.float32(1 - _DAMPING) * natural_log(max(1 + fresh[c], np.float32(_LEAST)))


@compiled
def _as_prior(prior: Prior, i: int, own: Reals) -> None:
    for c in range(len(own)):
        own[c] = nats_of(prior, i, c)
    own -= own.max()
    total = np.float32(0)
    for c in range(len(own)):
        own[c] = power_of_e(own[c])
        total += own[c]
    own /= total


@compiled
def _without(state: State, i: int, edge: int, own: Reals) -> None:
    """What row i believes of its candidates without what it heard along an edge."""
    most = state.rest[i]
    for place in range(len(own)):
        own[place] = state.total[i, place] - state.messages[edge, place]
        most = max(most, own[place])
    total = np.exp(state.rest[i] - most)
    for place in range(len(own)):
        own[place] = power_of_e(own[place] - most)
        total += own[place]
    own /= total


@compiled
def _fill(fresh: Reals, own: Reals, candidates: NDArray[np.int32], z: Reals, edges: Expected, ratio: Reals) -> None:
    """The sum over who the sender may be, each with its likelihood ratio less one."""
    fresh[:] = 0
    least = np.float32(UNLIKELY / len(fresh))
    looked = 0
    for at in range(len(own)):
        first, last = edges.start[candidates[at]], edges.start[candidates[at] + 1]
        if own[at] >= least:
            likelihoods(edges, first, last, z, ratio[looked:])
            looked += last - first
    _less_one(ratio[:looked])
    looked = 0
    for at in range(len(own)):
        first, last = edges.start[candidates[at]], edges.start[candidates[at] + 1]
        if own[at] >= least:
            for place in range(first, last):
                fresh[edges.other[place]] += own[at] * ratio[looked]
                looked += 1


@compiled
def _fill_all(fresh: Reals, own: Reals, z: Reals, edges: Expected, ratio: Reals) -> None:
    """The same over all of the list."""
    fresh[:] = 0
    likelihoods(edges, 0, len(ratio), z, ratio)
    _less_one(ratio)
    for c in range(len(own)):
        for place in range(edges.start[c], edges.start[c + 1]):
            fresh[edges.other[place]] += own[c] * ratio[place]


@compiled
def _less_one(ratio: Reals) -> None:
    """Nats to likelihood ratios less one. Where the largest is beyond ``_MOST`` all are scaled down: the chance that is
    assumed hardly ever makes such a pair, and is taken to make more of them. To cut each one off would make all fits
    alike that are beyond, good and bad ones: on a long list under a light hardening, nearly all of them."""
    beyond = np.float32(0)
    for place in range(len(ratio)):
        beyond = max(beyond, ratio[place] - np.float32(_MOST))
    for place in range(len(ratio)):
        ratio[place] = power_of_e(ratio[place] - beyond) - np.float32(1)


@compiled
def _tell(i: int, graphs: _Graphs, named: _Named, told: Reals, nats: Reals) -> None:
    """What rows that are named say of row i, with whom they have no strong edge."""
    strong, edges = graphs.strong, graphs.edges
    told[:] = 0
    z = np.empty(len(graphs.side.usual), np.float32)
    partners = strong.other[strong.begins[i] : strong.begins[i + 1]]
    for c in range(len(told)):
        sure = named.holder[c]
        if sure < 0 or sure == i or (partners == sure).any():
            continue
        scores(graphs.side, i, sure, z)
        first, last = edges.start[c], edges.start[c + 1]
        likelihoods(edges, first, last, z, nats)
        for place in range(last - first):
            told[edges.other[first + place]] += named.weight[sure] * nats[place]


@compiled
def _choose(total: Reals, candidates: NDArray[np.int32]) -> float:
    """The likeliest rows of the list, in its order, and the logarithm of the sum over the others."""
    listed, kept = len(total), len(candidates)
    if kept == listed:
        candidates[:] = np.arange(listed)
        return -np.inf
    least = np.partition(total, listed - kept)[listed - kept]
    ties = kept - (total > least).sum()
    place, others = 0, 0.0
    for c in range(listed):
        if total[c] > least or (total[c] == least and ties > 0):
            ties -= total[c] == least
            candidates[place] = c
            place += 1
        else:
            others += power_of_e(total[c] - least)
    return float(least + np.log(others))
