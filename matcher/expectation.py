"""How many links are false and how many are missed, as the fitted model expects it, and where the links' weights lie.

Pairs are the same child or not independently of each other, each with its own probability. The number of false links
is then a sum of independent trials whose mean is the sum of their probabilities of being false, and so is that of
missed links. Nothing here knows the truth: if the model is wrong, so are these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matcher.errors import MatcherError


@dataclass(frozen=True)
class Expectation:
    """Of the links between two holders. ``links``: how many weigh at least each edge and less than the next.

    ``false``: how many of them are expected to be of different children. ``missed``: how many pairs of rows of one
    child are expected that are no links, those that reach no floor included.
    """

    links: tuple[int, ...]
    false: float
    missed: float


def expect(
    weight: NDArray[np.float64], probability: NDArray[np.float64], *, edges: Sequence[float], matches: float
) -> Expectation:
    """``weight`` and ``probability``: of each link, as in ``evidence.ScoredPairs``, shape (links,). ``edges``: weights,
    rising, the first being that from which pairs are linked. ``matches``: all pairs of rows of one child that the model
    expects. Raises ``MatcherError`` for edges that do not rise, and for a link below the first.
    """
    steps = np.asarray(edges, dtype=np.float64)
    if not len(steps) or (np.diff(steps) <= 0).any():
        raise MatcherError("The edges of the weights do not rise.", remedy="Give one or more, each above the last.")
    place = np.searchsorted(steps, weight, side="right") - 1
    if (place < 0).any():
        raise MatcherError(
            "A link weighs less than the threshold.", remedy="Give only links, and the threshold as the first edge."
        )
    counts = np.bincount(place, minlength=len(steps))
    return Expectation(
        tuple(counts.tolist()), float((1 - probability).sum()), max(0.0, matches - float(probability.sum()))
    )
