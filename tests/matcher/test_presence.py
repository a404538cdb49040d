"""How many pairs of rows have which match-keys."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matcher.presence import Presence

flags = st.integers(1, 12).flatmap(lambda rows: arrays(np.bool_, (rows, 3)))


@given(flags, flags)
def test_shares_are_those_of_all_pairs_counted(ours: np.ndarray, theirs: np.ndarray) -> None:
    every = Presence.of(ours, theirs)
    both = (ours[:, None] & theirs[None, :]).reshape(-1, 3)
    assert np.allclose(every.both, both.mean(axis=0))
    for presence, there in ((every, both), (every.over(np.array([True, False, True])), both[:, [0, 2]])):
        place = presence.place(there)
        assert (place >= 0).all()
        assert len(np.unique(presence.patterns, axis=0)) == len(presence.patterns)
        assert np.array_equal(presence.patterns[place], there)
        assert np.allclose(np.bincount(place, minlength=len(presence.share)) / len(both), presence.share)


def test_a_pattern_that_no_pair_has_is_nowhere() -> None:
    everywhere = Presence.everywhere(2)
    assert everywhere.place(np.array([[True, True], [True, False]])).tolist() == [0, -1]
