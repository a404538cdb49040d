"""The frontier's rule, its page and its chart: of figures that are given, as measuring takes hours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks.frontier import AS_GOOD, FIELDS, attacked, bits_of, chosen, document, passes, settled, write
from benchmarks.frontier_grid import DEFAULT, SETS, Configuration, applied, everything, grid
from benchmarks.frontier_page import mean_f1
from keys.frontier import features


def point(
    keys: str = DEFAULT, t: int = 9, length: int = 2048, *, f1: float = 0.99, named: float = 0.005
) -> dict[str, Any]:
    rate = {"share": named, "low": 0.0, "high": 1.0, "rows": 3000}
    where = dict(zip(FIELDS, (keys, t, length, 1024), strict=True))
    return {**where, "f1": {"febrl": f1}, "attacks": {"A6": rate}, "passes": named <= 0.01}


def test_the_best_that_passes_is_chosen() -> None:
    points = [point(t=5, f1=0.999, named=0.9), point(t=9, f1=0.98), point(t=12, f1=0.97)]
    assert chosen(points) is points[1]
    assert chosen(points[:1]) is None


@pytest.mark.parametrize(
    ("good", "same"),
    [
        (point(length=4096, f1=0.9905), point(length=2048)),
        (point(f1=0.9905), point("one key", length=bits_of(point()))),
        (point(t=8, f1=0.9905), point(t=9)),
    ],
)
def test_of_equally_good_ones_the_one_that_shows_or_costs_least(good: dict[str, Any], same: dict[str, Any]) -> None:
    assert chosen([good, same]) is same
    assert chosen([good, {**same, "f1": {"febrl": good["f1"]["febrl"] - 1.5 * AS_GOOD}}]) is good


@pytest.mark.parametrize(
    ("rows", "named", "enough"),
    [
        (1_000, 0.9, True),
        (1_000, 0.02, False),
        (2_970, 0.004, True),
        (2_970, 0.006, False),
        (6_930, 0.0069, True),
        (7_000, 0.0129, False),
        (21_000, 0.0099, True),
    ],
)
def test_what_is_near_the_gate_is_measured_on_more_lists(rows: int, named: float, *, enough: bool) -> None:
    assert settled({"share": named, "rows": rows}) is enough


def test_what_was_measured_on_enough_lists_is_not_measured_again() -> None:
    enough = {"share": 0.0084, "low": 0.0073, "high": 0.0097, "rows": 21_000}
    rates = {"A5": enough, "A6": enough, "A7": enough}
    assert attacked({**point(), "attacks": rates}) == {**point(), "attacks": rates, "passes": True}


def test_what_may_be_beyond_the_gate_does_not_pass() -> None:
    rates = {"A6": {"share": 0.0099, "low": 0.0087, "high": 0.0113, "rows": 21_000}}
    assert not passes(rates.values())


@pytest.mark.parametrize("configuration", grid(), ids=str)
def test_every_configuration_is_an_agreement(configuration: Configuration) -> None:
    terms = applied(configuration, everything())
    hardening = terms.encoding.hardening
    assert terms.encoding.length == configuration.base_length
    assert (
        (hardening.t, hardening.length) == (configuration.t, configuration.length)
        if hardening
        else configuration.t == 1
    )
    own = {key.name: features(key) for key in terms.match_keys if key.name not in terms.numbers}
    assert own == SETS[configuration.keys] if configuration.keys != DEFAULT else own


def test_all_that_is_written_says_the_same(tmp_path: Path) -> None:
    points = [point(t=5, f1=0.999, named=0.9), point("two keys", f1=0.97), point(f1=0.98)]
    write(tmp_path, points)
    found = json.loads((tmp_path / "frontier.json").read_text())
    assert found == json.loads(json.dumps(document(points)))
    assert [mean_f1(one) for one in found["points"]] == [0.999, 0.98, 0.97]
    page = (tmp_path / "frontier.md").read_text()
    assert [line.rsplit("|", 2)[1].strip() for line in page.splitlines()[-3:]] == ["no", "**yes, chosen**", "yes"]
    drawn = ElementTree.fromstring((tmp_path / "frontier.svg").read_text())  # noqa: S314 - our own
    titles = [one.text for one in drawn.iter("{http://www.w3.org/2000/svg}title")]
    assert titles[1:] == [f"{one['keys']}, t = {one['t']}, 2048 bits from 1024" for one in found["points"]]
