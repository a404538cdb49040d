"""Who each row may be, held sparsely: for every row its likeliest rows of the list, and one number for all others.

With as many candidates as the list has rows nothing is left out. With fewer, whoever is not among them is as likely as
the prior has it, times a factor that is the row's own.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from services.assurance.attacks.graph import Numbers, Reals
from services.assurance.attacks.powers import power_of_e
from services.assurance.attacks.prior import Prior

UNLIKELY = 1e-3
"""Of an equal share of the list: below it a probability says no more than that it is small."""
_TURNS = 6
_NOTHING = 1e-30


class State(NamedTuple):
    """C candidates of each of the victim's rows, by their place in the list.

    ``candidates`` is int32 (rows, C); ``total``, float32 (rows, C), what is heard of each, in nats, and ``spread`` the
    part of it that named rows say. ``rest``, float32 (rows,), is the logarithm of the sum over all others.
    ``messages``, float32 (edges, C), is what the row of a strong edge has heard along it.
    """

    candidates: NDArray[np.int32]
    total: Reals
    spread: Reals
    rest: Reals
    messages: Reals

    def __repr__(self) -> str:
        return f"State(rows={len(self.candidates)}, candidates={self.candidates.shape[1]})"


class Leaning(NamedTuple):
    """Who each row is believed to be, in nats above an equal share of the list.

    ``candidates``, int32 (rows, C), are in the order of the list, ``nats``, float32 (rows, C), of each of them, and
    ``others``, float32 (rows,), of anybody else.
    """

    candidates: NDArray[np.int32]
    nats: Reals
    others: Reals

    def __repr__(self) -> str:
        return f"Leaning(rows={len(self.candidates)}, candidates={self.candidates.shape[1]})"


def empty(rows: int, edges: int, kept: int) -> State:
    """Room for ``kept`` candidates of each row."""
    return State(
        np.zeros((rows, kept), np.int32),
        np.zeros((rows, kept), np.float32),
        np.zeros((rows, kept), np.float32),
        np.full(rows, -np.inf, np.float32),
        np.zeros((edges, kept), np.float32),
    )


def one_to_one(state: State, prior: Prior) -> Reals:
    """The probability of each candidate: rows that sum to 1 with what is left for others, and rows of the list that sum
    to 1 at most, about: Sinkhorn's scaling with room left over."""
    belief = np.empty_like(state.total)
    _scale(state, prior, belief)
    return belief


def changed(state: State, belief: Reals, before: State, last: Reals, listed: int) -> float:
    """The largest change of a probability between two states."""
    return float(_changed(state.candidates, belief, before.candidates, last, np.zeros(listed, np.float32)))


def surest(state: State, belief: Reals) -> tuple[Numbers, Reals]:
    """The likeliest candidate of each row, and its probability."""
    place = belief.argmax(axis=1)
    rows = np.arange(len(place))
    return state.candidates[rows, place].astype(np.int64), belief[rows, place]


def leaning(state: State, belief: Reals, listed: int) -> Leaning:
    """What there is to say of each row beside who is likeliest. What is left for others is shared equally."""
    left = (1 - belief.sum(axis=1)) / max(1, listed - belief.shape[1])
    return Leaning(state.candidates, _nats(belief, listed), _nats(left, listed))


def _nats(probability: Reals, listed: int) -> Reals:
    return np.log(np.maximum(probability * listed, UNLIKELY)).astype(np.float32)


@compiled
def nats_of_leaning(lean: Leaning, i: int, c: int) -> float:
    """What is believed of one pair."""
    place = np.searchsorted(lean.candidates[i], c)
    if place < lean.candidates.shape[1] and lean.candidates[i, place] == c:
        return float(lean.nats[i, place])
    return float(lean.others[i])


@compiled
def _scale(state: State, prior: Prior, belief: Reals) -> None:
    rows, kept = belief.shape
    listed, patterns = len(prior.of_list), prior.table.shape[1]
    full = np.zeros(patterns)  # how much of each pattern the list has, after scaling
    scaled = np.ones(listed, np.float32)
    others = np.zeros((rows, patterns), np.float32)  # what one row of the list outside the candidates gets
    for c in range(listed):
        full[prior.of_list[c]] += 1
    for i in range(rows):
        _start(i, state, prior, full, belief[i], others[i])
    of_list = np.empty(listed, np.float32)
    of_pattern = np.empty(patterns, np.float32)
    for _ in range(_TURNS):
        _sum_over_rows(state, prior, belief, others, scaled, of_list)
        full[:] = 0
        for c in range(listed):
            of_list[c] = max(of_list[c], np.float32(1))
            scaled[c] /= of_list[c]
            full[prior.of_list[c]] += scaled[c]
        for i in range(rows):
            of_pattern[:] = full
            total = np.float32(_NOTHING)
            for place in range(kept):
                c = state.candidates[i, place]
                belief[i, place] /= of_list[c]
                total += belief[i, place]
                of_pattern[prior.of_list[c]] -= scaled[c]
            for p in range(patterns):
                total += others[i, p] * max(of_pattern[p], np.float32(0))
            belief[i] /= total
            others[i] /= total


@compiled
def _start(i: int, state: State, prior: Prior, full: NDArray[np.float64], belief: Reals, others: Reals) -> None:
    """One row's probabilities before any scaling: of its candidates, and of one other row of each pattern."""
    most = max(state.total[i].max(), state.rest[i])
    left = full.copy()
    total = np.float32(0)
    for place in range(len(belief)):
        left[prior.of_list[state.candidates[i, place]]] -= 1
        belief[place] = power_of_e(state.total[i, place] - most)
        total += belief[place]
    if state.rest[i] > -np.inf:
        table = prior.table[prior.of_row[i]]
        highest, among = -np.inf, 0.0
        for p in range(len(left)):
            if left[p] > 0:
                highest = max(highest, table[p])
        for p in range(len(left)):
            if left[p] > 0:
                among += left[p] * np.exp(table[p] - highest)
        for p in range(len(left)):
            if left[p] > 0:
                others[p] = np.exp(state.rest[i] - most + table[p] - highest) / among
        total += np.exp(state.rest[i] - most)
    belief /= total
    others /= total


@compiled
def _sum_over_rows(state: State, prior: Prior, belief: Reals, others: Reals, scaled: Reals, out: Reals) -> None:
    """How much each row of the list is believed to be anybody."""
    usual = np.zeros(others.shape[1], np.float32)
    for i in range(len(others)):
        usual += others[i]
    for c in range(len(out)):
        out[c] = usual[prior.of_list[c]] * scaled[c]
    for i in range(len(belief)):
        for place in range(belief.shape[1]):
            c = state.candidates[i, place]
            out[c] += belief[i, place] - others[i, prior.of_list[c]] * scaled[c]


@compiled
def _changed(candidates: NDArray[np.int32], belief: Reals, before: NDArray[np.int32], last: Reals, was: Reals) -> float:
    most = np.float32(0)
    for i in range(len(belief)):
        for place in range(len(before[i])):
            was[before[i, place]] = last[i, place]
        for place in range(len(candidates[i])):
            c = candidates[i, place]
            most = max(most, abs(belief[i, place] - was[c]))
            was[c] = 0
        for place in range(len(before[i])):
            most = max(most, was[before[i, place]])
            was[before[i, place]] = 0
    return float(most)
