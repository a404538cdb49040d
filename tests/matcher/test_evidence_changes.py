"""Changes: which are told apart, and what similarity they leave, checked against filters made at random."""

import numpy as np
import pytest

from matcher.changes import KeyEvidence, expected, possible_changes, signal

BITS = (("forename", 130), ("surname", 90), ("day", 40), ("month", 40), ("year", 50), ("postcode", 40))
KEY = KeyEvidence("surname", "fuzzy", "hamming", 2048, 8, BITS)
NAMES = KeyEvidence("names", "fuzzy", "hamming", 2048, 8, (("names", 310), ("postcode", 80)))


def test_day_month_and_year_are_one_field_and_names_are_two() -> None:
    changes = possible_changes([KEY, NAMES])
    assert [field.name for field in changes.fields] == ["date_of_birth", "forename", "postcode", "surname"]


def test_a_field_of_few_bits_is_noise() -> None:
    key = KeyEvidence("all", "fuzzy", "hamming", 2048, 8, (*BITS, ("sex", 10)))
    assert "sex" not in [field.name for field in possible_changes([key]).fields]


def test_the_fields_stay_few() -> None:
    key = KeyEvidence("many", "fuzzy", "hamming", 2048, 8, tuple((f"field {number}", 50) for number in range(9)))
    assert len(possible_changes([key])) <= 625


@pytest.mark.parametrize("measure", ["hamming", "dice"])
def test_nothing_changed_leaves_full_similarity_and_every_change_takes_some(measure: str) -> None:
    key = KeyEvidence("all", "fuzzy", "dice" if measure == "dice" else "hamming", 1024, 1, BITS)
    changes = possible_changes([key])
    middle, deviation = expected(key, changes)
    same = (changes.levels == 0).all(axis=1)
    assert middle[same] == pytest.approx(1)
    assert (middle[~same] < middle[same][0]).all()
    assert (deviation > 0).all()


def test_swapped_names_stay_near_in_a_key_that_joins_them_and_far_in_one_that_does_not() -> None:
    changes = possible_changes([KEY, NAMES])
    rest = [place for place, field in enumerate(changes.fields) if field.name in {"date_of_birth", "postcode"}]
    only = changes.swapped & (changes.levels[:, rest] == 0).all(axis=1)
    assert only.sum() == 1
    assert expected(NAMES, changes)[0][only][0] > 0.8
    assert expected(KEY, changes)[0][only][0] < 0.1


@pytest.mark.parametrize("field", ["forename", "surname", "postcode"])
def test_the_expected_signal_is_what_diffused_filters_show(field: str) -> None:
    changes = possible_changes([KEY])
    place = [one.name for one in changes.fields].index(field)
    wholly = changes.levels[:, place] == len(changes.fields[place].amounts) - 1
    others = [other for other in range(len(changes.fields)) if other != place]
    (only,) = np.flatnonzero(wholly & (changes.levels[:, others] == 0).all(axis=1))
    middle, deviation = (values[only] for values in expected(KEY, changes))
    rng = np.random.default_rng(1)
    seen = []
    for _ in range(40):
        first, second = np.zeros(KEY.base_length, np.bool_), np.zeros(KEY.base_length, np.bool_)
        for name, bits in BITS:
            drawn = rng.integers(0, KEY.base_length, bits)
            first[drawn] = True
            second[rng.integers(0, KEY.base_length, bits) if name == field else drawn] = True
        chosen = rng.integers(0, KEY.base_length, (KEY.length, KEY.t or 1))
        agree = np.logical_xor.reduce(first[chosen], axis=1) == np.logical_xor.reduce(second[chosen], axis=1)
        seen.append(float(signal(KEY, np.array([agree.mean()]))[0]))
    assert abs(np.mean(seen) - middle) < deviation
    assert np.std(seen) < 2 * deviation
