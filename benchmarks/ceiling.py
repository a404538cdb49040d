"""How well anybody could link from the same encodings: a judge that is taught with the truth, beside ours without it.

``python -m benchmarks.ceiling --data DIR --json``. Of every pair that is listed the judge sees what the broker sees:
its similarity under each match-key, which exact keys agree, the best rival of either row, and the broker's weight. It
learns from four fifths of the first holder's rows which pairs are of one child, and judges those of the last fifth
(gradient-boosted trees, Friedman 2001). Links are then made one to one, by falling score, and the best threshold is
chosen with the truth in hand, for both. What is left of the way to 1 is not the judge's to find: it is not in the
encodings. Needs scikit-learn (``pip install --require-hashes -r requirements-bench.lock``).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.contenders import weighed_pairs
from benchmarks.datasets import NAMES, Dataset, datasets
from benchmarks.judging import Ranked, best_f1
from benchmarks.printing import markdown
from benchmarks.simulation import Joined, Simulation, encode, join
from matcher.evidence import ScoredPairs
from matcher.exact import find_exact
from matcher.solve import PairSet, solve

SETS = ("febrl", "historical-dev", "generator, low", "generator, high", "generator, hard", "no names, low")
FOLDS = 5
FIRST_SEED = 3

Floats = NDArray[np.float64]
Judge = Callable[[Floats, NDArray[np.bool_], NDArray[np.int64]], Floats]
"""Takes float64 (pairs, what is seen), whether each pair is one child's, and its fold; gives each pair's probability,
float64 (pairs,), learnt from the other folds."""


def ceiling(dataset: Dataset, judge: Judge) -> dict[str, Any]:
    """The best F1 of ours and of the judge, and the share of true links that are listed at all."""
    sides = dataset.sides
    made = encode(sides)
    scored = weighed_pairs(made)
    joined = join(scored)
    one_child = np.isin(joined, sides.truth)
    probability = judge(seen(made, scored, joined), one_child, np.asarray(scored.left % FOLDS, np.int64))
    return {
        "rows": list(sides.rows),
        "true_links": len(sides.truth),
        "listed": round(float(one_child.sum() / len(sides.truth)), 4),
        "ours": round(_best(scored, np.asarray(scored.weight, np.float64), sides.truth), 4),
        "taught": round(_best(scored, probability, sides.truth), 4),
    }


def seen(made: Simulation, scored: ScoredPairs, joined: Joined) -> Floats:
    """float64 (pairs, what is seen); NaN where a row has no encoding."""
    similarity = made.similarity(joined).astype(np.float64)
    agreed = [np.isin(joined, join(find_exact(*made.sides(key)))).astype(np.float64) for key in made.exact_keys]
    weight = np.asarray(scored.weight, np.float64)
    total = np.nansum(similarity - 0.5, axis=1)
    rivals = [_rival(score, row) for score in (total, weight) for row in (scored.left, scored.right)]
    return np.column_stack([similarity, *agreed, weight, total, *rivals])


def _rival(score: Floats, row: NDArray[Any]) -> Floats:
    """The best score of another pair of the same row, or of this one's if it is not the best; -inf without any."""
    best = np.full(int(row.max(initial=0)) + 1, -np.inf)
    np.maximum.at(best, row, score)
    behind = score < best[row]
    second = np.full(len(best), -np.inf)
    np.maximum.at(second, row[behind], score[behind])
    return np.asarray(np.where(behind, best[row], second[row]))


def _best(scored: ScoredPairs, score: Floats, truth: Joined) -> float:
    """The best F1 of links made one to one by falling score."""
    left, right = solve([PairSet(0, 1, scored.left, scored.right, score.astype(np.float32))], -np.inf).between(0, 1)
    linked = np.sort((left << 32) | right)
    joined = join(scored)
    order = np.argsort(joined, kind="stable")
    place = order[np.searchsorted(joined[order], linked)]
    return best_f1(Ranked(linked, score[place], 0.0), truth)[0]


def trees(seen_of: Floats, one_child: NDArray[np.bool_], fold: NDArray[np.int64]) -> Floats:
    """A ``Judge``."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    values = np.where(np.isinf(seen_of), np.nan, seen_of)
    found = np.zeros(len(values))
    for number in np.unique(fold):
        own = fold == number
        model = HistGradientBoostingClassifier(max_iter=300, learning_rate=0.05, random_state=1)
        found[own] = model.fit(values[~own], one_child[~own]).predict_proba(values[own])[:, 1]
    return found


def measure(rows: int, data: Path | None, only: Sequence[str]) -> dict[str, Any]:
    return {
        one.name: ceiling(one, trees) for name in only or SETS for one in datasets(name, rows, data, FIRST_SEED, None)
    }


def table(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    heads = ("data", "true links", "listed", "best F1, ours", "best F1, taught with the truth")
    lines = []
    for name, one in found.items():
        title = f"{name}, {one['rows'][0]:,} x {one['rows'][1]:,}"
        share = f"{100 * one['listed']:.1f} %"
        lines.append((title, f"{one['true_links']:,}", share, f"{one['ours']:.3f}", f"{one['taught']:.3f}"))
    return markdown(heads, lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--rows", type=int, default=5_000, help="of the council; the care board has three times as many"
    )
    parser.add_argument("--data", type=Path, help="folder with febrl and historical-dev")
    parser.add_argument("--only", action="append", default=[], choices=NAMES, metavar="NAME", help=", or ".join(NAMES))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = measure(options.rows, options.data, options.only)
    print(json.dumps(found) if options.json else "\n".join(table(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
