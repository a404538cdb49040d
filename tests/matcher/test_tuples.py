"""Tokens of tuples: what they say of the fields, and what the model makes of that."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from matcher.changes import KeyEvidence, possible_changes, shown
from matcher.evidence import ScoredPairs, score
from matcher.presence import Presence

LENGTH, T, BASE = 512, 6, 1024
NAMES = KeyEvidence("names", "fuzzy", "hamming", LENGTH, T, (("names", 300), ("day", 28), ("month", 28), ("year", 34)))
BIRTH_POSTCODE = KeyEvidence("birth-postcode", "exact", tuple_of=frozenset({"date_of_birth", "postcode"}))
FORENAME_POSTCODE = KeyEvidence("forename-postcode", "exact", tuple_of=frozenset({"forename", "postcode"}))
NUMBER = KeyEvidence("nhs-number", "exact", number=True)
KEYS = (NAMES, BIRTH_POSTCODE, FORENAME_POSTCODE)
ROWS = 1000
FLOOR = 0.58


def test_a_token_agrees_where_nothing_of_its_tuple_changed() -> None:
    changes = possible_changes(KEYS)
    fields = [one.name for one in changes.fields]
    assert fields == ["date_of_birth", "forename", "postcode", "surname"], "a field that tuples alone have, too"
    same = {name: changes.levels[:, place] == 0 for place, name in enumerate(fields)}
    agrees = shown(FORENAME_POSTCODE, changes)
    assert agrees is not None
    assert np.array_equal(agrees, same["forename"] & same["postcode"])
    assert not agrees[changes.swapped].any()


@pytest.mark.parametrize("key", [NUMBER, KeyEvidence("sex", "exact", tuple_of=frozenset({"date_of_birth", "sex"}))])
def test_changes_do_not_tell_of_a_number_or_of_a_field_that_they_have_not(key: KeyEvidence) -> None:
    assert shown(key, possible_changes([NAMES, key])) is None


def similar(changed: float, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Similarities under ``names`` after so many of its 390 bits changed."""
    distance = 2 * math.exp(-390 / BASE) * (1 - math.exp(-changed / BASE))
    return rng.binomial(LENGTH, (1 + (1 - 2 * distance) ** T) / 2, count) / LENGTH


def scored(
    similarity: NDArray[np.float64], agreement: list[list[int]], left: list[int], right: list[int]
) -> ScoredPairs:
    return score(
        keys=KEYS,
        similarity=similarity.astype(np.float32)[:, None],
        agreement=np.array(agreement, np.int8),
        left=np.array(left),
        right=np.array(right),
        rows=(ROWS, ROWS),
        presence=Presence.everywhere(len(KEYS)),
        floors=[FLOOR],
        twin_caution=1.0,
    )


def test_who_has_another_name_is_found_by_the_token_and_twins_are_not() -> None:
    """600 children as they were, 20 of whom both names are others now, and 20 pairs of twins: those have another
    forename, one surname, and the tokens of those with other names."""
    rng = np.random.default_rng(1)
    known, renamed, twins = 600, 20, 20
    similarity = np.concatenate([similar(0, known, rng), similar(300, renamed, rng), similar(150, twins, rng)])
    agreement = [[1, 1]] * known + [[1, -1]] * (renamed + twins)
    left = [*range(known + renamed), *range(twins)]
    right = [*range(known + renamed), *range(known + renamed, known + renamed + twins)]
    found = scored(similarity, agreement, left, right)
    assert (found.weight[: known + renamed] > 0).all()
    assert (found.weight[known + renamed :] < 0).all()
    assert abs(found.model.expected_matches - known - renamed) < 10


def test_a_token_that_differs_tells_what_a_similarity_leaves_open() -> None:
    """One similarity, three pairs: the more of their tuples agree the surer."""
    rng = np.random.default_rng(2)
    known = 400
    similarity = np.concatenate([similar(0, known, rng), np.full(3, 0.7)])
    agreement = [[1, 1]] * known + [[1, 1], [1, -1], [-1, -1]]
    pairs = list(range(known + 3))
    weight = scored(similarity, agreement, pairs, pairs).alone[known:]
    assert weight[0] > weight[1] > weight[2]


def test_rows_without_a_token_are_weighed_by_the_rest() -> None:
    rng = np.random.default_rng(3)
    count = 300
    there = np.ones((ROWS, len(KEYS)), np.bool_)
    there[:150, 1:] = False
    found = score(
        keys=KEYS,
        similarity=similar(0, count, rng).astype(np.float32)[:, None],
        agreement=np.where(there[:count, 1:], 1, 0).astype(np.int8),
        left=np.arange(count),
        right=np.arange(count),
        rows=(ROWS, ROWS),
        presence=Presence.of(there, there),
        floors=[FLOOR],
    )
    assert (found.probability > 0.9).all()
    assert found.alone[150:].min() > found.alone[:150].max()
