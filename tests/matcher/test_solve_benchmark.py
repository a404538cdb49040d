"""The benchmark of the solver says what is promised of it: two ways to link beside each other, judged by truth."""

import json
import os
import subprocess
import sys
from pathlib import Path


def test_greedy_and_optimal_links_are_judged_on_the_same_pairs() -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    words = [sys.executable, "-m", "benchmarks.solve", "--rows", "200", "--json"]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], env=env, check=True, capture_output=True, text=True)
    cases = [case for case in json.loads(done.stdout).values() if isinstance(case, dict)]
    assert len(cases) == 5
    for case in cases:
        linkage = case.pop("linkage")
        assert len({one["right"] + one["missed"] for one in linkage.values()}) == 1
        assert linkage["all pairs"]["right"] <= linkage["one pair"]["right"]
        assert linkage["average"]["right"] > 100
        assert len(case) == 8
        for found in case.values():
            greedy, optimal = found["greedy"], found["optimal"]
            assert greedy["right"] + greedy["missed"] == optimal["right"] + optimal["missed"]
            assert greedy["right"] > 50
            assert found["optimal_weight"] >= found["greedy_weight"] - 0.1
            if found["only_greedy"] == found["only_optimal"] == 0:
                assert greedy == optimal
