"""What known pairs teach of the rest: q-grams and, from them, who it is."""

from __future__ import annotations

import numpy as np

from services.assurance.attacks import learner
from tests.services.assurance.attacks.settings import (
    NOBODY,
    absent,
    made,
    right_among_others,
    rows_taken,
    some_known,
)

LISTED = 500


def rate(t: int | None, known: int) -> float:
    attacked = made(t, population=LISTED)
    seeds = some_known(attacked, known)
    guess = learner.attack(attacked.victim, attacked.identifiers, seeds, np.random.default_rng(1))
    assert (guess.target[:known] == seeds[:, 1]).all()
    return right_among_others(guess.target, attacked, seeds)


def test_filters_that_are_not_hardened_break_the_more_is_known() -> None:
    few, many = rate(None, 25), rate(None, 100)
    assert 0.02 < few < many
    assert many > 0.9


def test_hardened_encodings_do_not() -> None:
    assert rate(8, 5) < 0.01
    assert rate(8, 100) < 0.015


def recovered(t: int | None) -> learner.Recovered:
    attacked = made(t, population=LISTED)
    seeds = some_known(attacked, 100)
    learnt = learner.learn(attacked.victim, attacked.identifiers, seeds)
    return learner.recovered(learnt, attacked.truth, seeds)


def test_q_grams_are_recovered_from_filters_that_are_not_hardened() -> None:
    found = recovered(None)
    assert found.precision > 0.7 > 0.3 > found.base_precision > 0
    assert found.recall > 0.7 > 0.3 > found.base_recall > 0


def test_q_grams_of_hardened_encodings_are_not_recovered() -> None:
    found = recovered(8)
    assert found.precision < found.base_precision + 0.01
    assert found.recall < found.base_recall + 0.01


def test_without_known_pairs_nobody_is_named() -> None:
    attacked = made(None, population=LISTED)
    guess = learner.attack(attacked.victim, attacked.identifiers, NOBODY, np.random.default_rng(1))
    assert (guess.target == -1).all()
    learnt = learner.learn(attacked.victim, attacked.identifiers, NOBODY)
    assert learner.recovered(learnt, attacked.truth, NOBODY) == learner.Recovered(0, 0, 0, 0)


def test_when_everybody_is_known_there_is_nobody_to_name() -> None:
    attacked = made(None, population=LISTED)
    everybody = some_known(attacked, LISTED)
    guess = learner.attack(attacked.victim, attacked.identifiers, everybody, np.random.default_rng(1))
    assert (guess.target == attacked.truth).all()


def test_the_order_of_rows_does_not_matter() -> None:
    attacked = made(None, population=LISTED)
    order = np.random.default_rng(5).permutation(LISTED)
    seeds = some_known(attacked, 100)
    place = np.argsort(order)
    turned = np.stack([place[seeds[:, 0]], seeds[:, 1]], axis=1)
    rng = np.random.default_rng(1)
    guess = learner.attack(rows_taken(attacked.victim, order), attacked.identifiers, turned, rng)
    plain = learner.attack(attacked.victim, attacked.identifiers, seeds, np.random.default_rng(1))
    assert np.mean(guess.target == plain.target[order]) > 0.99


def test_rows_that_lack_a_match_key() -> None:
    attacked = made(None, population=LISTED)
    seeds = some_known(attacked, 100)
    victim = absent(attacked.victim, "names", np.arange(0, LISTED, 4))
    guess = learner.attack(victim, attacked.identifiers, seeds, np.random.default_rng(1))
    assert right_among_others(guess.target, attacked, seeds) > 0.6


def test_no_rows() -> None:
    attacked = made(None, population=LISTED)
    nothing = rows_taken(attacked.victim, np.arange(0))
    guess = learner.attack(nothing, attacked.identifiers, NOBODY, np.random.default_rng(1))
    assert len(guess.target) == len(guess.confidence) == 0
