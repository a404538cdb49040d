"""What is expected of links once control rows are taken out of them."""

import numpy as np

from services.broker.match.decided import Evidence


def test_rows_taken_out_take_their_links_and_what_was_expected_of_these() -> None:
    probability = np.array([0.9, 0.8, 0.7, 0.6])
    known = Evidence(np.array([0, 1, 2, 3]), np.array([5, 6, 7, 8]), np.log2(probability), probability, matches=4.5)
    left = known.without([np.array([1, 40]), np.array([6, 41])])
    assert left.left.tolist() == [0, 2, 3]
    assert left.right.tolist() == [5, 7, 8]
    assert left.probability.tolist() == [0.9, 0.7, 0.6]
    assert abs(left.matches - 3.7) < 1e-12


def test_control_rows_that_were_not_linked_leave_the_expected_missed_links_as_they_were() -> None:
    known = Evidence(np.array([0]), np.array([0]), np.zeros(1), np.array([0.9]), matches=1.4)
    left = known.without([np.array([3]), np.array([3])])
    assert left.matches - left.probability.sum() == known.matches - known.probability.sum()
