"""An office without a server."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from keys.identity import Identity
from services.broker.app import open_office
from services.broker.office import Office
from services.broker.settings import Settings


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = open_office(Settings(home=tmp_path), Identity.create("broker", random=secrets.token_bytes))
    yield opened
    opened.store.close()
