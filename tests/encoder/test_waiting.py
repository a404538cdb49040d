"""Waiting for a run asks ever more slowly, again soon when something moves, and ends when nothing can follow."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from encoder.door import Door
from encoder.errors import BrokerRefused, Unreachable
from encoder.patience import Patience
from encoder.waiting import LONGEST, until_ended

Answer = tuple[str, int] | Exception


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
        return {"run": "7", "state": state, "percent": percent, "approved_by": [], "outcome": None, "problem": None}


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
