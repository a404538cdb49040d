"""Evidence: what the model makes of pairs whose truth the test knows."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.errors import MatcherError
from matcher.estimate import noise_floor
from matcher.evidence import KeyEvidence, ScoredPairs, score
from matcher.presence import Presence

LENGTH, T = 2048, 8
FEATURES = {
    "all": (("forename", 100), ("surname", 100), ("day", 35), ("month", 35), ("year", 50), ("postcode", 60)),
    "no-surname": (("forename", 130), ("day", 45), ("month", 45), ("year", 60), ("postcode", 110)),
    "no-postcode": (("forename", 110), ("surname", 110), ("day", 40), ("month", 40), ("year", 50)),
    "no-forename": (("surname", 130), ("day", 45), ("month", 45), ("year", 60), ("postcode", 110)),
}
KEYS = tuple(KeyEvidence(name, "fuzzy", "hamming", LENGTH, T, bits) for name, bits in FEATURES.items())
SOMETIMES = Presence.of(
    np.array([[True, True, True], [True, False, True], [False, True, True]]),
    np.array([[True, True, True], [False, False, True]]),
)
EVERYWHERE = Presence.everywhere(len(KEYS))
NOTHING = np.zeros(0, np.int64)


def floor(rows: tuple[int, int]) -> float:
    """Floor above which chance puts one pair in twenty rows."""
    return noise_floor(*rows, LENGTH, min(rows) / 20)


@dataclass(frozen=True)
class Pairs:
    """Pairs as the pipeline hands them over, and which of them are the same child."""

    similarity: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    rows: tuple[int, int]
    true: NDArray[np.bool_]

    def score(self, threshold: float = 0.5, twin_caution: float = 4.0) -> ScoredPairs:
        """The model's view of these pairs."""
        return score(
            keys=KEYS,
            similarity=self.similarity,
            agreement=np.zeros((len(self.left), 0), np.int8),
            left=self.left,
            right=self.right,
            rows=self.rows,
            presence=EVERYWHERE,
            floors=[floor(self.rows)] * len(KEYS),
            threshold=threshold,
            twin_caution=twin_caution,
        )


def similarities(
    changed: NDArray[np.float64], fields: tuple[str, ...], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Similarities of pairs whose fields changed by a share of 0 (same) to 1 (wholly other)."""
    columns = []
    for bits in FEATURES.values():
        total = sum(size for _, size in bits)
        lost = sum(size * changed[:, fields.index(name)] for name, size in bits)
        distance = 2 * math.exp(-total / 1024) * (1 - np.exp(-lost / 1024))
        columns.append(rng.binomial(LENGTH, (1 + (1 - 2 * distance) ** T) / 2) / LENGTH)
    return np.stack(columns, 1).astype(np.float32)


FIELDS = ("forename", "surname", "day", "month", "year", "postcode")


def world(*, rows: int, matches: int, relatives: int, seed: int = 1) -> Pairs:
    """``matches`` children with errors, and ``relatives`` pairs that share surname and postcode only."""
    rng = np.random.default_rng(seed)
    wrong = np.array([0.04, 0.05, 0.02, 0.01, 0.01, 0.15])
    size = rng.choice([0.2, 1.0], size=(matches, 6), p=[0.4, 0.6])
    same = np.where(rng.random((matches, 6)) < wrong, size, 0.0)
    kin = np.tile([1.0, 0.0, 1.0, 1.0, 1.0, 0.0], (relatives, 1))
    similarity = similarities(np.vstack([same, kin]), FIELDS, rng)
    who = rng.permutation(rows)[:matches]
    left = np.concatenate([who, rng.integers(0, rows, relatives)])
    right = np.concatenate([who, rng.integers(0, rows, relatives)])
    _, once = np.unique(left * rows + right, return_index=True)
    seen = once[(similarity[once] >= floor((rows, rows))).any(axis=1)]
    return Pairs(similarity[seen], left[seen], right[seen], (rows, rows), seen < matches)


def quality(pairs: Pairs, scored: ScoredPairs, threshold: float = 0.5) -> tuple[float, float]:
    """Precision and recall of the pairs at the threshold."""
    chosen = scored.probability >= threshold
    hits = int((chosen & pairs.true).sum())
    return hits / max(1, int(chosen.sum())), hits / max(1, int(pairs.true.sum()))


@pytest.mark.parametrize(
    ("rows", "matches", "relatives"),
    [(2000, 1500, 1000), (2000, 1990, 0), (20_000, 2000, 8000), (300, 200, 100), (60, 40, 10)],
)
def test_links_are_found_without_truth(rows: int, matches: int, relatives: int) -> None:
    pairs = world(rows=rows, matches=matches, relatives=relatives)
    precision, recall = quality(pairs, pairs.score())
    assert precision > 0.98
    assert recall > 0.95


def test_the_forename_decides_between_twins() -> None:
    rng = np.random.default_rng(2)
    number = 400
    same = np.zeros((number, 6))
    twin = np.tile([1.0, 0, 0, 0, 0, 0], (number // 2, 1))
    similarity = similarities(np.vstack([same, twin]), FIELDS, rng)
    left = np.concatenate([np.arange(number), np.arange(0, number, 2)])
    right = np.concatenate([np.arange(number), np.arange(1, number, 2)])
    pairs = Pairs(similarity, left, right, (number, number), np.arange(len(left)) < number)
    scored = pairs.score()
    assert scored.weight[pairs.true].min() > scored.weight[~pairs.true].max()
    assert quality(pairs, scored) == (1.0, 1.0)


def with_twins(*, rivals: int = 30, alone: int = 38, seed: int = 5) -> Pairs:
    """400 children found again among 1,600 rows, and pairs of twins.

    ``rivals`` of them have a row that matches another, ``alone`` have none, in the proportion of rows without match.
    """
    rng = np.random.default_rng(seed)
    number, rows = 400, 1600
    same, twin = np.zeros((number, 6)), np.tile([1.0, 0, 0, 0, 0, 0], (rivals + alone, 1))
    similarity = similarities(np.vstack([same, twin]), FIELDS, rng)
    left = np.concatenate([np.arange(number), np.arange(rivals), np.arange(number, number + alone)])
    right = np.concatenate([np.arange(number), np.arange(rivals) + 100, np.arange(number, number + alone)])
    return Pairs(similarity, left, right, (rows, rows), np.arange(len(left)) < number)


def test_a_twin_without_a_rival_is_not_linked() -> None:
    pairs = with_twins()
    scored = pairs.score()
    assert (scored.weight[~pairs.true] < 0).all()
    assert (scored.weight[pairs.true] > 0).all()


def test_caution_keeps_twins_apart_and_leaves_the_probability_as_it_is() -> None:
    pairs = with_twins()
    bold, careful = pairs.score(twin_caution=1.0), pairs.score(twin_caution=64.0)
    assert (careful.weight[~pairs.true] < bold.weight[~pairs.true] - 3).all()
    assert (careful.weight <= bold.weight).all()
    assert (careful.weight[pairs.true] > 5).all()
    assert np.array_equal(careful.probability, bold.probability)


def test_two_rows_of_one_child_are_no_rivals_where_pairs_are_weighed_alone() -> None:
    """Every tenth child has two rows with the second holder."""
    rng = np.random.default_rng(6)
    number, twice = 1000, 100
    same = np.zeros((number + twice, 6))
    same[rng.random(same.shape) < 0.03] = 0.2
    left = np.concatenate([np.arange(number), np.arange(twice)])
    right = np.arange(number + twice)
    pairs = Pairs(similarities(same, FIELDS, rng), left, right, (number, number + twice), np.ones(len(left), np.bool_))
    scored = pairs.score()
    contested = (left < twice) & pairs.true
    assert (np.minimum(scored.weight[:twice], scored.weight[number:]) < 1).all()
    assert (scored.alone[contested] > 5).all()
    assert np.allclose(scored.alone[~contested], scored.weight[~contested])


def test_a_twin_without_a_rival_is_no_match_alone_either() -> None:
    pairs = with_twins()
    bold, careful = pairs.score(twin_caution=1.0), pairs.score(twin_caution=64.0)
    assert (pairs.score().alone[~pairs.true] < 0).all()
    assert (careful.alone[~pairs.true] < bold.alone[~pairs.true] - 3).all()
    assert (careful.alone >= careful.weight - 1e-9).all()


def test_few_matches_among_many_relatives_do_not_make_relatives_matches() -> None:
    pairs = world(rows=10_000, matches=15, relatives=3000)
    chosen = pairs.score().weight > 0
    assert (chosen & pairs.true).sum() >= 12
    assert (chosen & ~pairs.true).sum() <= 1


def test_estimates_come_near_the_truth() -> None:
    pairs = world(rows=5000, matches=3000, relatives=3000)
    scored = pairs.score()
    precision, recall = quality(pairs, scored)
    assert abs(scored.model.precision - precision) < 0.02
    assert abs(scored.model.recall - recall) < 0.03
    assert abs(scored.model.expected_matches - 3000) < 90
    assert scored.model.converged


def test_matches_that_are_not_seen_because_keys_are_missing_are_counted() -> None:
    """Four rows in ten lack all keys but one: what this shows of them is less, and they are no fewer children."""
    whole = world(rows=5000, matches=3000, relatives=0)
    rng = np.random.default_rng(7)
    has = np.ones((5000, len(KEYS)), np.bool_)
    has[rng.random(5000) < 0.4, :3] = False
    similarity = np.where(has[whole.left], whole.similarity, np.nan).astype(np.float32)
    seen = (np.nan_to_num(similarity) >= floor(whole.rows)).any(axis=1)
    pairs = Pairs(similarity[seen], whole.left[seen], whole.right[seen], whole.rows, whole.true[seen])
    assert pairs.true.sum() < 2900
    scored = score(
        keys=KEYS,
        similarity=pairs.similarity,
        agreement=np.zeros((len(pairs.left), 0), np.int8),
        left=pairs.left,
        right=pairs.right,
        rows=pairs.rows,
        presence=Presence.of(has, np.ones_like(has)),
        floors=[floor(pairs.rows)] * len(KEYS),
    )
    assert abs(scored.model.expected_matches - 3000) < 40
    assert abs(scored.model.recall - (scored.weight > 0).sum() / 3000) < 0.03


def test_a_pair_with_keys_that_no_rows_are_said_to_have_is_refused() -> None:
    pairs = world(rows=60, matches=40, relatives=10)
    with pytest.raises(MatcherError, match="no two rows"):
        score(
            keys=KEYS,
            similarity=np.where([True, True, True, False], pairs.similarity, np.nan).astype(np.float32),
            agreement=np.zeros((len(pairs.left), 0), np.int8),
            left=pairs.left,
            right=pairs.right,
            rows=pairs.rows,
            presence=EVERYWHERE,
            floors=[floor(pairs.rows)] * len(KEYS),
        )


def test_keys_whose_features_are_not_known_still_link() -> None:
    pairs = world(rows=2000, matches=1500, relatives=1000)
    scored = score(
        keys=[KeyEvidence(key.name, "fuzzy", "hamming", LENGTH, T) for key in KEYS],
        similarity=pairs.similarity,
        agreement=np.zeros((len(pairs.left), 0), np.int8),
        left=pairs.left,
        right=pairs.right,
        rows=pairs.rows,
        presence=EVERYWHERE,
        floors=[floor(pairs.rows)] * len(KEYS),
    )
    precision, recall = quality(pairs, scored)
    assert precision > 0.97
    assert recall > 0.9


def test_the_order_of_pairs_does_not_matter_and_nothing_is_random() -> None:
    pairs = world(rows=300, matches=200, relatives=100)
    order = np.random.default_rng(3).permutation(len(pairs.left))
    shuffled = Pairs(pairs.similarity[order], pairs.left[order], pairs.right[order], pairs.rows, pairs.true[order])
    first, again, other = pairs.score(), pairs.score(), shuffled.score()
    assert np.array_equal(first.weight, again.weight)
    assert np.array_equal(other.left, shuffled.left)
    assert np.allclose(first.probability[order], other.probability, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), number=st.integers(0, 30), rows=st.integers(1, 40))
def test_any_pairs_give_finite_weights_and_probabilities(seed: int, number: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    similarity = rng.uniform(0.45, 1, (number, 2)).astype(np.float32)
    similarity[rng.random((number, 2)) < 0.2] = np.nan
    code = rng.permutation(rows * rows)[:number]
    similarity = similarity[: len(code)]
    keys = (
        KeyEvidence("nhs-number", "exact"),
        KEYS[0],
        KeyEvidence("plain", "fuzzy", "dice", 1024, None, FEATURES["all"]),
    )
    scored = score(
        keys=keys,
        similarity=similarity,
        agreement=rng.integers(-1, 2, (len(code), 1)).astype(np.int8),
        left=code // rows,
        right=code % rows,
        rows=(rows, rows),
        presence=SOMETIMES,
        floors=[0.5, 0.5],
    )
    assert scored.probability.shape == scored.weight.shape == (len(code),)
    assert np.isfinite(scored.weight).all()
    assert ((scored.probability >= 0) & (scored.probability <= 1)).all()
    assert (scored.probability >= 1 / (1 + np.exp2(-scored.weight)) - 1e-9).all()
    assert scored.model.pairs == len(code)
    assert 0 <= scored.model.expected_matches <= rows + 1e-6


def test_an_exact_number_decides_where_names_leave_doubt() -> None:
    pairs = world(rows=1000, matches=600, relatives=400)
    rng = np.random.default_rng(4)
    agreement = np.where(rng.random(len(pairs.true)) < 0.7, np.where(pairs.true, 1, -1), 0).astype(np.int8)
    scored = score(
        keys=(*KEYS, KeyEvidence("nhs-number", "exact")),
        similarity=pairs.similarity,
        agreement=agreement[:, None],
        left=pairs.left,
        right=pairs.right,
        rows=pairs.rows,
        presence=Presence.everywhere(len(KEYS) + 1),
        floors=[0.5] * 4,
    )
    assert (scored.probability[agreement == 1] > 0.5).all()
    assert quality(pairs, scored)[0] > 0.99


def test_exact_keys_alone_link() -> None:
    number = 50
    scored = score(
        keys=(KeyEvidence("nhs-number", "exact"),),
        similarity=np.zeros((number, 0), np.float32),
        agreement=np.ones((number, 1), np.int8),
        left=np.arange(number),
        right=np.arange(number),
        rows=(number, 80),
        presence=Presence.everywhere(1),
        floors=[],
    )
    assert (scored.probability > 0.5).all()


def test_no_pairs_give_an_empty_answer_that_claims_nothing() -> None:
    scored = score(
        keys=KEYS,
        similarity=np.zeros((0, 4), np.float32),
        agreement=np.zeros((0, 0), np.int8),
        left=NOTHING,
        right=NOTHING,
        rows=(5, 7),
        presence=EVERYWHERE,
        floors=[0.6] * 4,
    )
    assert scored.model.expected_matches == 0
    assert math.isnan(scored.model.precision)


@pytest.mark.parametrize(
    ("shape", "left", "right"),
    [((2, 3), [0, 1], [0, 1]), ((2, 4), [0, 9], [0, 1]), ((2, 4), [0], [0, 1]), ((2, 4), [0, 1], [-1, 1])],
)
def test_shapes_and_rows_that_do_not_fit_are_refused(shape: tuple[int, int], left: list[int], right: list[int]) -> None:
    with pytest.raises(MatcherError):
        score(
            keys=KEYS,
            similarity=np.ones(shape, np.float32),
            agreement=np.zeros((2, 0), np.int8),
            left=np.array(left),
            right=np.array(right),
            rows=(3, 3),
            presence=EVERYWHERE,
            floors=[0.6] * 4,
        )
