"""Names of processes: one at a time has each."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from services.broker.errors import BrokerError
from services.broker.office import Office
from services.broker.runs.roll import Roll
from services.broker.store import workers

AT_ONCE = 4


def test_of_those_who_take_one_name_at_once_one_has_it_and_the_others_are_told(beside: Office) -> None:
    together = Barrier(AT_ONCE)

    rolls = [
        Roll(beside, "same", works=True, take_over=lambda name: None, each_beat=lambda: None) for _ in range(AT_ONCE)
    ]

    def take(roll: Roll) -> str:
        together.wait()
        try:
            roll.enter()
        except BrokerError as refused:
            return str(refused)
        roll.start()
        return "entered"

    with ThreadPoolExecutor(AT_ONCE) as threads:
        told = list(threads.map(take, rolls))
    said = sorted(told)
    assert said[-1] == "entered"
    assert all("A worker named same is at work on this database already." in one for one in said[:-1]), said
    with beside.store.transaction("count") as connection:
        assert sum(row["name"] == "same" for row in workers.every(connection)) == 1
    rolls[told.index("entered")].leave()
