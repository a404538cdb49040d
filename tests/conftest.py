"""One real broker for all tests of a worker, in a process of its own."""

from collections.abc import Iterator

import pytest

from encoder.workspace import Workspace
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import running_broker
from tests.stage import Broker


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    home = Workspace(tmp_path_factory.mktemp("broker"))
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with running_broker(home.root, passphrase=passphrase) as url:
        yield Broker(identity, home.root, url)
