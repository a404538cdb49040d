"""Links against truth: shares with their intervals, the best threshold, and false links among twins."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.groups import GroupCounts, Made
from benchmarks.simulation import Joined, ends
from encoder import intervals
from services.assurance.quality import f1
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
    share = intervals.wilson(right, of)
    return (share.low, share.high) if share else (0.0, 1.0)


@dataclass(frozen=True, repr=False)
class Counted:
    """What is counted of the links of one program on one data set. ``twins``: children with a twin in the files, and
    false links among them; ``never``: pairs that must not be linked, and those that are; None where not known."""

    right: int
    false: int
    missed: int
    threshold: float
    best_f1: float
    best_threshold: float
    estimated: tuple[float, float] | None
    twins: tuple[int, int] | None
    never: tuple[int, int] | None
    groups: Mapping[str, GroupCounts]


def count(ranked: Ranked, truth: Joined, twins: Twins | None, made: Made | None = None) -> Counted:
    """Compare the links at the program's own threshold with the truth, and with the best threshold there is."""
    chosen = ranked.joined[ranked.score >= ranked.threshold]
    right = int(np.isin(chosen, truth).sum())
    best, best_threshold = best_f1(ranked, truth)
    return Counted(
        right=right,
        false=len(chosen) - right,
        missed=len(truth) - right,
        threshold=ranked.threshold,
        best_f1=best,
        best_threshold=best_threshold,
        estimated=ranked.estimated,
        twins=None if twins is None else (twins.count, twins.false(chosen)),
        never=None if made is None else (len(made.never), int(np.isin(made.never, chosen).sum())),
        groups={} if made is None else made.counts(chosen, truth),
    )


def judge(ranked: Ranked, truth: Joined, twins: Twins | None) -> dict[str, Any]:
    """What the links are worth at the program's own threshold, and at the best there is."""
    return shares([count(ranked, truth, twins)])


def shares(several: Sequence[Counted]) -> dict[str, Any]:
    """What one program is worth on several data sets of one kind: counts are added up, thresholds, the best F1 and
    what the program expects are averaged."""
    accuracy = Accuracy(**{name: sum(getattr(one, name) for one in several) for name in ("right", "false", "missed")})
    right, links, true = accuracy.right, accuracy.right + accuracy.false, accuracy.right + accuracy.missed
    overall = f1(right=right, wrong=accuracy.false + accuracy.missed)
    expected = [one.estimated for one in several if one.estimated is not None]
    found: dict[str, Any] = {
        **asdict(accuracy),
        "threshold": fmean(one.threshold for one in several),
        "f1": accuracy.f1,
        "f1_interval": (overall.low, overall.high) if overall else (0.0, 1.0),
        "precision": accuracy.precision,
        "precision_interval": wilson(right, links),
        "recall": accuracy.recall,
        "recall_interval": wilson(right, true),
        "best_f1": fmean(one.best_f1 for one in several),
        "best_threshold": fmean(one.best_threshold for one in several),
        "estimated_precision": fmean(one[0] for one in expected) if expected else None,
        "estimated_recall": fmean(one[1] for one in expected) if expected else None,
    }
    twins = [one.twins for one in several if one.twins is not None]
    if twins:
        children, false = (sum(each) for each in zip(*twins, strict=True))
        found |= {
            "twins": children,
            "false_links_among_twins": false,
            "twin_share": false / children if children else 0.0,
        }
    never = [one.never for one in several if one.never is not None]
    if never:
        pairs, linked = (sum(each) for each in zip(*never, strict=True))
        found |= {"adopted_pairs": pairs, "adopted_pairs_linked": linked}
    if all(one.groups for one in several):
        found["groups"] = {
            label: _of_group(GroupCounts(*map(sum, zip(*(one.groups[label] for one in several), strict=True))))
            for label in several[0].groups
        }
    return found


def _of_group(counts: GroupCounts) -> dict[str, Any]:
    return {
        **counts._asdict(),
        "recall": counts.right / counts.true_links if counts.true_links else None,
        "recall_interval": wilson(counts.right, counts.true_links),
        "precision": counts.right / counts.links if counts.links else None,
        "precision_interval": wilson(counts.right, counts.links),
    }


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
