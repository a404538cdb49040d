"""Waiting for a run asks ever more slowly, again soon when something moves, and ends when nothing can follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from encoder.door import Door
from encoder.errors import BrokerRefused, NothingThere, Unreachable
from encoder.patience import Patience
from encoder.waiting import LONGEST, fetch_release, look, until_ended

Answer = tuple[str, int] | Exception

ANSWER = {
    "run": "7",
    "agreement": "a",
    "state": "accepted",
    "percent": 0,
    "approved_by": [],
    "outcome": None,
    "problem": None,
    "started_at": "2026-06-01T12:00:00+00:00",
}
NOTHING = NothingThere("There is nothing here for this party.", remedy="Check.", where="https://broker.example/v1")


class Asked(Door):
    """A door in memory that gives these answers, one after the other."""

    url = "https://broker.example"

    def __init__(self, answers: Iterable[Answer]) -> None:
        self._answers = iter(answers)

    def get(self, path: str) -> Any:
        assert path == "/v1/runs/7"
        answer = next(self._answers)
        if isinstance(answer, Exception):
            raise answer
        state, percent = answer
        return {**ANSWER, "state": state, "percent": percent}

    def get_bytes(self, path: str) -> bytes:
        assert path == "/v1/runs/7/release"
        answer = next(self._answers)
        assert isinstance(answer, Exception)
        raise answer


def wait(*answers: Answer) -> tuple[str, list[float], list[str], list[int]]:
    """The last state; seconds waited; states in the order that they came; percentages that were seen."""
    waited: list[float] = []
    states: list[str] = []
    percents: list[int] = []

    def seen(answer: dict[str, Any], *, changed: bool) -> None:
        percents.append(answer["percent"])
        if changed:
            states.append(answer["state"])

    patience = Patience(waited.append, lambda line: None)
    last = until_ended(Asked(answers), "7", patience=patience, seen=seen)
    return last["state"], waited, states, percents


@pytest.mark.parametrize("end", ["released", "declined", "failed"])
def test_it_ends_with_the_run(end: str) -> None:
    told = wait(("accepted", 0), ("accepted", 50), ("matched", 100), ("approved", 100), (end, 100))
    assert told == (end, [1, 1, 1, 1], ["accepted", "matched", "approved", end], [0, 50, 100, 100, 100])


def test_it_asks_ever_more_slowly_while_nothing_moves() -> None:
    _, waited, _, _ = wait(*[("matched", 100)] * 12, ("approved", 100), ("released", 100))
    assert waited[:4] == [1, 1.5, 2.25, 3.375]
    assert waited[-2:] == [LONGEST, 1]
    assert max(waited) == LONGEST


def test_a_broker_that_is_away_for_a_moment_is_waited_for() -> None:
    away = Unreachable("The broker cannot be reached.", remedy="Wait.", retry_after=3)
    assert wait(("accepted", 0), away, ("released", 100))[:2] == ("released", [1, 3])


def test_a_refusal_ends_it() -> None:
    with pytest.raises(BrokerRefused, match="nothing here"):
        wait(("accepted", 0), BrokerRefused("There is nothing here.", remedy="Check."))


def test_a_run_that_is_not_there_is_told_apart_from_a_wrong_identity() -> None:
    with pytest.raises(NothingThere, match=r"no such run.*Check the run's id"):
        look(Asked([NOTHING]), "7")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("matched", "it is matched. Wait for the release"),
        ("declined", "it is declined. No release will follow."),
        ("failed", "it is failed. No release will follow."),
        ("released", "There is nothing here for this party"),  # to those who have no row of their own in it
    ],
)
def test_what_is_not_released_yet_is_said_to_be_so(state: str, said: str) -> None:
    with pytest.raises(NothingThere, match=said):
        fetch_release(Asked([NOTHING, (state, 100)]), "7", patience=Patience(lambda seconds: None, lambda line: None))


def test_the_release_of_a_run_that_is_not_there_is_no_release_to_wait_for() -> None:
    with pytest.raises(NothingThere, match="no such run"):
        fetch_release(Asked([NOTHING, NOTHING]), "7", patience=Patience(lambda seconds: None, lambda line: None))


def limited(seconds: float) -> Unreachable:
    return Unreachable("These are more requests.", remedy="Wait.", retry_after=seconds, too_many=True)


def test_being_asked_to_wait_is_no_failure() -> None:
    assert wait(*[limited(7)] * 20, ("released", 100))[:2] == ("released", [7] * 20)


def test_it_is_said_once_that_the_broker_asks_to_wait_and_each_time_that_it_is_away() -> None:
    told: list[str] = []
    patience = Patience(lambda seconds: None, told.append)
    away = Unreachable("The broker's database is away for a while.", remedy="Wait.", retry_after=5)
    for _ in range(2):
        door = Asked([limited(7), limited(3), away, away, ("matched", 100)])
        assert patience.insist(lambda door=door: look(door, "7"))["state"] == "matched"  # type: ignore[misc]
    again = "The broker's database is away for a while. Trying again in 5 s."
    assert told == ["These are more requests. Going on in 7 s, as the broker asks.", *[again] * 4]


@pytest.mark.parametrize(("asked", "waited"), [(0, 1), (4000, 60)])
def test_what_is_waited_when_asked_is_bounded(asked: float, waited: float) -> None:
    assert wait(limited(asked), ("released", 100))[1] == [waited]


def test_a_broker_that_always_asks_to_wait_is_given_up() -> None:
    with pytest.raises(Unreachable, match="more requests"):
        wait(*[limited(1)] * 200, ("released", 100))
