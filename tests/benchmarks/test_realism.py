"""The generator keeps to what is published: every rate lies within the interval of what was measured."""

import json
import sys
from functools import cache

import numpy as np
import pytest

from benchmarks import realism
from benchmarks.realism import Line, share

ROWS = 20_000


@cache
def measured() -> list[Line]:
    return realism.measure(ROWS, 1)


def named(what: str, scenario: str) -> Line:
    (found,) = [line for line in measured() if (line.what, line.scenario) == (what, scenario)]
    return found


@pytest.mark.parametrize("place", range(26))
def test_what_is_aimed_at_lies_in_the_interval(place: int) -> None:
    line = measured()[place]
    assert len(measured()) == 26
    assert line.held, line
    assert line.low <= line.measured <= line.high


@pytest.mark.parametrize(
    ("what", "scenario", "published"),
    [
        ("surname wholly different, girls", "low", 0.057),
        ("surname wholly different, boys", "low", 0.013),
        ("forename wholly different", "low", 0.006),
        ("forename different in part", "low", 0.018),
        ("forename and surname swapped", "low", 0.0019),
        ("date of birth wrong", "low", 0.0049),
        ("of wrong dates of birth, those in one part", "low", 0.93),
        ("sex wrong", "low", 0.0033),
        ("postcode different in sector or last letter", "low", 0.0097),
        ("no fixed abode, of rows", "low", 0.002),
        ("surname different", "high", 0.18),
        ("forename different", "high", 0.12),
        ("postcode wholly different", "high", 0.30),
    ],
)
def test_what_is_published_is_aimed_at(what: str, scenario: str, published: float) -> None:
    line = named(what, scenario)
    assert (line.published, line.aimed) == (published, published)
    assert line.high - line.low < 0.5 * line.measured + 0.02  # an interval that could not hold everything


def test_a_rate_that_is_not_aimed_at_is_shown_beside_what_was_measured() -> None:
    line = named("postcode wrong or missing", "high")
    assert (line.published, line.aimed) == (0.53, None)
    assert named("postcode wholly different", "high").measured < line.measured < 0.53


def test_without_clusters_the_interval_is_wilsons() -> None:
    mask = np.arange(148) < 15
    value, low, high = share(mask, np.arange(148))
    assert value == 15 / 148
    z = 2.5758293035489004
    for end in (low, high):  # the two shares from which the observed one is z standard errors away (Wilson 1927)
        assert abs(value - end) == pytest.approx(z * np.sqrt(end * (1 - end) / 148), rel=1e-9)


def test_pairs_of_one_household_count_less() -> None:
    mask = np.arange(400) < 40
    _, low, high = share(mask, np.arange(400))
    _, together_low, together_high = share(mask, np.arange(400) // 4)
    assert together_low < low < 0.1 < high < together_high
    _, fewer_low, fewer_high = share(np.arange(100) < 10, np.arange(100))
    assert (together_low, together_high) == pytest.approx((fewer_low, fewer_high))


def test_of_nothing_anything_is_possible_and_of_none_little() -> None:
    nothing = np.zeros(0, dtype=np.bool_)
    assert share(nothing, np.zeros(0, dtype=np.int64)) == (0.0, 0.0, 1.0)
    value, low, high = share(np.zeros(1000, dtype=np.bool_), np.arange(1000))
    assert (value, low) == (0.0, 0.0)
    assert 0 < high < 0.01


def test_the_command_prints_a_line_for_each(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["realism", "--rows", "500"])
    assert realism.main() == 0
    table = capsys.readouterr().out.splitlines()
    monkeypatch.setattr(sys, "argv", ["realism", "--rows", "500", "--json"])
    assert realism.main() == 0
    lines = json.loads(capsys.readouterr().out)
    assert [row.split("|")[1].strip() for row in table[2:]] == [line["what"] for line in lines]
    assert len(lines) == len(measured())
