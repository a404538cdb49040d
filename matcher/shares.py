"""What the mixture model learns: how often each field changes, in matches and in relatives, and how common these are.

A set of shared fields says what two different children have in common: nothing (chance), surname and postcode
(siblings), these and the date of birth (twins), both names (namesakes), and so on; all sets but the whole.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.changes import Changes
from matcher.sample import Sample

Floats = NDArray[np.float64]

PRIOR_RATES = 20.0
"""Weight of what is known beforehand about the rates of relatives, in pairs."""
PRIOR_SETS = 0.5
"""Weight of the rate of a set in all patterns for its rate in one."""
MOST_RATE = 0.2
SWAPPED, SWAPPED_BY_CHANCE = 0.003, 1e-4
LEAST_FIELDS_OF_TWINS = 3


@dataclass
class State:
    """What is being learnt. ``match``, ``same``, ``other``: of every field, float64 (patterns, levels), the shares of
    levels in a match, in relatives who share the field, and in those who do not. ``rates``: float64 (patterns, sets).
    ``agree_...``: float64 (exact keys,), how often tokens agree where both rows have one. ``free``: float64 (changes,),
    how much oftener both rows lack a partner in pairs of strangers than in all pairs of rows.
    """

    match: list[Floats]
    same: list[Floats]
    other: list[Floats]
    rates: Floats
    swapped: float
    agree_match: Floats
    agree_strangers: Floats
    agree_relatives: Floats
    matches: float
    listed: float
    free: Floats


def sets_of(fields: int) -> NDArray[np.bool_]:
    """Sets of fields that two different children can share, shape (sets, fields): all but the whole."""
    every = [one for one in itertools.product([False, True], repeat=fields) if not all(one) or not fields]
    return np.array(every, np.bool_).reshape(len(every), fields)


def twins(changes: Changes, shared: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The set that lacks the forename alone; none when too few fields are left to speak of twins."""
    forename = np.array([field.name == "forename" for field in changes.fields])
    if len(forename) < LEAST_FIELDS_OF_TWINS or not forename.any():
        return np.zeros(len(shared), np.bool_)
    return np.asarray((shared == ~forename).all(axis=1))


def start(sample: Sample, shared: NDArray[np.bool_]) -> State:
    fields, exact, patterns = sample.changes.fields, sample.agreement.shape[1], len(sample.seen)
    matches = min(0.3 * min(sample.rows), 0.5 * len(sample.cell))
    state = State(
        match=[np.tile(field.match, (patterns, 1)) for field in fields],
        same=[np.tile(field.same, (patterns, 1)) for field in fields],
        other=[np.tile(field.other, (patterns, 1)) for field in fields],
        rates=np.zeros((patterns, len(shared))),
        swapped=SWAPPED,
        agree_match=np.full(exact, 0.97),
        agree_strangers=np.full(exact, 1e-6),
        agree_relatives=np.full(exact, 1e-3),
        matches=matches,
        listed=matches,
        free=np.ones(len(sample.changes)),
    )
    parts = in_relatives(sample, state, shared)
    state.rates = rates_of(sample, shared, parts, np.zeros_like(state.rates))
    return state


def rates_of(sample: Sample, shared: NDArray[np.bool_], parts: Floats, counts: Floats) -> Floats:
    """Share of the pairs of each pattern that share each set of fields and no more: found, by what would be found.

    ``counts``: float64 (patterns, sets), pairs found.
    """
    exposed = sample.every[:, None] * np.einsum("ksc,kc->ks", parts, sample.seen)
    first = 10.0 ** -shared.sum(axis=1, dtype=np.float64)
    first *= PRIOR_RATES / first.sum()
    pooled = (counts.sum(axis=0) + first) / np.maximum(exposed.sum(axis=0), 1.0)
    strength = first + PRIOR_SETS
    rates = np.minimum((counts + strength) / (exposed + strength / pooled), MOST_RATE)
    rates[:, ~shared.any(axis=1)] = 1.0
    return np.asarray(rates)


def _product(sample: Sample, shares: Sequence[Floats]) -> Floats:
    """Share of each change in each pattern when fields change independently."""
    result = np.ones((len(sample.seen), len(sample.changes)))
    for column, share in enumerate(shares):
        result *= share[:, sample.changes.levels[:, column]]
    return result


def in_matches(sample: Sample, state: State) -> Floats:
    """Share of each change among all matches, float64 (patterns, changes)."""
    share, swapped = _product(sample, state.match), sample.changes.swapped
    if swapped.any():
        of_swapped = np.maximum(share[:, swapped].sum(axis=1, keepdims=True), 1e-300)
        share = np.where(swapped, state.swapped * share / of_swapped, (1 - state.swapped) * share)
    return np.asarray(share / share.sum(axis=1, keepdims=True))


def in_relatives(sample: Sample, state: State, shared: NDArray[np.bool_]) -> Floats:
    """Share of each change in every set of shared fields, float64 (patterns, sets, changes)."""
    sets = [
        _product(
            sample, [same if has else other for has, same, other in zip(one, state.same, state.other, strict=True)]
        )
        for one in shared
    ]
    parts = np.stack(sets, axis=1) * np.where(sample.changes.swapped, SWAPPED_BY_CHANCE, 1 - SWAPPED_BY_CHANCE)
    return np.asarray(parts / parts.sum(axis=2, keepdims=True))
