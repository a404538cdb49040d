"""Links: one row per holder, the same whatever the order in which pairs are given."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matcher.errors import MatcherError
from matcher.solve import Links, PairSet, solve


@st.composite
def scored(draw: st.DrawFn) -> list[PairSet]:
    """Pair sets between 2 to 5 holders with up to 8 rows each; scores with ties and NaN."""
    holders = draw(st.integers(2, 5))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from((2, 4, 100)))
    sets = []
    for a in range(holders):
        for b in range(a + 1, holders):
            rows = np.unique(rng.integers(0, 8, (draw(st.integers(0, 20)), 2)), axis=0)
            score = rng.integers(0, levels, len(rows)) / levels
            score[rng.random(len(rows)) < 0.05] = np.nan
            sets.append(PairSet(a, b, rows[:, 0], rows[:, 1], score))
    return sets


def clusters(links: Links) -> list[list[tuple[int, int]]]:
    members = list(zip(links.cluster.tolist(), links.holder.tolist(), links.row.tolist(), strict=True))
    return [[(h, r) for c, h, r in members if c == number] for number in range(links.count)]


def by_the_rules(sets: list[PairSet], threshold: float) -> list[list[tuple[int, int]]]:
    """The rules in plain Python."""
    pairs = []
    for one in sets:
        for left, right, score in zip(one.left.tolist(), one.right.tolist(), one.score.tolist(), strict=True):
            if score >= threshold:
                (h, i), (k, j) = sorted([(one.holder_a, left), (one.holder_b, right)])
                pairs.append((-score, h, k, i, j))
    cluster: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for _, h, k, i, j in sorted(pairs):
        one_set, other = cluster.setdefault((h, i), {(h, i)}), cluster.setdefault((k, j), {(k, j)})
        if not {holder for holder, _ in one_set} & {holder for holder, _ in other}:
            one_set |= other
            for member in other:
                cluster[member] = one_set
    linked = {tuple(sorted(members)) for members in cluster.values() if len(members) > 1}
    return [list(members) for members in sorted(linked)]


@settings(max_examples=200, deadline=None)
@given(scored(), st.sampled_from((0.0, 0.25, 0.5)))
def test_links_follow_the_rules(sets: list[PairSet], threshold: float) -> None:
    links = solve(sets, threshold)
    assert clusters(links) == by_the_rules(sets, threshold)
    for members in clusters(links):
        holders = [holder for holder, _ in members]
        assert len(members) > 1
        assert len(set(holders)) == len(holders)
    rows = list(zip(links.holder.tolist(), links.row.tolist(), strict=True))
    assert len(set(rows)) == len(rows)


@settings(max_examples=100, deadline=None)
@given(scored(), st.randoms(use_true_random=False))
def test_the_order_of_pairs_sets_and_holders_does_not_matter(sets: list[PairSet], random: object) -> None:
    rng = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]
    shuffled = []
    for at in rng.permutation(len(sets)):
        one, order = sets[at], rng.permutation(len(sets[at].left))
        left, right, score = one.left[order], one.right[order], one.score[order]
        turned = PairSet(one.holder_b, one.holder_a, right, left, score)
        shuffled.append(turned if rng.random() < 0.5 else PairSet(one.holder_a, one.holder_b, left, right, score))
    assert clusters(solve(shuffled, 0.25)) == clusters(solve(sets, 0.25))


def test_the_best_pair_wins_and_a_third_holder_joins_through_one_pair() -> None:
    sets = [
        PairSet(0, 1, np.array([0, 0]), np.array([0, 1]), np.array([0.9, 0.95])),
        PairSet(1, 2, np.array([0, 1]), np.array([5, 5]), np.array([0.99, 0.5])),
    ]
    assert clusters(solve(sets, 0.4)) == [[(0, 0), (1, 1)], [(1, 0), (2, 5)]]


def test_scores_of_log_odds_may_be_negative_or_infinite() -> None:
    score = np.array([-np.inf, -3.0, np.inf])
    links = solve([PairSet(0, 1, np.arange(3), np.arange(3), score)], -5.0)
    assert clusters(links) == [[(0, 1), (1, 1)], [(0, 2), (1, 2)]]


def test_linked_rows_of_two_holders_stand_side_by_side() -> None:
    sets = [PairSet(0, 2, np.array([4, 1]), np.array([0, 3]), np.array([0.8, 0.9]))]
    left, right = solve(sets, 0.5).between(2, 0)
    assert sorted(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 4), (3, 1)]


def test_no_pairs_make_no_links() -> None:
    assert solve([], 0.5).count == 0
    nothing = np.empty(0, np.int64)
    assert solve([PairSet(0, 1, nothing, nothing, np.empty(0))], 0.5).count == 0


def test_a_holder_is_not_linked_with_itself() -> None:
    with pytest.raises(MatcherError, match="themselves"):
        solve([PairSet(1, 1, np.array([0]), np.array([1]), np.array([0.9]))], 0.5)


@pytest.mark.parametrize("holders", [64, 65, 200])
def test_any_number_of_holders(holders: int) -> None:
    def pair(a: int, b: int, row: int, score: float) -> PairSet:
        return PairSet(a, b, np.array([0]), np.array([row]), np.array([score]))

    chain = [pair(holder, holder + 1, 0, 0.9) for holder in range(holders - 1)]
    once_more = [pair(holder, holders - 1, 1, 0.8) for holder in range(holders - 1)]
    assert clusters(solve([*chain, *once_more], 0.5)) == [[(holder, 0) for holder in range(holders)]]
