"""A broker in this process that receives uploads by hand (``tests.receiving``), unless a module has one of its own,
and the office of the broker that runs beside this process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.agreement import Agreement
from services.broker.office import Office
from tests.broker import Broker
from tests.doors import Clock
from tests.receiving import START, agreed, receiving


@pytest.fixture
def clock() -> Clock:
    return Clock(START)


@pytest.fixture
def agreement() -> Agreement:
    return agreed()


@pytest.fixture
def office(tmp_path: Path, clock: Clock, agreement: Agreement) -> Iterator[Office]:
    with receiving(tmp_path, clock, agreement, unfinished_hours=48) as opened:
        yield opened


@pytest.fixture
def beside(broker: Broker) -> Iterator[Office]:
    with broker.office() as opened:
        yield opened
