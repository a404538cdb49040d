"""Limits on requests: what a caller may send, and that nobody can use up what is another's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from keys.canonical import canonical
from keys.identity import Identity
from services.broker.app import open_office
from services.broker.errors import RateLimited
from services.broker.front.buckets import Buckets
from services.broker.front.limits import Limits, place_of
from services.broker.office import Office
from services.broker.settings import Settings
from services.rehearsal.party import gather
from tests.asgi import answers_of
from tests.broker import Broker
from tests.seen import refused
from tests.stage import Scene, signed_request

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


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


def test_an_ipv6_network_counts_as_one_place_and_everything_without_an_address_too() -> None:
    assert place_of("2001:db8:1:2::7") == place_of("2001:db8:1:2:ffff::1") != place_of("2001:db8:1:3::7")
    assert place_of("fe80::1%eth0") == place_of("fe80::2%eth1")
    assert place_of("::ffff:192.0.2.1") == place_of("192.0.2.1") != place_of("192.0.2.2")
    assert place_of("") == place_of("unix:") == place_of("x" * 1000)


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Office]:
    """An office that takes two requests at once from a party, and two from an address."""
    few = {"party_requests_per_second": 0.5, "party_requests_at_once": 2}
    few |= {"unsigned_requests_per_second": 0.5, "unsigned_requests_at_once": 2}
    identity = gather([]).broker
    settings = Settings.model_validate({"home": tmp_path / "home", **few})
    settings.home.mkdir()
    opened = replace(open_office(settings, identity), now=lambda: NOW)
    yield opened
    opened.store.close()


def unsigned(method: str, path: str) -> httpx.Request:
    return httpx.Request(method, f"http://broker.example{path}")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/card", 200), ("GET", "/v1/runs/x", 401), ("GET", "/readyz", 503), ("POST", "/v1/agreements", 401)],
)
def test_whoever_has_not_signed_is_limited_by_address(strict: Office, method: str, path: str, status: int) -> None:
    *before, after = answers_of(strict, *[unsigned(method, path)] * 3)
    assert [answer.status_code for answer in before] == [status] * 2
    assert refused(after, 429, "rate-limited")
    assert (after.headers["retry-after"], after.json()["retry_after"]) == ("2", 2)


def test_health_is_never_refused(strict: Office) -> None:
    answers = answers_of(strict, *[unsigned("GET", "/v1/card")] * 3, *[unsigned("GET", "/healthz")] * 20)
    assert [answer.status_code for answer in answers] == [200, 200, 429, *[200] * 20]


def test_a_party_is_limited_by_its_own_requests_and_not_by_those_of_its_address(strict: Office, tmp_path: Path) -> None:
    broker = Broker(strict.identity, strict.settings, "http://broker.example")
    scene = Scene.of(broker, tmp_path)
    north, south = scene.cast.holders.values()

    def get(party: Identity) -> httpx.Request:
        return signed_request(broker, party, "GET", scene.path, now=NOW)

    body = canonical(scene.agreement.to_json())
    handed_in = signed_request(broker, south, "POST", "/v1/agreements", body, now=NOW)
    answers = answers_of(
        strict, handed_in, *[unsigned("GET", "/v1/card")] * 2, *[get(north) for _ in range(3)], get(south), get(south)
    )
    assert [answer.status_code for answer in answers] == [201, 200, 429, 200, 200, 429, 200, 429]
    refused(answers[5], 429, "rate-limited")
