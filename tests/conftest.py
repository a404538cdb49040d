"""One real broker for all tests of a worker, in a process of its own, and scenes at it.

The tests of a module share its scenes, and leave what they hold as they found it.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from encoder.workspace import Workspace
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import running_broker
from tests.stage import Broker, MakeScene, Scene


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    home = Workspace(tmp_path_factory.mktemp("broker"))
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with running_broker(home.root, passphrase=passphrase) as url:
        yield Broker(identity, home.root, url)


@pytest.fixture(scope="module")
def make_scene(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeScene]:
    """A new agreement in force, with its secret made; arguments as ``Scene.of`` takes them."""
    made: list[Scene] = []

    def make(*names: str, opened: bool = True, **changes: Any) -> Scene:
        scene = Scene.of(broker, tmp_path_factory.mktemp("scene"), *names, **changes)
        made.append(scene)
        if opened:
            scene.open()
        return scene

    yield make
    for scene in made:
        scene.close()


@pytest.fixture(scope="module")
def scene(make_scene: MakeScene) -> Scene:
    return make_scene()
