"""Who a row may be, by messages along the edges of two graphs, and by what the surest answers say of the others.

A pair of the victim that stands out tells each of its rows: you may be c if your partner may be one of those that are
expected to be so near to c. The message is the likelihood ratio of that against the pair's being any other, so an edge
that is rare on the list says much and a common one little (belief propagation; Pearl, "Probabilistic reasoning in
intelligent systems", 1988). A row named with some certainty then serves as a known pair for all others, strong edge or
not, and so the named part grows (Yartseva, Grossglauser, "On the performance of percolation graph matching", 2013).
"""

import numpy as np
from numpy.typing import NDArray

from matcher._kernel_jit import compiled
from services.assurance.attacks.graph import Expected, Numbers, Reals, Side, Strong, likelihood

_ROUNDS = 60
_ALONE = 4  # rounds before the first named rows serve as known
_DAMPING = 0.5
_SURE = 0.5
_SETTLED = 1e-3
_UNLIKELY = 1e-3  # of an equal share
_MOST = 30.0  # nats, of one edge
_LEAST = 0.01  # the likelihood ratio of a partner that fits nobody


def believe(side: Side, strong: Strong, expected: Expected, prior: Reals) -> Reals:
    """The probability that a row of the victim is a row of the list: float32 (victim rows, list rows), sums of 1.

    ``prior`` is in nats, of the same shape, with large numbers where a pair is known. Memory is 4 bytes for each strong
    edge, seen from both ends, and row of the list, beside a few tables of that shape.
    """
    begins = np.searchsorted(strong.row, np.arange(side.rows + 1))
    messages = np.zeros((len(strong.row), expected.rows), np.float32)
    spread = np.zeros_like(prior)
    last = np.zeros_like(prior)
    for turn in range(_ROUNDS):
        total = prior + spread
        _add(messages, begins, total)
        belief = _one_to_one(total)
        if turn > _ALONE and float(np.abs(belief - last).max(initial=0)) < _SETTLED:
            break
        last = belief
        _send(
            messages,
            total,
            strong.other,
            strong.back,
            strong.z,
            expected.start,
            expected.other,
            expected.constant,
            expected.linear,
            expected.square,
        )
        if turn >= _ALONE:
            spread = _DAMPING * spread + (1 - _DAMPING) * _from_sure(side, strong, begins, expected, belief)
    return belief


def _one_to_one(total: Reals) -> Reals:
    """Rows that sum to 1 and columns that sum to 1 at most, about: Sinkhorn's scaling with room left over."""
    belief = np.exp(total - total.max(axis=1, keepdims=True, initial=-np.inf))
    belief /= belief.sum(axis=1, keepdims=True)
    for _ in range(6):
        belief /= np.maximum(belief.sum(axis=0, keepdims=True), 1)
        belief /= belief.sum(axis=1, keepdims=True) + np.float32(1e-30)
    return np.asarray(belief, dtype=np.float32)


def _from_sure(side: Side, strong: Strong, begins: Numbers, expected: Expected, belief: Reals) -> Reals:
    """What rows that are named say of all others with whom they have no strong edge: nats."""
    out = np.zeros_like(belief)
    target, sure = belief.argmax(axis=1), belief.max(axis=1, initial=0)
    holder = np.full(expected.rows, -1, np.int64)
    for row in np.argsort(sure, kind="stable").tolist():
        if sure[row] > _SURE:
            holder[target[row]] = row
    _tell(
        side.z,
        strong.other,
        begins,
        expected.start,
        expected.other,
        expected.constant,
        expected.linear,
        expected.square,
        holder,
        (sure**2).astype(np.float32),
        out,
    )
    return out


@compiled
def _add(messages: Reals, begins: Numbers, total: Reals) -> None:
    for row in range(len(begins) - 1):
        for edge in range(begins[row], begins[row + 1]):
            total[row] += messages[edge]


@compiled
def _send(
    messages: Reals,
    total: Reals,
    sender: Numbers,
    back: Numbers,
    z: Reals,
    start: Numbers,
    other: NDArray[np.int32],
    constant: Reals,
    linear: Reals,
    square: Reals,
) -> None:
    """Renew each message from what its sender believes without what it heard along the same edge."""
    rows = total.shape[1]
    fresh = np.empty((2, rows), np.float32)
    for edge in range(len(sender)):
        if edge > back[edge]:
            continue
        ends = (edge, back[edge])  # both ways at once, so that either is without what was heard before
        for way in range(2):
            own = total[sender[ends[way]]] - messages[ends[1 - way]]
            own = np.exp(own - own.max())
            own /= own.sum()
            _fill(fresh[way], own, z[edge], start, other, constant, linear, square)
        for way in range(2):
            for c in range(rows):
                ratio = np.log(max(1 + fresh[way, c], _LEAST))
                messages[ends[way], c] = _DAMPING * messages[ends[way], c] + (1 - _DAMPING) * ratio


@compiled
def _fill(
    fresh: Reals,
    own: Reals,
    z: Reals,
    start: Numbers,
    other: NDArray[np.int32],
    constant: Reals,
    linear: Reals,
    square: Reals,
) -> None:
    """The sum over who the sender may be, each with its likelihood ratio less one."""
    fresh[:] = 0
    for c in range(len(own)):
        if own[c] < _UNLIKELY / len(own):
            continue
        for place in range(start[c], start[c + 1]):
            nats = likelihood(z, constant[place], linear[place], square[place])
            fresh[other[place]] += own[c] * (np.exp(min(nats, _MOST)) - 1)


@compiled
def _tell(
    z: Reals,
    partner: Numbers,
    begins: Numbers,
    start: Numbers,
    other: NDArray[np.int32],
    constant: Reals,
    linear: Reals,
    square: Reals,
    holder: Numbers,
    weight: Reals,
    out: Reals,
) -> None:
    for row in range(len(out)):
        for named in range(len(holder)):
            sure = holder[named]
            if sure < 0 or sure == row or (partner[begins[row] : begins[row + 1]] == sure).any():
                continue
            for place in range(start[named], start[named + 1]):
                nats = likelihood(z[row, sure], constant[place], linear[place], square[place])
                out[row, other[place]] += weight[sure] * nats
