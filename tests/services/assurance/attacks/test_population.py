"""The setting of an attack: who is listed, who is a victim, and two secrets that have nothing in common."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from keys.template import default_terms
from keys.terms import FuzzyKey, Terms
from matcher.encodings import Encodings
from services.assurance.attacks.guess import Guess, right, right_of_surest
from services.assurance.attacks.population import Setting, own_filters, setting

IDENTIFIERS = ["forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"]


@pytest.fixture(scope="module")
def terms() -> Terms:
    return default_terms({"council": IDENTIFIERS, "icb": IDENTIFIERS})


def made(terms: Terms, share: float = 0.5, *, seed: int = 1) -> Setting:
    return setting(terms, population=200, share=share, rng=np.random.default_rng(seed))


def distances(one: Encodings) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.asarray(np.bitwise_count(one.bits[:, None] ^ one.bits[None, :]).sum(axis=2, dtype=np.int64))


def test_both_sides_have_every_match_key(terms: Terms) -> None:
    attacked = made(terms)
    assert list(attacked.victim) == list(attacked.own) == [key.name for key in terms.match_keys]
    assert {one.rows for one in attacked.own.values()} == {200, attacked.identifiers.rows}
    assert {one.rows for one in attacked.victim.values()} == {100}
    assert len(np.unique(attacked.truth)) == 100


def test_truth_joins_rows_of_the_same_spelling_under_other_secrets(terms: Terms) -> None:
    """Without hardening equal bits of a row stay equal in number, so distances within a side are near each other."""
    encoding = terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "to compare"})
    attacked = made(terms.model_copy(update={"encoding": encoding}))
    for key in terms.match_keys:
        victim, own = attacked.victim[key.name], attacked.own[key.name]
        assert not (victim.bits == own.bits[attacked.truth]).all(axis=1)[victim.present].any()
        if isinstance(key, FuzzyKey):
            among, known = distances(victim), distances(own)[np.ix_(attacked.truth, attacked.truth)]
            assert np.corrcoef(among.ravel(), known.ravel())[0, 1] > 0.8
    exact = attacked.victim["upn"].present, attacked.own["upn"].present[attacked.truth]
    assert np.array_equal(*exact)


def test_rows_are_in_no_order(terms: Terms) -> None:
    attacked = made(terms, 1.0)
    assert abs(np.corrcoef(attacked.truth, np.arange(200))[0, 1]) < 0.3
    homes = attacked.identifiers.columns["postcode"].codes
    together = np.mean(homes[1:] == homes[:-1])
    assert together < 0.1


def test_the_same_state_gives_the_same_setting(terms: Terms) -> None:
    first, again, other = made(terms), made(terms), made(terms, seed=2)
    for name, one in first.victim.items():
        assert np.array_equal(one.bits, again.victim[name].bits)
        assert not np.array_equal(one.bits, other.victim[name].bits)
    assert np.array_equal(first.truth, again.truth)


def test_a_setting_without_victims(terms: Terms) -> None:
    attacked = made(terms, 0.0)
    assert len(attacked.truth) == 0
    assert {one.rows for one in attacked.victim.values()} == {0}


@pytest.mark.parametrize(("population", "share"), [(0, 0.5), (10, -0.1), (10, 1.1)])
def test_no_setting(terms: Terms, population: int, share: float) -> None:
    with pytest.raises(ValueError, match="make no setting"):
        setting(terms, population=population, share=share, rng=np.random.default_rng(1))


def test_shares_that_are_right() -> None:
    truth = np.array([3, 1, 2, 0])
    guess = Guess(np.array([3, 0, -1, 0]), np.array([0.9, 0.2, 0.0, 0.5]))
    assert right(guess, truth) == 0.5
    assert [right_of_surest(guess, truth, most) for most in (1, 2, 3, 10)] == [1, 1, 2 / 3, 2 / 3]
    nobody = replace(guess, target=np.full(4, -1))
    assert right(nobody, truth) == right_of_surest(nobody, truth, 10) == 0
    assert right(Guess(np.empty(0, np.int64), np.empty(0)), np.empty(0, np.int64)) == 0


def test_filters_of_the_list_are_not_hardened_and_each_under_another_secret(terms: Terms) -> None:
    attacked = made(terms)
    one, other = own_filters(attacked.identifiers, terms, rng=np.random.default_rng(2), secrets=2)
    assert list(one) == list(attacked.own)
    for key in terms.match_keys:
        assert one[key.name].rows == 200
        there = one[key.name].present
        assert there.sum() > 50
        assert not (one[key.name].bits[there] == other[key.name].bits[there]).all(axis=1).any()
        if isinstance(key, FuzzyKey):
            assert one[key.name].length == terms.encoding.length
            assert np.corrcoef(distances(one[key.name]).ravel(), distances(other[key.name]).ravel())[0, 1] > 0.8
