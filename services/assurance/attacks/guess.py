"""What an attack answers: for each row of its victim, which person of the attacker's list it is taken for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class Guess:
    """One entry per row of the victim in each array.

    ``target`` is int64: a row of the attacker's own list, or -1 where the attack names nobody. ``confidence`` is
    float64, comparable within one guess and nowhere else: the higher, the surer; 0 where nobody is named.
    """

    target: NDArray[np.int64]
    confidence: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"Guess(rows={len(self.target)}, named={int((self.target >= 0).sum())})"


def right(guess: Guess, truth: NDArray[np.int64]) -> float:
    """The share of the victim's rows that are named rightly, 0 to 1; ``truth`` is int64, a row of the list per row."""
    return float(np.mean(guess.target == truth)) if len(truth) else 0.0


def right_of_surest(guess: Guess, truth: NDArray[np.int64], most: int) -> float:
    """The share that is right among the ``most`` answers of highest confidence, 0 to 1; 0 where nobody is named."""
    named = np.flatnonzero(guess.target >= 0)
    surest = named[np.argsort(-guess.confidence[named], kind="stable")[:most]]
    return float(np.mean(guess.target[surest] == truth[surest])) if len(surest) else 0.0
