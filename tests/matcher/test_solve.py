"""Links: of which rows they may be, and the same whatever the order in which pairs are given."""

from collections.abc import Iterable, Iterator
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.errors import MatcherError
from matcher.solve import Links, PairSet, RowsOfOneHolder, solve

Rows = NDArray[np.int64]
Member = tuple[int, int]
MODES: tuple[RowsOfOneHolder, ...] = ("one per link", "any number")
MOST_ROWS = 8


@st.composite
def scored(
    draw: st.DrawFn,
    *,
    holders: tuple[int, int] = (2, 5),
    rows: int = MOST_ROWS,
    itself: bool = False,
    distinct: bool = False,
) -> list[PairSet]:
    """Pair sets between holders, and of each with ``itself``; scores with ties and NaN, or all ``distinct``."""
    count = draw(st.integers(*holders))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from((2, 4, 128)))
    sets = []
    for a in range(count):
        for b in range(a if itself else a + 1, count):
            at = np.unique(rng.integers(0, rows, (draw(st.integers(0, 20)), 2)), axis=0)
            at = at[at[:, 0] < at[:, 1]] if a == b else at
            score = rng.integers(0, levels, len(at)) / levels
            if distinct:
                score = rng.random(len(at))
            score[rng.random(len(at)) < 0.05] = np.nan
            sets.append(PairSet(a, b, at[:, 0], at[:, 1], score))
    return sets


@st.composite
def tokens(draw: st.DrawFn, rows: int = MOST_ROWS) -> list[Rows]:
    """Codes of up to two exact match-keys for five holders, or none at all."""
    keys = draw(st.integers(0, 2))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [rng.integers(-1, 3, (rows, keys)) for _ in range(5)] if keys else []


def clusters(links: Links) -> list[list[Member]]:
    members = list(zip(links.cluster.tolist(), links.holder.tolist(), links.row.tolist(), strict=True))
    return [[(h, r) for c, h, r in members if c == number] for number in range(links.count)]


def listed(sets: list[PairSet]) -> dict[tuple[Member, Member], float]:
    """Every pair that has a score, the lower member first."""
    pairs = {}
    for one in sets:
        for left, right, score in zip(one.left.tolist(), one.right.tolist(), one.score.tolist(), strict=True):
            if score == score:
                low, high = sorted([(one.holder_a, left), (one.holder_b, right)])
                pairs[low, high] = score
    return pairs


def falling(sets: list[PairSet], threshold: float) -> list[tuple[Member, Member]]:
    """The pairs that may link, in the order of the rules."""
    pairs = [
        (-score, low[0], high[0], low[1], high[1]) for (low, high), score in listed(sets).items() if score >= threshold
    ]
    return [((h, i), (k, j)) for _, h, k, i, j in sorted(pairs)]


def contradict(codes: list[Rows], one: Member, other: Member) -> bool:
    if not codes:
        return False
    ours, theirs = codes[one[0]][one[1]], codes[other[0]][other[1]]
    known = (ours >= 0) & (theirs >= 0)
    return bool(known.any() and (ours != theirs)[known].all())


def allowed(members: Iterable[Member], mode: RowsOfOneHolder, codes: list[Rows]) -> bool:
    """Whether rows may be together, their scores apart."""
    return not any(
        (mode == "one per link" and one[0] == other[0]) or contradict(codes, one, other)
        for one, other in combinations(members, 2)
    )


def by_the_rules(sets: list[PairSet], threshold: float, mode: RowsOfOneHolder, codes: list[Rows]) -> list[list[Member]]:
    """The rules in plain Python."""
    scores = listed(sets)
    cluster: dict[Member, set[Member]] = {}
    for one, other in falling(sets, threshold):
        ours, theirs = cluster.setdefault(one, {one}), cluster.setdefault(other, {other})
        if ours is theirs or not allowed(ours | theirs, mode, codes):
            continue
        seen = [scores[min(a, b), max(a, b)] for a in ours for b in theirs if (min(a, b), max(a, b)) in scores]
        if mode == "any number" and sum(score - threshold for score in seen) < 0:
            continue
        ours |= theirs
        for member in theirs:
            cluster[member] = ours
    return [list(members) for members in sorted({tuple(sorted(one)) for one in cluster.values() if len(one) > 1})]


@settings(max_examples=200, deadline=None)
@given(scored(), tokens(), st.sampled_from((0.0, 0.25, 0.5)))
def test_links_follow_the_rules(sets: list[PairSet], codes: list[Rows], threshold: float) -> None:
    links = solve(sets, threshold, codes=codes)
    assert clusters(links) == by_the_rules(sets, threshold, "one per link", codes)
    for members in clusters(links):
        holders = [holder for holder, _ in members]
        assert len(members) > 1
        assert len(set(holders)) == len(holders)
    rows = list(zip(links.holder.tolist(), links.row.tolist(), strict=True))
    assert len(set(rows)) == len(rows)


@settings(max_examples=200, deadline=None)
@given(scored(itself=True), tokens(), st.sampled_from((0.0, 0.25, 0.5)))
def test_links_of_any_number_follow_the_rules(sets: list[PairSet], codes: list[Rows], threshold: float) -> None:
    links = solve(sets, threshold, rows_of_one_holder="any number", codes=codes)
    assert clusters(links) == by_the_rules(sets, threshold, "any number", codes)


@settings(max_examples=200, deadline=None)
@given(scored(itself=True), tokens(), st.sampled_from((0.0, 0.25, 0.5)))
def test_no_two_rows_of_a_cluster_contradict_each_other(
    sets: list[PairSet], codes: list[Rows], threshold: float
) -> None:
    between = [one for one in sets if one.holder_a != one.holder_b]
    for mode, given_sets in (("one per link", between), ("any number", sets)):
        for members in clusters(solve(given_sets, threshold, rows_of_one_holder=mode, codes=codes)):  # type: ignore[arg-type]
            assert allowed(members, mode, codes)  # type: ignore[arg-type]


def partitions(members: list[Member]) -> Iterator[list[list[Member]]]:
    """Every way to put members into clusters."""
    if not members:
        yield []
        return
    first, *rest = members
    for parts in partitions(rest):
        yield [[first], *parts]
        for at, part in enumerate(parts):
            yield [*parts[:at], [first, *part], *parts[at + 1 :]]


@settings(max_examples=150, deadline=None)
@given(scored(holders=(2, 4), rows=2), tokens(rows=2), st.sampled_from((0.0, 0.25)))
def test_no_other_clusters_have_better_pairs(sets: list[PairSet], codes: list[Rows], threshold: float) -> None:
    """Of all partitions of the rows, the one with the best pair if it can be had, then the second best, and so on."""
    pairs = falling(sets, threshold)
    members = sorted({member for pair in pairs for member in pair})

    def joined(parts: list[list[Member]]) -> list[bool]:
        place = {member: number for number, part in enumerate(parts) for member in part}
        return [place[one] == place[other] for one, other in pairs]

    possible = [p for p in partitions(members) if all(allowed(part, "one per link", codes) for part in p)]
    best = max(map(joined, possible))
    found = clusters(solve(sets, threshold, codes=codes))
    alone = [[one] for one in members if not any(one in part for part in found)]
    assert joined([*found, *alone]) == best
    linked = {min(pair) for pair, is_joined in zip(pairs, best, strict=True) if is_joined}
    assert linked <= {member for part in found for member in part}


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=100, deadline=None)
@given(scored(itself=True), tokens(), st.randoms(use_true_random=False))
def test_the_order_of_pairs_sets_and_holders_does_not_matter(
    mode: RowsOfOneHolder, sets: list[PairSet], codes: list[Rows], random: object
) -> None:
    rng = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]
    given_sets = [one for one in sets if mode == "any number" or one.holder_a != one.holder_b]
    shuffled = []
    for at in rng.permutation(len(given_sets)):
        one, order = given_sets[at], rng.permutation(len(given_sets[at].left))
        left, right, score = one.left[order], one.right[order], one.score[order]
        same = PairSet(one.holder_a, one.holder_b, left, right, score)
        turned = PairSet(one.holder_b, one.holder_a, right, left, score)
        shuffled.append(turned if rng.random() < 0.5 and one.holder_a != one.holder_b else same)
    again, once = (solve(each, 0.25, rows_of_one_holder=mode, codes=codes) for each in (shuffled, given_sets))
    assert clusters(again) == clusters(once)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=100, deadline=None)
@given(scored(itself=True, distinct=True), tokens(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter_where_scores_are_distinct(
    mode: RowsOfOneHolder, sets: list[PairSet], codes: list[Rows], random: object
) -> None:
    rng = np.random.default_rng(random.randrange(2**32))  # type: ignore[attr-defined]
    new = [rng.permutation(MOST_ROWS) for _ in range(5)]
    given_sets = [one for one in sets if mode == "any number" or one.holder_a != one.holder_b]
    moved = []
    for one in given_sets:
        left, right = new[one.holder_a][one.left], new[one.holder_b][one.right]
        if one.holder_a == one.holder_b:
            left, right = np.minimum(left, right), np.maximum(left, right)
        moved.append(PairSet(one.holder_a, one.holder_b, left, right, one.score))
    codes_moved = [of_holder[np.argsort(order)] for of_holder, order in zip(codes, new, strict=False)]
    once = clusters(solve(given_sets, 0.25, rows_of_one_holder=mode, codes=codes))
    again = clusters(solve(moved, 0.25, rows_of_one_holder=mode, codes=codes_moved))
    assert {frozenset((h, int(new[h][r])) for h, r in part) for part in once} == {frozenset(part) for part in again}


def pair(a: Member, b: Member, score: float) -> PairSet:
    return PairSet(a[0], b[0], np.array([a[1]]), np.array([b[1]]), np.array([score]))


@pytest.mark.parametrize("mode", MODES)
def test_a_third_row_does_not_join_two_with_different_numbers(mode: RowsOfOneHolder) -> None:
    sets = [pair((0, 0), (2, 0), 0.9), pair((1, 0), (2, 0), 0.8)]
    codes = [np.array([[1]]), np.array([[2]]), np.array([[-1]])]
    assert clusters(solve(sets, 0.5, rows_of_one_holder=mode)) == [[(0, 0), (1, 0), (2, 0)]]
    assert clusters(solve(sets, 0.5, rows_of_one_holder=mode, codes=codes)) == [[(0, 0), (2, 0)]]


def test_a_number_that_agrees_outweighs_one_that_differs() -> None:
    sets = [pair((0, 0), (1, 0), 0.9)]
    nhs_differs = [np.array([[1, 7]]), np.array([[2, 7]])]
    assert clusters(solve(sets, 0.5, codes=nhs_differs)) == [[(0, 0), (1, 0)]]
    both_differ = [np.array([[1, 7]]), np.array([[2, 8]])]
    assert solve(sets, 0.5, codes=both_differ).count == 0


def test_twins_on_file_twice_are_not_chained_by_one_likeness() -> None:
    """Ann twice, Amy twice; one row of Ann looks like one of Amy, and the others do not."""
    ann, ann_again, amy, amy_again = (0, 0), (1, 0), (0, 1), (1, 1)
    sets = [
        PairSet(0, 1, np.array([0, 1, 0, 1]), np.array([0, 1, 1, 0]), np.array([9.0, 8.0, -4.0, -5.0])),
        pair(ann, amy, 2.0),
    ]
    assert clusters(solve(sets, 0.0, rows_of_one_holder="any number")) == [[ann, ann_again], [amy, amy_again]]
    without = [pair(ann, ann_again, 9.0), pair(amy, amy_again, 8.0), pair(ann, amy, 2.0)]
    assert len(clusters(solve(without, 0.0, rows_of_one_holder="any number"))) == 1


def test_rows_of_one_child_are_linked_many_to_many() -> None:
    sets = [
        PairSet(0, 1, np.array([0, 0, 5]), np.array([3, 4, 6]), np.array([3.0, 2.0, 1.0])),
        PairSet(0, 0, np.array([0]), np.array([2]), np.array([4.0])),
    ]
    links = solve(sets, 0.0, rows_of_one_holder="any number")
    assert clusters(links) == [[(0, 0), (0, 2), (1, 3), (1, 4)], [(0, 5), (1, 6)]]
    left, right = links.between(0, 1)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == [(0, 3), (0, 4), (2, 3), (2, 4), (5, 6)]
    assert (links.repeated(0), links.repeated(1)) == (2, 2)
    assert solve(sets[:1], 0.0).repeated(1) == 0


def test_the_rows_of_one_holder_alone_are_counted_where_they_repeat() -> None:
    itself = PairSet(3, 3, np.array([0, 0, 7]), np.array([1, 2, 9]), np.array([5.0, 5.0, -1.0]))
    links = solve([itself], 0.0, rows_of_one_holder="any number")
    assert clusters(links) == [[(3, 0), (3, 1), (3, 2)]]
    assert links.repeated(3) == 3


def test_an_endlessly_bad_pair_keeps_clusters_apart() -> None:
    sets = [pair((0, 0), (1, 0), 50.0), pair((1, 0), (2, 0), 50.0), pair((0, 0), (2, 0), -np.inf)]
    assert clusters(solve(sets, 0.0, rows_of_one_holder="any number")) == [[(0, 0), (1, 0)]]


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


@pytest.mark.parametrize("rows", [(1, 0), (1, 1)])
def test_rows_of_one_holder_are_given_in_order(rows: tuple[int, int]) -> None:
    with pytest.raises(MatcherError, match="with itself, or two rows"):
        solve([pair((0, rows[0]), (0, rows[1]), 0.9)], 0.5, rows_of_one_holder="any number")


def test_tokens_are_given_for_every_row() -> None:
    with pytest.raises(MatcherError, match="tokens are not given"):
        solve([pair((0, 0), (1, 1), 0.9)], 0.5, codes=[np.array([[1]]), np.array([[1]])])
    with pytest.raises(MatcherError, match="tokens are not given"):
        solve([pair((0, 0), (1, 0), 0.9)], 0.5, codes=[np.array([[1]])])


@pytest.mark.parametrize("holders", [64, 65, 200])
def test_any_number_of_holders(holders: int) -> None:
    chain = [pair((holder, 0), (holder + 1, 0), 0.9) for holder in range(holders - 1)]
    once_more = [pair((holder, 0), (holders - 1, 1), 0.8) for holder in range(holders - 1)]
    assert clusters(solve([*chain, *once_more], 0.5)) == [[(holder, 0) for holder in range(holders)]]
