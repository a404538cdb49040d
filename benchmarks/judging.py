"""Links against truth: shares with their intervals, the best threshold, and false links among twins."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.simulation import Joined, ends
from services.rehearsal.accuracy import Accuracy

Floats = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, repr=False)
class Ranked:
    """One-to-one links that a greedy solver makes of all pairs, and the ``threshold`` that the program chose itself.

    ``joined`` int64 and ``score`` float64, both (links,). A greedy solver takes pairs by falling score, so the links
    at a threshold are those of this score or more. ``estimated``: precision and recall as the program expects them
    without truth, where it says.
    """

    joined: Joined
    score: Floats
    threshold: float
    estimated: tuple[float, float] | None = None


@dataclass(frozen=True, repr=False)
class Twins:
    """``child`` and ``birth``: per holder int64 (rows,), the child of each row, and the birth, which twins share."""

    child: tuple[NDArray[np.int64], NDArray[np.int64]]
    birth: tuple[NDArray[np.int64], NDArray[np.int64]]

    @property
    def count(self) -> int:
        """Children in the files of whose birth there is another child in the files."""
        _, first = np.unique(np.concatenate(self.child), return_index=True)
        births = np.unique(np.concatenate(self.birth)[first], return_counts=True)[1]
        return int(births[births > 1].sum())

    def false(self, joined: Joined) -> int:
        """How many of these links join two children of one birth."""
        left, right = ends(joined)
        other = self.child[0][left] != self.child[1][right]
        return int((other & (self.birth[0][left] == self.birth[1][right])).sum())


def wilson(right: int, of: int) -> Interval:
    """The 95 % interval of a share (Wilson 1927). Of nothing, anything is possible."""
    if of == 0:
        return 0.0, 1.0
    z = 1.959963984540054
    share, square = right / of, z * z / of
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / of + square / (4 * of))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def judge(ranked: Ranked, truth: Joined, twins: Twins | None) -> dict[str, Any]:
    """What the links are worth at the program's own threshold, and at the best there is."""
    chosen = ranked.joined[ranked.score >= ranked.threshold]
    right = int(np.isin(chosen, truth).sum())
    accuracy = Accuracy(right=right, false=len(chosen) - right, missed=len(truth) - right)
    best, best_threshold = best_f1(ranked, truth)
    estimated = ranked.estimated or (None, None)
    found: dict[str, Any] = {
        **asdict(accuracy),
        "threshold": ranked.threshold,
        "f1": accuracy.f1,
        "precision": accuracy.precision,
        "precision_interval": wilson(right, len(chosen)),
        "recall": accuracy.recall,
        "recall_interval": wilson(right, len(truth)),
        "best_f1": best,
        "best_threshold": best_threshold,
        "estimated_precision": estimated[0],
        "estimated_recall": estimated[1],
    }
    if twins is not None:
        false, count = twins.false(chosen), twins.count
        found |= {"twins": count, "false_links_among_twins": false, "twin_share": false / count if count else 0.0}
    return found


def best_f1(ranked: Ranked, truth: Joined) -> tuple[float, float]:
    """The largest F1 that a threshold gives, chosen with truth in hand, and that threshold; 0 at none without links."""
    if not len(ranked.joined):
        return 0.0, ranked.threshold
    order = np.argsort(-ranked.score, kind="stable")
    score = ranked.score[order]
    right = np.cumsum(np.isin(ranked.joined[order], truth))
    f1 = 2 * right / (np.arange(1, len(order) + 1) + len(truth))
    f1[:-1][score[:-1] == score[1:]] = 0.0  # equal scores are all above a threshold or none
    at = int(np.argmax(f1))
    return float(f1[at]), float(score[at])
