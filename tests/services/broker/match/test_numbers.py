"""What a number says that one child alone has, where all else in two records is full of faults."""

from __future__ import annotations

import numpy as np

from benchmarks.contenders import weighed_pairs
from benchmarks.simulation import join, simulate
from matcher.exact import find_exact


def test_two_records_with_one_number_are_one_child_however_many_faults_they_have() -> None:
    """Few relatives are seen in so small a file: matches full of faults must not pass for them."""
    made = simulate(1_000, scenario="hard", seed=2)
    scored = weighed_pairs(made)
    same_number = np.isin(join(scored), join(find_exact(*made.sides("nhs-number"))))
    assert np.count_nonzero(same_number) > 200
    assert np.mean(scored.probability[same_number] > 0.5) > 0.98
