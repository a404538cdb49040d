"""What a judge of the same encodings is shown, and that links are made of its answers as they are of ours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.ceiling import FOLDS, ceiling, table
from benchmarks.datasets import Dataset, generated


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return generated(150, "high")


def test_one_that_knows_links_all_that_is_listed_and_one_that_guesses_hardly_any(dataset: Dataset) -> None:
    def knowing(
        seen: NDArray[np.float64], one_child: NDArray[np.bool_], fold: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        assert seen.shape == (len(one_child), seen.shape[1])
        assert set(fold.tolist()) <= set(range(FOLDS))
        return one_child.astype(np.float64)

    def guessing(
        seen: NDArray[np.float64], one_child: NDArray[np.bool_], fold: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        return np.random.default_rng(1).random(len(one_child))

    best = ceiling(dataset, knowing)
    listed = best["listed"]
    assert best["taught"] == pytest.approx(2 * listed / (1 + listed), abs=0.01)
    assert best["ours"] <= best["taught"]
    assert ceiling(dataset, guessing)["taught"] < 0.8 * best["taught"]
    line = table({"made up": best})[-1]
    assert line.endswith(f"| {best['ours']:.3f} | {best['taught']:.3f} |")


def test_the_weight_that_is_shown_is_ours(dataset: Dataset) -> None:
    def ours(seen: NDArray[np.float64], one_child: NDArray[np.bool_], fold: NDArray[np.int64]) -> NDArray[np.float64]:
        return seen[:, -6]

    found = ceiling(dataset, ours)
    assert found["taught"] == found["ours"]
