"""Greedy links against optimal ones, and ways to join clusters: made-up children, twins, siblings, duplicates.

``python -m benchmarks.solve --json``: for two and three holders, how many links differ, who is right by truth, total
weight, seconds. ``linkage``: clusters with any number of rows of a holder, joined by one pair, by the average of pairs
(what the solver does) or only if all pairs agree.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.cohorts import Cohort, cohort
from benchmarks.optimal import LARGEST, assignment, components, partition, total
from matcher.exact import token_codes
from matcher.solve import Links, PairSet, solve

Ints = NDArray[np.int64]

CASES: dict[str, dict[str, Any]] = {
    "few errors": {},
    "few errors, 2 % twice on file": {"twice": 0.02},
    "many errors": {"scenario": "high"},
    "many errors, no numbers": {"scenario": "high", "numbers": False},
    "many errors, no numbers, 2 % twice on file": {"scenario": "high", "numbers": False, "twice": 0.02},
}
WEIGHTS = ("weight", "alone")
THRESHOLDS = (0.5, 0.1)


class Nodes:
    """The rows of all holders in one numbering, and the pairs between them."""

    def __init__(self, made: Cohort, holders: Sequence[int], weight: str, threshold: float) -> None:
        sizes = [len(made.child[holder]) for holder in holders]
        self.offset = np.cumsum(sizes) - sizes
        self.child = np.concatenate([made.child[holder] for holder in holders])
        self.holder = np.repeat(np.arange(len(holders)), sizes)
        self.sets = []
        for a, b in combinations(holders, 2):
            pairs = made.scored[a, b]
            excess = getattr(pairs, weight) - np.log2(threshold / (1 - threshold))
            self.sets.append(PairSet(a, b, pairs.left, pairs.right, excess))
        self.first = np.concatenate([one.left + self.offset[one.holder_a] for one in self.sets])
        self.second = np.concatenate([one.right + self.offset[one.holder_b] for one in self.sets])
        self.excess = np.concatenate([one.score for one in self.sets])

    def roots(self, links: Links) -> Ints:
        root = np.arange(len(self.child))
        node = self.offset[links.holder] + links.row
        lowest = node[np.flatnonzero(np.diff(links.cluster, prepend=-1))]
        root[node] = lowest[links.cluster]
        return root

    def judge(self, root: Ints, *, within: bool = False) -> dict[str, int]:
        """Pairs of rows of different holders, or ``within`` one too, that are linked rightly, falsely, not at all."""
        children = int(self.child.max()) + 1
        linked, true, right = (
            _pairs(group) - (0 if within else _pairs(group * len(self.offset) + self.holder))
            for group in (root, self.child, root * children + self.child)
        )
        return {"right": right, "false": linked - right, "missed": true - right}

    def linked(self, root: Ints) -> set[tuple[int, int]]:
        """Pairs of nodes in one cluster, each with the lowest of it."""
        return {(int(low), node) for node, low in enumerate(root.tolist()) if low != node}


def _pairs(group: Ints) -> int:
    _, sizes = np.unique(group, return_counts=True)
    return int((sizes * (sizes - 1) // 2).sum())


def against_optimal(made: Cohort, holders: Sequence[int], weight: str, threshold: float) -> dict[str, Any]:
    """The solver, and the assignment or the clusters with the largest total weight above the threshold."""
    nodes = Nodes(made, holders, weight, threshold)
    solve(nodes.sets[:1], 0.0)  # compiled before the clock starts
    started = time.perf_counter()
    greedy = nodes.roots(solve(nodes.sets, 0.0))
    solved = time.perf_counter()
    skipped = 0
    if len(holders) == 2:
        chosen = assignment(nodes.first, nodes.second, nodes.excess)
        optimal = np.arange(len(greedy))
        optimal[nodes.second[chosen]] = nodes.first[chosen]
    else:
        optimal, skipped = partition(nodes.first, nodes.second, nodes.excess, nodes.holder, greedy)
    done = time.perf_counter()
    one, other = nodes.linked(greedy), nodes.linked(optimal)
    same = nodes.child
    return {
        "pairs": len(nodes.first),
        "components": sum(1 for _ in components(nodes.first, nodes.second, nodes.excess)),
        "greedy": nodes.judge(greedy),
        "optimal": nodes.judge(optimal),
        "only_greedy": len(one - other),
        "only_greedy_right": sum(int(same[a] == same[b]) for a, b in one - other),
        "only_optimal": len(other - one),
        "only_optimal_right": sum(int(same[a] == same[b]) for a, b in other - one),
        "greedy_weight": round(total(nodes.first, nodes.second, nodes.excess, greedy), 1),
        "optimal_weight": round(total(nodes.first, nodes.second, nodes.excess, optimal), 1),
        f"components_above_{LARGEST}_rows": skipped,
        "greedy_seconds": round(solved - started, 3),
        "optimal_seconds": round(done - solved, 3),
    }


def linkage(made: Cohort) -> dict[str, Any]:
    """Any number of rows of a holder, each holder compared with itself too: three ways to join clusters.

    The solver takes averages of the pairs that it is given: without those below the threshold one pair is enough, and
    with these endlessly bad all must agree. Last, without knowing which numbers contradict each other.
    """
    holders = range(len(made.child))
    nodes = Nodes(made, holders, "alone", 0.5)
    for holder in holders:
        pairs = made.scored[holder, holder]
        once = pairs.left < pairs.right
        nodes.sets.append(PairSet(holder, holder, pairs.left[once], pairs.right[once], pairs.alone[once]))
    codes = token_codes(made.encodings, made.numbers, [len(child) for child in made.child])
    below = {"one pair": np.nan, "average": None, "all pairs": -np.inf}
    found = {}
    for name, value in below.items():
        sets = [
            one
            if value is None
            else PairSet(one.holder_a, one.holder_b, one.left, one.right, np.where(one.score < 0, value, one.score))
            for one in nodes.sets
        ]
        links = solve(sets, 0.0, rows_of_one_holder="any number", codes=codes)
        found[name] = nodes.judge(nodes.roots(links), within=True)
    links = solve(nodes.sets, 0.0, rows_of_one_holder="any number")
    return {**found, "average, contradictions allowed": nodes.judge(nodes.roots(links), within=True)}


def compare(rows: int, seed: int) -> dict[str, Any]:
    """Every case, with ``rows`` rows at the council and at social care and three times as many at the care board."""
    found: dict[str, Any] = {"rows": rows, "seed": seed}
    for name, given in CASES.items():
        made = cohort((rows, 3 * rows, rows), seed=seed, **given)
        found[name] = {
            f"{count} holders, {weight}, {threshold}": against_optimal(made, range(count), weight, threshold)
            for count in (2, 3)
            for weight in WEIGHTS
            for threshold in THRESHOLDS
        }
        found[name]["linkage"] = linkage(made)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = compare(options.rows, options.seed)
    print(json.dumps(figures) if options.json else json.dumps(figures, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
