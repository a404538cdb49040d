"""What messages believe of a row beside who is likeliest, and that sampling hears it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from services.assurance.attacks.beliefs import Leaning, nats_of_leaning
from services.assurance.attacks.expected import Expected, expected
from services.assurance.attacks.graph import Numbers, Side, Strong, strongest, structure
from services.assurance.attacks.messages import believe
from services.assurance.attacks.prior import Prior, prior_of
from services.assurance.attacks.sampling import draw
from tests.services.assurance.attacks.settings import NOBODY, filters, made

LISTED = 200


class Matched:
    """Two graphs of as many children as are ``LISTED``, and who is who: int64 (rows,)."""

    def __init__(self, t: int) -> None:
        attacked, own = made(t, population=LISTED), filters(t, population=LISTED)
        keys = [key for key in own[0] if attacked.victim[key].words > 2]
        self.truth = attacked.truth
        self.side: Side = structure(attacked.victim, keys)
        self.strong: Strong = strongest(self.side, most=8, least=8.0)
        self.edges: Expected = expected(own, keys, self.side, power=t)
        self.prior: Prior = prior_of(attacked.victim, own[0], NOBODY)

    def believed(self, kept: int) -> tuple[Numbers, Leaning]:
        target, _, lean = believe(self.side, self.strong, self.edges, self.prior, kept=kept)
        return target, lean

    def drawn(self, lean: Leaning) -> Numbers:
        draws = draw(self.side, self.strong, self.edges, self.prior, lean, NOBODY, np.random.default_rng(1))
        return draws.commonest()[0]


@cache
def matched(t: int) -> Matched:
    return Matched(t)


def of_all(lean: Leaning) -> np.ndarray:
    """Nats of all pairs: float64 (rows, LISTED)."""
    rows = len(lean.candidates)
    return np.array([[nats_of_leaning(lean, i, c) for c in range(LISTED)] for i in range(rows)])


@pytest.mark.parametrize("kept", [70, LISTED])
def test_it_says_of_each_of_the_list_how_likely_it_is(kept: int) -> None:
    target, lean = matched(5).believed(kept)
    nats = of_all(lean)
    assert (nats.argmax(axis=1) == target).mean() > 0.95  # ties aside
    assert np.allclose(np.exp(nats).sum(axis=1), LISTED, rtol=0.01)
    for row, candidates in enumerate(lean.candidates):
        assert np.allclose(nats[row, candidates], lean.nats[row])
        assert np.allclose(np.delete(nats[row], candidates), lean.others[row])


def test_whoever_is_next_to_impossible_is_not_ruled_out() -> None:
    nats = of_all(matched(5).believed(LISTED)[1])
    assert nats.min() == pytest.approx(np.log(1e-3))


def test_sampling_hears_it() -> None:
    """Under strong hardening sampling alone names hardly anybody: here it is told of some, and of some it is told
    wrongly."""
    attacked = matched(16)
    everyone = np.tile(np.arange(LISTED, dtype=np.int32), (LISTED, 1))
    indifferent = Leaning(everyone, np.zeros((LISTED, LISTED), np.float32), np.zeros(LISTED, np.float32))
    assert (attacked.drawn(indifferent) == attacked.truth).mean() < 0.1
    told = np.concatenate([attacked.truth[:50], np.roll(attacked.truth[50:100], 1)])
    leans = np.zeros((LISTED, LISTED), np.float32)
    leans[np.arange(100), told] = 40
    assert (attacked.drawn(indifferent._replace(nats=leans))[:100] == told).mean() > 0.95


def test_what_it_is_made_of_is_not_shown() -> None:
    assert repr(matched(5).believed(70)[1]) == "Leaning(rows=200, candidates=70)"
