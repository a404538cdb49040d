"""Limits on requests: what a caller may send, and that nobody can use up what is another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.broker.buckets import Buckets
from services.broker.errors import RateLimited
from services.broker.limits import Limits
from services.broker.settings import Settings


def limits(home: Path) -> Limits:
    return Limits.of(
        Settings(
            home=home,
            party_requests_per_second=2,
            party_requests_at_once=3,
            unsigned_requests_per_second=0.5,
            unsigned_requests_at_once=1,
        )
    )


def test_a_bucket_empties_and_fills_again() -> None:
    buckets = Buckets(rate=2, size=3)
    assert [buckets.take("a", now=0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("a", now=0.5) == 0
    assert buckets.take("a", now=0.5) == 0.5
    assert [buckets.take("a", now=100) for _ in range(4)] == [0, 0, 0, 0.5], "never more than its size"


def test_a_clock_that_is_set_back_gives_nobody_more() -> None:
    buckets = Buckets(rate=1, size=1)
    assert buckets.take("a", now=1000) == 0
    assert buckets.take("a", now=10) == 1
    assert buckets.take("a", now=11) == 0


def test_callers_beyond_number_do_not_fill_the_memory_nor_empty_who_is_limited() -> None:
    buckets = Buckets(rate=0.001, size=2)
    for _ in range(2):
        buckets.take("limited", now=0)
    for number in range(25_000):
        buckets.take(f"caller {number}", now=0)
    assert len(buckets) <= 10_000
    assert buckets.take("limited", now=0) > 0


def test_parties_and_strangers_are_counted_apart(tmp_path: Path) -> None:
    counted = limits(tmp_path)
    counted.admit_stranger("10.0.0.1", now=0)
    with pytest.raises(RateLimited) as caught:
        counted.admit_stranger("10.0.0.1", now=0)
    assert caught.value.seconds == 2
    for _ in range(3):
        counted.admit_party("10.0.0.1", now=0)  # even of that very name
    with pytest.raises(RateLimited) as caught:
        counted.admit_party("10.0.0.1", now=0)
    assert caught.value.seconds == 1, "whole seconds, never 0"
    counted.admit_party("another", now=0)
