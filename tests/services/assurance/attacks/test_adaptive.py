"""The attack on all match-keys together: what it breaks, what it cannot, and that it sees nothing but encodings."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from encoder.errors import InputError
from matcher.encodings import Encodings
from services.assurance.attacks import adaptive
from services.assurance.attacks.guess import Guess, right, right_of_surest
from services.assurance.attacks.population import own_filters, setting
from services.assurance.attacks.room import candidates
from tests.services.assurance.attacks.settings import (
    NOBODY,
    absent,
    filters,
    made,
    right_among_others,
    rows_taken,
    some_known,
    template_terms,
)

LISTED = 250


def attack(t: int | None, *, share: float = 1.0, known: int = 0, seed: int = 1) -> tuple[Guess, float]:
    attacked = made(t, population=LISTED, share=share)
    seeds = some_known(attacked, known)
    own = filters(t, population=LISTED)
    guess = adaptive.attack(attacked.victim, own, seeds, np.random.default_rng(seed), power=t or 1)
    return guess, right_among_others(guess.target, attacked, seeds)


def test_filters_that_are_not_hardened_break() -> None:
    guess, rate = attack(None)
    assert rate > 0.95
    assert right_of_surest(guess, made(None, population=LISTED).truth, 100) > 0.97


def test_light_hardening_breaks() -> None:
    assert attack(3)[1] > 0.9


def test_rows_that_are_much_alike_are_told_apart_by_how_much() -> None:
    """Any two rows of a group stand out so far that either of them alone is beyond doubt; which group it is, only the
    several distances tell. So it is on long lists under light hardening."""
    rng = np.random.default_rng(1)
    apart = rng.uniform(0.02, 0.2, (100, 6))  # of the bits of a row, those that differ from its group's
    victim, own = in_groups(apart, rng), [{"all": in_groups(apart, rng)} for _ in range(4)]
    order = rng.permutation(apart.size)
    guess = adaptive.attack(rows_taken({"all": victim}, order), own, NOBODY, np.random.default_rng(1))
    assert right(guess, order) > 0.4


def in_groups(apart: NDArray[np.float64], rng: np.random.Generator) -> Encodings:
    centre = rng.integers(0, 2, (len(apart), 1, 2048), dtype=np.uint8)
    bits = centre ^ (rng.random((*apart.shape, 2048)) < apart[:, :, None])
    packed = np.packbits(bits.reshape(apart.size, 2048), axis=1).view(np.uint64)
    return Encodings(packed, np.ones(apart.size, np.bool_))


def test_half_of_the_list_breaks_too() -> None:
    attacked = made(3, population=LISTED, share=0.5)
    own = filters(3, population=LISTED)
    # Both are made of the same children: the first draws of a setting do not depend on the share.
    assert (
        attacked.identifiers.columns["upn"].codes == made(3, population=LISTED).identifiers.columns["upn"].codes
    ).all()
    guess = adaptive.attack(attacked.victim, own, NOBODY, np.random.default_rng(1), power=3)
    assert right(guess, attacked.truth) > 0.8


def test_strong_hardening_leaves_little() -> None:
    """Twins stay alike under any t, so that a few rows are found: no more than a few."""
    assert attack(16)[1] < 0.06


def test_known_pairs_name_others() -> None:
    unaided, aided = attack(6)[1], attack(6, known=120)[1]
    assert aided > unaided + 0.05
    assert aided > 0.2


def test_known_pairs_are_kept() -> None:
    for t in (3, 16):
        guess, _ = attack(t, known=20)
        assert (guess.target[:20] == made(t, population=LISTED).truth[:20]).all()


def test_the_list_under_the_same_configuration_serves_too() -> None:
    """With one secret of its own the attacker does not know what varies, and still breaks light hardening."""
    attacked = made(3, population=LISTED)
    guess = adaptive.attack(attacked.victim, [attacked.own], NOBODY, np.random.default_rng(1))
    assert right(guess, attacked.truth) > 0.7


def test_the_same_state_gives_the_same_guess() -> None:
    (first, _), (again, _), (other, _) = attack(16), attack(16), attack(16, seed=2)
    assert np.array_equal(first.target, again.target)
    assert np.array_equal(first.confidence, again.confidence)
    assert not np.array_equal(first.target, other.target)


@pytest.mark.parametrize("t", [3, None])
def test_the_order_of_rows_does_not_matter(t: int | None) -> None:
    attacked, own = made(t, population=LISTED), filters(t, population=LISTED)
    order = np.random.default_rng(5).permutation(LISTED)
    rng = np.random.default_rng(1)
    guess = adaptive.attack(rows_taken(attacked.victim, order), own, NOBODY, rng, power=t or 1)
    assert abs(right(guess, attacked.truth[order]) - attack(t)[1]) < 0.02
    turned = [rows_taken(one, order) for one in own]
    guess = adaptive.attack(attacked.victim, turned, NOBODY, np.random.default_rng(1), power=t or 1)
    assert abs(right(Guess(order[guess.target], guess.confidence), attacked.truth) - attack(t)[1]) < 0.02


def test_rows_that_lack_a_match_key() -> None:
    attacked, own = made(2, population=LISTED), filters(2, population=LISTED)
    lacking = np.random.default_rng(2).permutation(LISTED)[:50]
    victim = absent(attacked.victim, "surname", lacking)
    listed = [absent(one, "surname", attacked.truth[lacking]) for one in own]
    guess = adaptive.attack(victim, listed, NOBODY, np.random.default_rng(1), power=2)
    assert right(guess, attacked.truth) > 0.85
    without = [{name: one for name, one in side.items() if name != "surname"} for side in own]
    guess = adaptive.attack(victim, without, NOBODY, np.random.default_rng(1), power=2)
    assert right(guess, attacked.truth) > 0.5


def test_who_has_a_match_key_tells() -> None:
    """Under a hardening that shows nothing, a row alone without an exact match-key is still known by that."""
    attacked, own = made(16, population=LISTED), filters(16, population=LISTED)
    (alone,) = np.random.default_rng(3).permutation(LISTED)[:1]
    nhs = attacked.victim["nhs-number"]
    victim = absent(attacked.victim, "nhs-number", np.array([alone]))
    listed = {**own[0], "nhs-number": Encodings(nhs.bits, np.arange(LISTED) != attacked.truth[alone])}
    guess = adaptive.attack(victim, [listed, *own[1:]], NOBODY, np.random.default_rng(1), power=16)
    assert guess.target[alone] == attacked.truth[alone]
    assert guess.confidence[alone] > 0.5


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_hardly_any_rows(keep: int) -> None:
    attacked, own = made(3, population=LISTED), filters(3, population=LISTED)
    victim = rows_taken(attacked.victim, np.arange(keep))
    guess = adaptive.attack(victim, own, NOBODY, np.random.default_rng(1), power=3)
    assert guess.target.shape == guess.confidence.shape == (keep,)
    assert (guess.target < LISTED).all()
    listed = [rows_taken(one, attacked.truth[:keep]) for one in own]
    guess = adaptive.attack(victim, listed, NOBODY, np.random.default_rng(1), power=3)
    assert len(guess.target) == keep


def test_only_exact_match_keys_name_nobody() -> None:
    attacked = made(3, population=LISTED)
    exact = {name: one for name, one in attacked.victim.items() if name in ("nhs-number", "upn")}
    guess = adaptive.attack(exact, [exact], NOBODY, np.random.default_rng(1))
    assert (guess.target == -1).all()
    assert not guess.confidence.any()


def test_a_list_that_lacks_most_rows_still_serves() -> None:
    attacked, own = made(3, population=LISTED), filters(3, population=LISTED)
    listed = np.sort(attacked.truth[:150])
    short = [rows_taken(one, listed) for one in own]
    guess = adaptive.attack(attacked.victim, short, NOBODY, np.random.default_rng(1), power=3)
    assert (guess.target < 150).all()
    assert np.mean(listed[guess.target[:150]] == attacked.truth[:150]) > 0.5


@pytest.mark.parametrize("t", [3, None])
def test_fewer_candidates_of_each_row_name_the_same(t: int | None) -> None:
    """Memory for some 60 % of the list."""
    attacked, own = made(t, population=LISTED), filters(t, population=LISTED)
    memory = 12
    assert 64 <= candidates(LISTED, LISTED, 4, memory=memory) < LISTED
    guess = adaptive.attack(attacked.victim, own, NOBODY, np.random.default_rng(1), power=t or 1, memory=memory)
    assert np.mean(guess.target == attack(t)[0].target) > 0.98


def test_too_little_memory_is_refused() -> None:
    attacked, own = made(3, population=LISTED), filters(3, population=LISTED)
    with pytest.raises(InputError, match="may take 1"):
        adaptive.attack(attacked.victim, own, NOBODY, np.random.default_rng(1), power=3, memory=1)


@pytest.mark.parametrize("t", [3, None])
def test_one_fuzzy_match_key_and_tokens_of_tuples_break_where_hardening_is_light(t: int | None) -> None:
    terms = template_terms(t)
    attacked = setting(terms, population=LISTED, share=1.0, rng=np.random.default_rng(1))
    own = own_filters(attacked.identifiers, terms, rng=np.random.default_rng([1, 1]), secrets=6)
    guess = adaptive.attack(attacked.victim, own, NOBODY, np.random.default_rng(1), power=t or 1)
    assert right(guess, attacked.truth) > 0.9
