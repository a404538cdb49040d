"""The mixture model: matches whose fields change independently, against chance and relatives.

A pair that is no match shares a set of fields: none (chance), the surname and postcode (siblings), those and
the date of birth (twins), both names (namesakes), and so on. All sets but the whole one are components with
a rate of their own. Their rates are learnt from pairs that cannot be matches because one of their rows has a
better partner, and a row matches at most once: both together are what identifies matches without truth, and
keeps relatives from passing for matches when matches are rare. Fitted by expectation-maximisation.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.changes import Changes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ITERATIONS = 100
TOLERANCE = 1e-5
PRIOR_MATCHES = 30.0
"""Weight of what is known beforehand about matches, in pairs; for relatives and their rates below."""
PRIOR_RELATIVES = 200.0
PRIOR_RATES = 20.0
SWAPPED, SWAPPED_BY_CHANCE = 0.003, 1e-4
UNCONTESTED = 0.02
"""Weight of a pair without a better rival when the rates of relatives are learnt: it may be a match."""
LEAST_FIELDS_OF_TWINS = 3
LEAST_SEEN = 0.1
"""Matches seldom seen above the floor count at most for the inverse of this."""
LARGEST = 32.0
"""Log odds are cut here, so that the odds of rivals can be subtracted without loss."""


@dataclass(frozen=True)
class Sample:
    """Pairs, each in one cell of equal evidence.

    ``cell``, ``left``, ``right``: int64 (pairs,). ``likelihood``: float32 (cells, changes), of a cell's
    similarities given a change, scaled per cell. ``seen``: float64 (changes,), the share above a floor.
    ``agreement``: int8 (cells, exact keys).
    """

    changes: Changes
    cell: Ints
    left: Ints
    right: Ints
    rows: tuple[int, int]
    likelihood: NDArray[np.float32]
    seen: Floats
    agreement: NDArray[np.int8]

    @property
    def cells(self) -> int:
        return len(self.likelihood)


@dataclass
class _State:
    """What is being learnt: shares per field and level, rates of the sets of shared fields, exact agreement."""

    match: list[Floats]
    same: list[Floats]
    other: list[Floats]
    rates: Floats
    swapped: float
    agree_match: Floats
    agree_other: Floats
    matches: float
    others: float


@dataclass(frozen=True)
class Fit:
    """``odds``: float64 (pairs,), log odds with rivals considered; ``careful``: the same when twins are feared.

    ``alone``: as ``careful``, but no rival considered. ``seen``: share of all matches that are among the pairs.
    """

    odds: Floats
    careful: Floats
    alone: Floats
    seen: float
    iterations: int
    converged: bool


def fit(sample: Sample, *, twin_caution: float = 1.0) -> Fit:
    """Fit the mixture to the pairs, at least one; deterministic.

    ``twin_caution``: how many missed links one false link between twins outweighs, 1 or more.
    """
    shared = _sets(len(sample.changes.fields))
    state = _start(sample, shared)
    before, iterations = -1.0, 0
    while True:
        match, seen = _matches(sample, state)
        parts = _relatives(sample, state, shared)
        other = state.rates @ parts
        given_match, given_other = sample.likelihood @ match, sample.likelihood @ other
        plain = _log(given_match) - _log(given_other) + _exact(sample, state) + _prior(sample, state)
        odds, probability, contested = _compete(plain, sample)
        if iterations == ITERATIONS or abs(state.matches - before) <= TOLERANCE * max(1.0, before):
            break
        iterations += 1
        before = state.matches
        matched = _per_cell(sample, probability)
        weight = (1 - probability) * (contested + UNCONTESTED * (1 - contested))
        lost = 1 - math.prod(1 - min(1.0, probability.sum() / rows) for rows in sample.rows)
        rest = _per_cell(sample, weight) / (lost + UNCONTESTED * (1 - lost))
        matched_changes = match * ((matched / np.maximum(given_match, 1e-300)) @ sample.likelihood)
        other_changes = other * ((rest / np.maximum(given_other, 1e-300)) @ sample.likelihood)
        _learn_matches(sample, state, matched_changes)
        _learn_relatives(sample, state, shared, parts / np.maximum(other, 1e-300), other_changes)
        _learn_exact(sample, state, matched, rest)
        state.matches, state.others = float(probability.sum()), float(rest.sum())
    feared = state.rates * np.where(_twins(sample.changes, shared), twin_caution, 1.0)
    fear = (_log(given_other) - _log(sample.likelihood @ (feared @ parts)))[sample.cell]
    alone = np.clip(plain, -LARGEST, LARGEST)[sample.cell] + fear
    return Fit(odds, odds + fear, alone, seen, iterations, iterations < ITERATIONS)


def _per_cell(sample: Sample, weight: Floats) -> Floats:
    return np.bincount(sample.cell, weights=weight, minlength=sample.cells).astype(np.float64)


def _sets(fields: int) -> NDArray[np.bool_]:
    """Sets of fields that two different children can share, shape (sets, fields): all but the whole."""
    every = [one for one in itertools.product([False, True], repeat=fields) if not all(one) or not fields]
    return np.array(every, np.bool_).reshape(len(every), fields)


def _twins(changes: Changes, shared: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The set that lacks the forename alone; none when too few fields are left to speak of twins."""
    forename = np.array([field.name == "forename" for field in changes.fields])
    if len(forename) < LEAST_FIELDS_OF_TWINS or not forename.any():
        return np.zeros(len(shared), np.bool_)
    return np.asarray((shared == ~forename).all(axis=1))


def _start(sample: Sample, shared: NDArray[np.bool_]) -> _State:
    fields, exact = sample.changes.fields, sample.agreement.shape[1]
    return _State(
        match=[field.match for field in fields],
        same=[field.same for field in fields],
        other=[field.other for field in fields],
        rates=_first_rates(shared),
        swapped=SWAPPED,
        agree_match=np.full(exact, 0.97),
        agree_other=np.full(exact, 1e-4),
        matches=min(0.3 * min(sample.rows), 0.5 * len(sample.cell)),
        others=float(len(sample.cell)),
    )


def _first_rates(shared: NDArray[np.bool_]) -> Floats:
    rates = 10.0 ** -shared.sum(axis=1, dtype=np.float64)
    return np.asarray(rates / rates.sum())


def _matches(sample: Sample, state: _State) -> tuple[Floats, float]:
    """Share of each change among the matches above a floor, and how many of all matches those are."""
    share = sample.changes.product(state.match)
    swapped = sample.changes.swapped
    if swapped.any():
        share = np.where(swapped, state.swapped * share / share[swapped].sum(), (1 - state.swapped) * share)
    share /= share.sum()
    above = share * sample.seen
    seen = float(above.sum())
    return above / seen, seen


def _relatives(sample: Sample, state: _State, shared: NDArray[np.bool_]) -> Floats:
    """Share of each change in every set of shared fields, shape (sets, changes)."""
    parts = np.stack(
        [
            sample.changes.product(
                [same if has else other for has, same, other in zip(one, state.same, state.other, strict=True)]
            )
            for one in shared
        ]
    )
    parts *= np.where(sample.changes.swapped, SWAPPED_BY_CHANCE, 1 - SWAPPED_BY_CHANCE)
    return np.asarray(parts / parts.sum(axis=1, keepdims=True))


def _prior(sample: Sample, state: _State) -> float:
    """Log odds that two rows match, given that neither matches elsewhere.

    Of rows that match no one there are few when most match: what remains for each other is likelier a match.
    """
    free = math.prod((rows - min(state.matches, rows) + 1) / (rows + 1) for rows in sample.rows)
    return math.log((state.matches + 1) / (state.others + 1)) - math.log(free)


def _exact(sample: Sample, state: _State) -> Floats:
    """Log likelihood ratio of the exact match-keys, float64 (cells,)."""
    agree = np.log(state.agree_match / state.agree_other)
    differ = np.log((1 - state.agree_match) / (1 - state.agree_other))
    return np.asarray((sample.agreement == 1) @ agree + (sample.agreement == -1) @ differ)


def _compete(plain: Floats, sample: Sample) -> tuple[Floats, Floats, Floats]:
    """Log odds and probability of every pair beside its rivals, and the probability that a rival matches."""
    own = np.exp(np.clip(plain, -LARGEST, LARGEST))[sample.cell]
    first = np.bincount(sample.left, weights=own, minlength=sample.rows[0])[sample.left]
    second = np.bincount(sample.right, weights=own, minlength=sample.rows[1])[sample.right]
    rivals = np.maximum(first - own, 0) + np.maximum(second - own, 0)
    odds = np.log(own) - np.log1p(rivals)
    probability = own / (1 + own + rivals)
    taken = np.bincount(sample.left, weights=probability, minlength=sample.rows[0])[sample.left]
    claimed = np.bincount(sample.right, weights=probability, minlength=sample.rows[1])[sample.right]
    free = (1 - np.clip(taken - probability, 0, 1)) * (1 - np.clip(claimed - probability, 0, 1))
    return odds, probability, 1 - free


def _learn_matches(sample: Sample, state: _State, counts: Floats) -> None:
    changes = sample.changes
    every = counts / np.clip(sample.seen, LEAST_SEEN, 1)
    kept = every * ~changes.swapped
    state.match = [
        _shares(changes.levels[:, column], kept, PRIOR_MATCHES * field.match)
        for column, field in enumerate(changes.fields)
    ]
    state.swapped = float((every[changes.swapped].sum() + PRIOR_MATCHES * SWAPPED) / (every.sum() + PRIOR_MATCHES))


def _learn_relatives(sample: Sample, state: _State, shared: NDArray[np.bool_], ratio: Floats, counts: Floats) -> None:
    parts = state.rates[:, None] * ratio * counts
    rates = parts.sum(axis=1) + PRIOR_RATES * _first_rates(shared)
    state.rates = rates / rates.sum()
    for column, field in enumerate(sample.changes.fields):
        level, has = sample.changes.levels[:, column], shared[:, column]
        state.same[column] = _shares(level, parts[has].sum(axis=0), PRIOR_RELATIVES * field.same)
        state.other[column] = _shares(level, parts[~has].sum(axis=0), PRIOR_RELATIVES * field.other)


def _learn_exact(sample: Sample, state: _State, matched: Floats, rest: Floats) -> None:
    agree, differ = (sample.agreement == 1).astype(np.float64), (sample.agreement == -1).astype(np.float64)
    state.agree_match = (matched @ agree + 19.4) / (matched @ (agree + differ) + 20)
    state.agree_other = (rest @ agree + 0.002) / (rest @ (agree + differ) + 20)


def _shares(level: Ints, counts: Floats, prior: Floats) -> Floats:
    total = np.bincount(level, weights=counts, minlength=len(prior)) + prior
    return np.asarray(total / total.sum())


def _log(value: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(value, 1e-300)))
