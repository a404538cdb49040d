"""Attacks on tokens and counts: each succeeds where it must."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from keys.terms import Release, Suppression, Terms
from services.assurance.attacks import counts, tokens

ROWS = 4_000


def ticks() -> Callable[[], int]:
    return count().__next__


def ways(seal: tokens.Seal, rng: np.random.Generator, clock: Callable[[], int]) -> dict[str, float]:
    released = tokens.release(ROWS, seal, rng=rng, clock=clock)
    return {one.what: one.estimate.value for one in tokens.attack(released, rng)}


def test_a9_nothing_tells_our_tokens_of_linked_rows(rng: np.random.Generator) -> None:
    seal = tokens.seal_with(tokens.new_run_key(rng), rng.bytes)
    assert all(abs(value - 0.5) < 0.05 for value in ways(seal, rng, ticks()).values())


def test_a9_two_holders_see_the_links_in_tokens_that_are_equal(rng: np.random.Generator) -> None:
    found = ways(tokens.seal_repeatably(tokens.new_run_key(rng)), rng, ticks())
    assert found["tokens of two holders, alike where linked"] > 0.99
    assert found["place in the release"] == pytest.approx(0.5, abs=0.05)


def test_a9_a_bit_that_says_linked_is_learnt(rng: np.random.Generator) -> None:
    """Link ids of linked rows are drawn first, so a token that shows its first bytes in order gives itself away."""
    released = tokens.release(ROWS, tokens.seal_with(tokens.new_run_key(rng), rng.bytes), rng=rng, clock=ticks())
    leaky = released.tokens[0].copy()
    leaky[:, 9] = np.where(released.link[0] >= 0, leaky[:, 9] | 4, leaky[:, 9] & 0xFB)
    found = tokens.attack(tokens.Released((leaky, released.tokens[1]), released.took, released.link), rng)
    assert found[0].estimate.value > 0.99


def test_a9_time_that_depends_on_a_link_is_seen(rng: np.random.Generator) -> None:
    released = tokens.release(ROWS, tokens.seal_with(tokens.new_run_key(rng), rng.bytes), rng=rng, clock=ticks())
    assert set(released.took.tolist()) == {1}
    slow = released.took + 3 * (released.link[0] >= 0)
    found = tokens.attack(tokens.Released(released.tokens, slow, released.link), rng)
    assert found[2].estimate.value == 1


def test_a9_as_many_rows_are_linked_at_both_holders_and_stand_in_no_order(rng: np.random.Generator) -> None:
    released = tokens.release(ROWS, tokens.seal_with(tokens.new_run_key(rng), rng.bytes), rng=rng, clock=ticks())
    for link in released.link:
        assert sorted(link[link >= 0].tolist()) == list(range(ROWS // 2))
    assert {one.shape for one in released.tokens} == {(ROWS, 44)}


@pytest.mark.parametrize("release", list(Release))
def test_a10_one_real_child_among_others_shows_in_exact_counts_alone(default: Terms, release: Release) -> None:
    terms = default.model_copy(update={"release": release})
    assert counts.probe(terms).shows == 0
    exact = counts.probe(counts.exact(terms))
    assert exact.shows == exact.asked > 0


def test_a10_rounding_leaves_its_edges(default: Terms) -> None:
    """From 8 on rounded to 5: known counts of 7, 12, 17 and so on are those at which one more shows."""
    told = counts.difference(default)
    assert told.at == (7, 12, 17, 22, 27)
    coarse = default.model_copy(update={"suppression": Suppression(below=20, round_to=20)})
    assert counts.difference(coarse).shows < told.shows / 3
    exact = counts.difference(counts.exact(default))
    assert exact.shows == exact.asked


def test_a10_no_upload_is_smaller_than_the_agreement_allows(default: Terms) -> None:
    large = default.model_copy(update={"minimum_rows": 1_000})
    assert counts.difference(large).asked == 1_000


def test_a10_a_rule_that_tells_none_from_one_is_found_out(default: Terms) -> None:
    """Where nothing is hidden but zero, a holder's one real child among made-up ones shows."""
    rule = Suppression.model_construct(below=1, round_to=5)
    told = counts.probe(default.model_copy(update={"suppression": rule}))
    assert told.shows == told.asked / 2
