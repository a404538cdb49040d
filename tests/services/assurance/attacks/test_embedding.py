"""The published style of graph matching: it breaks plain filters, and nothing that is hardened well."""

from __future__ import annotations

import numpy as np
import pytest

from services.assurance.attacks import embedding
from services.assurance.attacks.guess import right
from tests.services.assurance.attacks.settings import NOBODY, absent, made, right_among_others, rows_taken, some_known

LISTED = 400


def rate(t: int | None, *, known: int = 0) -> float:
    attacked = made(t, population=LISTED)
    seeds = some_known(attacked, known)
    guess = embedding.attack(attacked.victim, attacked.own, seeds, np.random.default_rng(1))
    assert (guess.target[:known] == seeds[:, 1]).all()
    return right_among_others(guess.target, attacked, seeds)


def test_filters_that_are_not_hardened_break() -> None:
    assert rate(None) > 0.9


def test_hardened_encodings_do_not() -> None:
    assert rate(8) < 0.02


def test_known_pairs_are_kept() -> None:
    assert rate(None, known=40) > 0.9


def test_nobody_is_named_twice() -> None:
    attacked = made(None, population=LISTED)
    victim = rows_taken(attacked.victim, np.arange(150))
    guess = embedding.attack(victim, attacked.own, NOBODY, np.random.default_rng(1))
    assert len(np.unique(guess.target)) == 150


def test_the_order_of_rows_does_not_matter() -> None:
    attacked = made(None, population=LISTED)
    order = np.random.default_rng(5).permutation(LISTED)
    victim = rows_taken(attacked.victim, order)
    guess = embedding.attack(victim, attacked.own, NOBODY, np.random.default_rng(1))
    assert right(guess, attacked.truth[order]) > 0.9


def test_rows_that_lack_a_match_key() -> None:
    attacked = made(None, population=LISTED)
    lacking = np.arange(0, LISTED, 8)
    victim, own = (
        absent(attacked.victim, "names", lacking),
        absent(attacked.own, "names", attacked.truth[lacking]),
    )
    assert right(embedding.attack(victim, own, NOBODY, np.random.default_rng(1)), attacked.truth) > 0.6


@pytest.mark.parametrize("keep", [0, 1, 2, 30])
def test_hardly_any_rows(keep: int) -> None:
    attacked = made(None, population=LISTED)
    few, listed = rows_taken(attacked.victim, np.arange(keep)), rows_taken(attacked.own, attacked.truth[:keep])
    guess = embedding.attack(few, listed, NOBODY, np.random.default_rng(1))
    assert sorted(guess.target.tolist()) == list(range(keep))


def test_a_list_that_is_too_short_names_nobody() -> None:
    attacked = made(None, population=LISTED)
    short = rows_taken(attacked.own, np.arange(10))
    guess = embedding.attack(attacked.victim, short, NOBODY, np.random.default_rng(1))
    assert (guess.target == -1).all()
