"""The list of an agreement's runs: in pages that neither leave one out nor show one twice, to its parties only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.runs import runs_of
from keys.protocol import State
from services.broker.office import Office
from services.broker.store import runs
from tests.seen import refused
from tests.stage import MakeScene, Scene

STARTED = ("2026-06-01T12:00:00.000000+00:00", "2026-06-01T12:00:01.000000+00:00", "2026-06-02T09:30:00.000000+00:00")


@pytest.fixture(scope="module")
def listed(make_scene: MakeScene) -> Iterator[tuple[Scene, Office, list[str]]]:
    """An agreement with 23 runs of which many started at the same time, newest first."""
    scene = make_scene()
    scene.open()
    made = [(STARTED[number % 3], f"{number * 7919 % 97:032x}") for number in range(23)]
    with scene.broker.office() as office:
        for started, id_ in made:
            put(office, scene.agreement.id, id_, started)
        yield scene, office, [id_ for _, id_ in sorted(made, reverse=True)]


def put(office: Office, agreement: str, id_: str, started: str) -> None:
    with office.store.transaction("put a run that has ended") as connection:
        runs.put(
            connection,
            id=id_,
            agreement=agreement,
            state=State.CANCELLED.value,
            uploads={},
            task_pairs=1,
            started_at=started,
            changed_at=started,
        )


def page(scene: Scene, query: str = "", name: str = "north") -> Any:
    return scene.ask(scene.cast.holders[name], "GET", f"{scene.path}/runs{query}")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 30))
def test_pages_of_any_size_hold_every_run_once_and_newest_first(
    listed: tuple[Scene, Office, list[str]], limit: int
) -> None:
    scene, _, expected = listed
    found, query = [], f"?limit={limit}"
    while query:
        answer = page(scene, query)
        assert answer.status_code == 200
        assert len(answer.json()["runs"]) <= limit
        found += [one["run"] for one in answer.json()["runs"]]
        cursor = answer.json()["next"]
        query = f"?cursor={cursor}&limit={limit}" if cursor else ""
        link = f'<{scene.path}/runs{query}>; rel="next"' if cursor else None
        assert answer.headers.get("link") == link
    assert found == expected


def test_a_run_that_starts_meanwhile_moves_nothing(make_scene: MakeScene) -> None:
    scene = make_scene()
    scene.open()
    with scene.broker.office() as office:
        for number in range(4):
            put(office, scene.agreement.id, f"{number + 1001:032x}", STARTED[0])
        first = page(scene, "?limit=2").json()
        put(office, scene.agreement.id, f"{1009:032x}", STARTED[1])
    second = page(scene, f"?limit=2&cursor={first['next']}").json()
    assert [one["run"] for one in first["runs"] + second["runs"]] == [
        f"{number:032x}" for number in (1004, 1003, 1002, 1001)
    ]
    assert second["next"] is None


def test_the_tool_lists_all_of_them(listed: tuple[Scene, Office, list[str]]) -> None:
    scene, _, expected = listed
    found = list(runs_of(scene.door_of("south"), scene.agreement.id))
    assert [one["run"] for one in found] == expected
    assert {one["state"] for one in found} == {"cancelled"}


def test_every_party_sees_it_and_no_stranger(listed: tuple[Scene, Office, list[str]], make_scene: MakeScene) -> None:
    scene, _, _ = listed
    for one in (*scene.cast.holders.values(), *scene.cast.ig_leads.values(), scene.cast.recipient):
        assert scene.ask(one, "GET", f"{scene.path}/runs").status_code == 200
    other = make_scene()
    other.open()
    stranger = other.cast.holders["north"]
    refused(scene.ask(stranger, "GET", f"{scene.path}/runs"), 404, "not-found")


def test_a_cursor_of_another_agreement_is_as_unknown_as_any(
    listed: tuple[Scene, Office, list[str]], make_scene: MakeScene
) -> None:
    _scene, _, expected = listed
    other = make_scene()
    other.open()
    theirs = refused(page(other, f"?cursor={expected[3]}"), 422, "refused")
    nobodys = refused(page(other, f"?cursor={'f' * 32}"), 422, "refused")
    assert theirs == nobodys


@pytest.mark.parametrize("query", ["?limit=0", "?limit=101", "?limit=x", "?cursor=9434765919", "?cursor="])
def test_what_is_no_page_is_refused(listed: tuple[Scene, Office, list[str]], query: str) -> None:
    refused(page(listed[0], query), 422, "invalid-request")


def test_an_agreement_without_runs_has_an_empty_page(make_scene: MakeScene) -> None:
    scene = make_scene()
    scene.open()
    assert page(scene).json() == {"runs": [], "next": None}


def test_a_broker_that_leads_in_a_circle_is_left(
    listed: tuple[Scene, Office, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Door, "get", lambda _door, _path: {"runs": [], "next": "a" * 32})
    with pytest.raises(BrokerRefused, match="not a broker"):
        list(runs_of(listed[0].door_of("south"), "b" * 64))
