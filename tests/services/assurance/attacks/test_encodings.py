"""Attacks on encodings: each succeeds where it must, and what hardening leaves it is told by the numbers."""

from __future__ import annotations

import numpy as np
import pytest

from encoder.match_keys import Encodings
from keys.terms import ExactKey, FuzzyKey, Terms
from services.assurance.attacks import dictionary, frequency, patterns, popcount, similarity, two_runs
from services.assurance.attacks.cases import ONE_NAME
from services.assurance.attacks.cohort import Cohort, draw_secret, encoded, fuzzy_keys, make_cohort, unhardened
from services.assurance.attacks.qgrams import Held, held

Rng = np.random.Generator


def both(cohort: Cohort, terms: Terms, keys: list[FuzzyKey | ExactKey], rng: Rng) -> list[dict[str, Encodings]]:
    """The rows and the list, each under a secret of its own."""
    return [encoded(one, keys, terms=terms, secret=draw_secret(rng)) for one in (cohort.held, cohort.listed)]


def first(cohort: Cohort, terms: Terms, rng: Rng) -> tuple[FuzzyKey, Encodings, Held]:
    key = fuzzy_keys(terms)[0]
    victim = encoded(cohort.held, [key], terms=terms, secret=draw_secret(rng))[key.name]
    return key, victim, held(cohort.held, key, terms.encoding)


def test_a0_whoever_has_the_secret_finds_everybody_and_nobody_without_it(
    cohort: Cohort, default: Terms, rng: Rng
) -> None:
    secret = draw_secret(rng)
    victim, listed = (
        encoded(one, default.match_keys, terms=default, secret=secret) for one in (cohort.held, cohort.listed)
    )
    assert (dictionary.attack(victim, listed).target == cohort.truth).all()
    other = encoded(cohort.listed, default.match_keys, terms=default, secret=draw_secret(rng))
    assert (dictionary.attack(victim, other).target == -1).all()


def test_a0_faults_of_spelling_cost_only_some_match_keys(default: Terms, rng: Rng) -> None:
    soiled = make_cohort(500, listed=1_000, scenario="high", terms=default, rng=rng)
    secret = draw_secret(rng)
    victim, listed = (
        encoded(one, default.match_keys, terms=default, secret=secret) for one in (soiled.held, soiled.listed)
    )
    found = dictionary.attack(victim, listed)
    assert np.mean(found.target == soiled.truth) > 0.95
    assert np.unique(found.confidence).size >= 2


def test_a1_common_surnames_are_named_hardened_or_not_and_whole_rows_are_not(
    cohort: Cohort, default: Terms, rng: Rng
) -> None:
    for terms in (default, unhardened(default)):
        victim, own = both(cohort, terms, [ONE_NAME, *fuzzy_keys(terms)[:1]], rng)
        shares = {}
        for name, one in victim.items():
            right, named = frequency.rightly_named(frequency.align(one, own[name], rng), own[name], cohort.truth)
            shares[name] = right / named
        assert shares.pop("surname-alone") > 0.01
        assert len(shares) == 1
        assert max(shares.values()) < 0.005


def test_a1_tokens_of_an_exact_match_key_keep_the_frequencies_of_their_values(default: Terms, rng: Rng) -> None:
    whole = make_cohort(2_000, listed=2_000, scenario="as-listed", terms=default, rng=rng)
    year = ExactKey.model_validate({"kind": "exact", "name": "year", "tuple_of": ["year"]})
    victim, own = both(whole, default, [year], rng)
    taken = frequency.align(victim["year"], own["year"], rng)
    right, named = frequency.rightly_named(taken, own["year"], whole.truth)
    assert named == 2_000
    assert right / named > 3 * frequency.commonest(own["year"])


def test_a1_a_row_that_alone_lacks_a_number_is_known_by_that(rng: Rng) -> None:
    present = np.ones(50, np.bool_)
    present[7] = False
    bits = rng.integers(0, 256, size=(50, 16), dtype=np.uint8)
    order = rng.permutation(50)
    made = Encodings(bits, present)
    shuffled = Encodings(rng.integers(0, 256, size=(50, 16), dtype=np.uint8), present[order])
    found = frequency.attack({"nhs-number": made}, {"nhs-number": shuffled}, rng)
    assert order[found.target[7]] == 7
    assert (found.target >= 0).all()


def test_a1_absent_rows_are_not_named(rng: Rng) -> None:
    nobody = Encodings(np.zeros((4, 16), np.uint8), np.zeros(4, np.bool_))
    assert frequency.align(nobody, nobody, rng).tolist() == [-1] * 4
    assert frequency.commonest(nobody) == 0


def test_a2_a_number_of_bits_per_qgram_tells_lengths_and_ours_does_not(
    cohort: Cohort, default: Terms, rng: Rng
) -> None:
    key, victim, truth = first(cohort, default, rng)
    plain = popcount.bits_per_token(key, default.encoding, cohort.held, secret=b"s" * 64)
    leaks = popcount.attack(plain, truth, key)
    assert [one.what for one in leaks] == ["q-grams of all fields", f"q-grams of {key.features[0].field.value}"]
    assert leaks[0].rho > 0.95
    assert all(abs(one.rho) < 0.08 for one in popcount.attack(victim, truth, key))


def test_a3_sets_of_bits_are_qgrams_in_plain_filters(cohort: Cohort, default: Terms, rng: Rng) -> None:
    """Of the sets that are mined from plain filters, most are of the very rows that have one token."""
    _, victim, truth = first(cohort, unhardened(default), rng)
    mined = patterns.mine(np.unpackbits(victim.bits, axis=1))
    has = truth.has.astype(np.float64)
    best = [np.max((2 * (one.rows @ has)) / (one.rows.sum() + has.sum(axis=0))) for one in mined]
    assert np.mean(np.array(best) > 0.9) > 0.5


@pytest.mark.parametrize(("which", "least"), [("default", 0.04), ("several", 0.05)])
def test_a3_claims_beat_guessing_on_plain_filters_and_not_on_hardened_ones(
    cohort: Cohort, which: str, least: float, rng: Rng, request: pytest.FixtureRequest
) -> None:
    hardened: Terms = request.getfixturevalue(which)
    above = {}
    for terms in (hardened, unhardened(hardened)):
        key, victim, truth = first(cohort, terms, rng)
        listed = held(cohort.listed, key, terms.encoding)
        claims = patterns.attack(victim, listed, truth, key, base_length=1024)
        assert 0 <= claims.right <= claims.made
        above[terms is hardened] = (claims.right - claims.expected) / claims.made
    assert above[False] > least
    assert abs(above[True]) < 0.03


def test_a3_a_planted_set_is_found_and_bits_that_never_vary_are_not_in_it(rng: Rng) -> None:
    bits = (rng.random((800, 256)) < 0.3).astype(np.uint8)
    having = np.arange(800) % 6 == 0
    planted = np.array([3, 50, 77, 100, 130, 200, 201, 255])
    bits[np.ix_(having, planted)] = 1
    bits[:, [0, 1]] = 1
    largest = patterns.mine(bits)[0]
    assert set(planted) <= set(largest.bits.tolist())
    assert not {0, 1} & set(largest.bits.tolist())
    assert (largest.rows == having).mean() > 0.99


def test_a4_plain_filters_show_similarity_and_hardened_ones_hardly(cohort: Cohort, default: Terms, rng: Rng) -> None:
    some = Cohort(cohort.listed, cohort.held, cohort.truth)
    found = {}
    for terms in (default, unhardened(default)):
        key, victim, truth = first(some, terms, rng)
        made = similarity.similarities(victim, truth, key, hardened=terms is default)
        assert float(made.encoded.min()) >= 0
        assert np.allclose(np.diag(made.encoded), 1)
        found[terms is default] = similarity.leak(made)
    assert found[False].low > 0.8
    assert found[True].high < 0.05


def test_a4_the_mean_over_match_keys_is_that_of_each_pair() -> None:
    one = similarity.Similarities(np.eye(20, dtype=np.float32), np.ones((20, 20), np.float32))
    other = similarity.Similarities(np.zeros((20, 20), np.float32), np.zeros((20, 20), np.float32))
    sums = similarity.Mean()
    sums.add(one)
    sums.add(other)
    assert np.array_equal(sums.mean().plain, one.plain / 2)
    assert np.array_equal(sums.mean().encoded, one.encoded / 2)
    with pytest.raises(ValueError, match="nothing"):
        similarity.Mean().mean()


def test_a8_runs_of_one_secret_are_linked_and_runs_of_two_are_not(default: Terms, rng: Rng) -> None:
    some = make_cohort(1_200, listed=1_200, scenario="as-listed", terms=default, rng=rng)
    one, other = (encoded(some.held, default.match_keys, terms=default, secret=draw_secret(rng)) for _ in range(2))
    order = rng.permutation(1_200)
    truth = np.argsort(order)

    def linked(second: dict[str, Encodings]) -> dict[str, float]:
        shuffled = {name: Encodings(made.bits[order], made.present[order]) for name, made in second.items()}
        return {way: float(np.mean(one.target == truth)) for way, one in two_runs.attack(one, shuffled, rng).items()}

    same, apart = linked(one), linked(other)
    assert same["nearest bits"] == 1
    assert same["nearest numbers of set bits"] > 0.9
    assert max(apart.values()) < 0.01


def test_a8_a_row_without_an_encoding_is_taken_for_one_without(rng: Rng) -> None:
    bits = rng.integers(0, 256, size=(40, 32), dtype=np.uint8)
    present = np.arange(40) % 4 > 0
    bits[~present] = 0
    number = Encodings(bits[:, :16].copy(), np.ones(40, np.bool_))
    name = Encodings(bits, present)
    number.bits[~present] = rng.integers(0, 256, size=(10, 16), dtype=np.uint8)
    found = two_runs.attack({"number": number, "name": name}, {"number": number, "name": name}, rng)["nearest bits"]
    assert (found.target == np.arange(40)).all()
    assert (found.confidence == np.where(present, 128 + 256, 128)).all()
