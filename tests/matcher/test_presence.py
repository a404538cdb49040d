"""How many pairs of rows have which match-keys."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from matcher.presence import Presence

flags = st.integers(1, 12).flatmap(lambda rows: arrays(np.bool_, (rows, 3)))


@given(flags, flags)
def test_shares_are_those_of_all_pairs_counted(ours: np.ndarray, theirs: np.ndarray) -> None:
    presence = Presence.of((ours[:, :2], theirs[:, :2]), (ours[:, 2:], theirs[:, 2:]))
    both = (ours[:, None] & theirs[None, :]).reshape(-1, 3)
    place = presence.place(both[:, :2])
    assert (place >= 0).all()
    assert np.array_equal(presence.patterns[place], both[:, :2])
    assert np.allclose(np.bincount(place, minlength=len(presence.share)) / len(both), presence.share)
    assert np.allclose(presence.exact, both[:, 2].mean())


def test_a_pattern_that_no_pair_has_is_nowhere() -> None:
    everywhere = Presence.everywhere(2, 0)
    assert everywhere.place(np.array([[True, True], [True, False]])).tolist() == [0, -1]
