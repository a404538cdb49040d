"""The mixture model: matches whose fields change independently, against chance and relatives.

A pair that is no match shares a set of fields: none (chance), the surname and postcode (siblings), those and
the date of birth (twins), both names (namesakes), and so on. All sets but the whole one are components with
a rate of their own. Their rates are learnt from pairs that cannot be matches because one of their rows has a
better partner, and a row matches at most once: both together are what identifies matches without truth, and
keeps relatives from passing for matches when matches are rare. Fitted by expectation-maximisation.

All rates and shares are those among *all* pairs of rows, of which only those above a floor are listed: what was
found is set against what would have been found. Rows that lack a match-key are told apart by pattern, because what is
missing changes what is seen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.rivals import LARGEST, Rivals
from matcher.sample import Sample
from matcher.shares import SWAPPED, State, in_matches, in_relatives, rates_of, sets_of, start, twins

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ITERATIONS = 200
TOLERANCE = 1e-4
"""Of all probability, so much may still move when the fit ends."""
PRIOR_MATCHES = 30.0
"""Weight of what is known beforehand about changes in matches, in pairs; in relatives below."""
PRIOR_RELATIVES = 200.0
PRIOR_NUMBERS, PRIOR_TOKENS = 1000.0, 20.0
"""Weight, in pairs of relatives, of what is known beforehand about how often their tokens agree: of a number that one
child alone has, and of others. With less, matches full of faults pass for relatives who share a number."""
SAME_TOKEN = 0.001
"""Share of relatives whose tokens agree, before data speak."""
PRIOR_PARTNERS = 50.0
"""Weight, in pairs, of how often all rows have partners for how often those of strangers with one change have them."""
LEAST_LEFT = 1e-3
"""A share that is hardly seen keeps so much of itself where the others make up more than one."""
MOST_FREE = 4.0
"""Strangers with one change are at most so many times as often without partners as all rows, and as few times."""
UNCONTESTED = 0.02
"""Weight of a pair without a better rival when the rates of relatives are learnt: it may be a match."""
LEAST_SHARE, BEST_SEEN = 0.1, 0.99
"""Patterns that are not rare and show nearly as many of their matches as the best does tell how many there are."""
SWEEPS, LAST_SWEEPS = 2, 30


@dataclass(frozen=True)
class Fit:
    """``odds``: float64 (pairs,), log odds with rivals considered; ``careful``: the same when twins are feared.

    ``alone``: as ``careful``, but no rival considered. ``matches``: expected, with those that are not listed.
    """

    odds: Floats
    careful: Floats
    alone: Floats
    matches: float
    iterations: int
    converged: bool


def fit(sample: Sample, *, twin_caution: float = 1.0) -> Fit:
    """Fit the mixture to the pairs, at least one; deterministic.

    ``twin_caution``: how many missed links one false link between twins outweighs, 1 or more.
    """
    shared = sets_of(len(sample.changes.fields))
    state, rivals = start(sample, shared), Rivals(sample.left, sample.right, sample.rows)
    before, iterations = np.zeros(len(sample.cell)), 0
    while True:
        view = _View.of(sample, state, shared)
        plain = (view.odds + _prior(sample, state))[sample.cell]
        odds, *free = rivals.compete(plain, sweeps=SWEEPS)
        probability = 1 / (1 + np.exp(-odds))
        moved = float(np.abs(probability - before).sum())
        if iterations == ITERATIONS or moved <= TOLERANCE * max(1.0, float(probability.sum())):
            break
        iterations, before = iterations + 1, probability
        _learn(sample, state, shared, view, probability, free)
    odds, _, _ = rivals.compete(plain, sweeps=LAST_SWEEPS)
    fear = view.fear(sample, state, twins(sample.changes, shared), twin_caution)[sample.cell]
    alone = np.clip(plain, -LARGEST, LARGEST) + fear
    return Fit(odds, odds + fear, alone, state.matches, iterations, iterations < ITERATIONS)


@dataclass(frozen=True, repr=False)
class _View:
    """The cells as the state sees them. ``match``: float64 (patterns, changes), ``parts``: (patterns, sets, changes),
    shares of changes; ``strange``: (patterns, changes), of strangers among all pairs; the others float64 (cells,),
    likelihoods, ``unmatched`` of pairs that are no match and whose rows both lack a partner."""

    match: Floats
    parts: Floats
    near: NDArray[np.bool_]
    strange: Floats
    given_match: Floats
    unmatched: Floats
    strangers: Floats
    relatives: Floats
    by_strangers: Floats
    by_relatives: Floats
    odds: Floats

    @classmethod
    def of(cls, sample: Sample, state: State, shared: NDArray[np.bool_]) -> _View:
        match, parts = in_matches(sample, state), in_relatives(sample, state, shared)
        near = shared.sum(axis=1) >= 2
        strange, related = (np.einsum("ks,ksc->kc", state.rates * of, parts) for of in (~near, near))
        given = sample.given(np.stack([match, strange, related, strange * state.free], axis=2)).T
        by_match, by_strangers, by_relatives = (
            _exact(sample, agree) for agree in (state.agree_match, state.agree_strangers, state.agree_relatives)
        )
        strangers, relatives = given[1] * by_strangers, given[2] * by_relatives
        unmatched = given[3] * by_strangers + relatives
        odds = _log(given[0] * by_match) - _log(unmatched)
        return cls(
            match=match,
            parts=parts,
            near=near,
            strange=strange,
            given_match=given[0],
            unmatched=unmatched,
            strangers=strangers,
            relatives=relatives,
            by_strangers=by_strangers,
            by_relatives=by_relatives,
            odds=odds,
        )

    def fear(self, sample: Sample, state: State, twins: NDArray[np.bool_], caution: float) -> Floats:
        """By how much the odds fall if twins weigh so much more; float64 (cells,)."""
        more = np.einsum("ks,ksc->kc", state.rates * twins * (caution - 1), self.parts)
        feared = self.unmatched + sample.given(more[:, :, None])[:, 0] * self.by_relatives
        return _log(self.unmatched) - _log(feared)


def _prior(sample: Sample, state: State) -> float:
    """Log odds that two rows match, given that neither matches elsewhere.

    Of rows that match no one there are few when most match: what remains for each other is likelier a match.
    """
    free = math.prod(_alone(state.listed, rows) for rows in sample.rows)
    return math.log((state.matches + 1) / math.prod(sample.rows)) - math.log(free)


def _alone(listed: float, rows: int) -> float:
    """Share of rows without a partner, never none."""
    return (rows - min(listed, rows) + 1) / (rows + 1)


def _exact(sample: Sample, agree: Floats) -> Floats:
    """Likelihood of what the exact match-keys say, float64 (cells,)."""
    return np.asarray(
        np.exp((sample.agreement == 1) @ np.log(agree) + (sample.agreement == -1) @ np.log1p(-agree)), np.float64
    )


def _learn(
    sample: Sample,
    state: State,
    shared: NDArray[np.bool_],
    view: _View,
    probability: Floats,
    free: Sequence[Floats],
) -> None:
    """One step of maximisation."""
    other = np.maximum(view.strangers + view.relatives, 1e-300)
    matched, rest = sample.per_cell(probability), _rest(sample, probability, free)
    listed = float(probability.sum())
    partners = [1 - _alone(listed, rows) for rows in sample.rows]
    usual = math.prod(1 - one for one in partners)
    unlike = rest.sum(axis=0) / (1 - usual * (1 - UNCONTESTED)) / other
    weights = [matched / np.maximum(view.given_match, 1e-300), unlike * view.by_relatives]
    weights += [one * view.by_strangers / other for one in rest]
    changed, near, *strangers = np.moveaxis(sample.gathered(np.stack(weights, axis=1)), 2, 0)
    lone = _lone([(one * view.strange).sum(axis=0) for one in strangers], partners)
    state.free = np.clip(lone / usual, 1 / MOST_FREE, MOST_FREE)
    far = np.sum(strangers, axis=0) / (1 - state.free * usual * (1 - UNCONTESTED))
    known = math.prod((1 - sample.both * state.agree_match).tolist())
    found = 1 - known * (1 - sample.seen)
    state.matches = _total(sample, matched, (view.match * found).sum(axis=1))
    _learn_matches(
        sample, state, view.match * changed, state.matches * sample.presence.share[:, None] * view.match * found
    )
    ratio = np.where(view.near[None, :, None], near[:, None, :], far[:, None, :])
    _learn_relatives(sample, state, shared, view.parts, state.rates[:, :, None] * view.parts * ratio)
    _learn_exact(sample, state, matched, unlike * view.strangers, unlike * view.relatives)
    state.listed = listed


def _rest(sample: Sample, probability: Floats, free: Sequence[Floats]) -> Floats:
    """Weights of pairs that are no match: both rows have a better partner, the left, the right, neither; float64 (4,
    cells). The last may be matches, and hardly count."""
    left, right = free
    kinds = ((1 - left) * (1 - right), (1 - left) * right, left * (1 - right), UNCONTESTED * left * right)
    return np.stack([sample.per_cell((1 - probability) * one) for one in kinds])


def _lone(counts: Sequence[Floats], partners: Sequence[float]) -> Floats:
    """By change, the share of strangers of whom neither row has a partner, float64 (changes,).

    ``counts``: as of ``_rest``, each (changes,). Children of one age or place are known to both holders more often than
    others, and more alike. So the share is not that of all rows, but what makes a table of two by two independent.
    Not so for relatives: who is known to both holders has a family that is, and nothing would be left to call twins.
    """
    first, second = partners
    both, left, right = (
        count + PRIOR_PARTNERS * share
        for count, share in zip(counts, (first * second, first * (1 - second), (1 - first) * second), strict=False)
    )
    neither = left * right / np.maximum(both, 1e-300)
    return np.asarray(neither / (both + left + right + neither))


def _total(sample: Sample, matched: Floats, seen: Floats) -> float:
    """How many matches there are, listed or not: as many as the patterns tell that show them best.

    That a child is known to both holders is taken not to depend on what is missing. ``seen``: float64 (patterns,).
    """
    found = np.bincount(sample.pattern, weights=matched, minlength=len(seen))
    share = sample.presence.share
    common = share >= LEAST_SHARE * share.max()
    best = common & (seen >= BEST_SEEN * seen[common].max())
    total = found[best].sum() / max(float((share * seen)[best].sum()), 1e-9)
    return min(max(float(total), float(found.sum())), float(min(sample.rows)))


def _learn_matches(sample: Sample, state: State, counts: Floats, exposed: Floats) -> None:
    """``counts`` of each change found, and how many were ``exposed``: expected by the shares so far."""
    changes = sample.changes
    kept = ~changes.swapped
    for column, field in enumerate(changes.fields):
        state.match[column] = _shares(
            changes.levels[:, column], counts * kept, exposed * kept, state.match[column], PRIOR_MATCHES, field.match
        )
    if changes.swapped.any():
        every = exposed[:, changes.swapped].sum() / state.swapped
        found = counts[:, changes.swapped].sum()
        state.swapped = float((found + PRIOR_MATCHES * SWAPPED) / (every + PRIOR_MATCHES))


def _learn_relatives(sample: Sample, state: State, shared: NDArray[np.bool_], parts: Floats, counts: Floats) -> None:
    """``parts`` and ``counts``: float64 (patterns, sets, changes), shares of changes, and how many were found.

    Half a step only: rates and shares are each learnt as if the others were right, and would overshoot in turns.
    """
    state.rates = np.sqrt(state.rates * rates_of(sample, shared, parts, counts.sum(axis=2)))
    exposed = sample.every[:, None, None] * state.rates[:, :, None] * parts * sample.seen[:, None, :]
    for column, field in enumerate(sample.changes.fields):
        level, has = sample.changes.levels[:, column], shared[:, column]
        for shares, of, prior in ((state.same, has, field.same), (state.other, ~has, field.other)):
            found, expected = counts[:, of].sum(axis=1), exposed[:, of].sum(axis=1)
            shares[column] = (
                shares[column] + _shares(level, found, expected, shares[column], PRIOR_RELATIVES, prior, seen=False)
            ) / 2


def _learn_exact(sample: Sample, state: State, matched: Floats, strangers: Floats, relatives: Floats) -> None:
    """Tokens of strangers agree as often as they are found to among all pairs that have both, listed or not."""
    agree, differ = (sample.agreement == 1).astype(np.float64), (sample.agreement == -1).astype(np.float64)
    state.agree_match = (matched @ agree + 19.4) / (matched @ (agree + differ) + 20)
    before = np.where(sample.number, PRIOR_NUMBERS, PRIOR_TOKENS)
    state.agree_relatives = (relatives @ agree + before * SAME_TOKEN) / (relatives @ (agree + differ) + before)
    state.agree_strangers = (strangers @ agree + 0.2) / (math.prod(sample.rows) * sample.both + 1e3)


def _shares(
    level: Ints, counts: Floats, exposed: Floats, shares: Floats, weight: float, prior: Floats, *, seen: bool = True
) -> Floats:
    """Shares of levels by pattern, drawn towards those of all patterns, and these towards ``prior`` by ``weight``.

    That they make up one is put right by all in proportion, or by those that are hardly ``seen``: of strangers what
    differs entirely is known from few pairs above the floor, and an error there would shift what is well known.
    """
    onto = np.zeros((len(level), len(prior)))
    onto[np.arange(len(level)), level] = 1.0
    found, full = counts @ onto, (exposed @ onto) / np.maximum(shares, 1e-12)
    pooled = _whole((found.sum(axis=0) + weight * prior) / (full.sum(axis=0) + weight), full.sum(axis=0), seen)
    return _whole((found + weight * pooled) / (full + weight), full, seen)


def _whole(shares: Floats, full: Floats, seen: bool) -> Floats:
    """The shares, made to add up to one. ``full``: of how many pairs each would have been seen."""
    if not seen:
        unseen = shares * (1 - full / np.maximum(full.max(axis=-1, keepdims=True), 1e-12))
        lack = (1 - shares.sum(axis=-1, keepdims=True)) / np.maximum(unseen.sum(axis=-1, keepdims=True), 1e-300)
        shares = np.maximum(shares + lack * unseen, LEAST_LEFT * shares)
    return np.asarray(shares / shares.sum(axis=-1, keepdims=True))


def _log(value: Floats) -> Floats:
    return np.asarray(np.log(np.maximum(value, 1e-300)))
