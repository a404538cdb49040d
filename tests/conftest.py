"""One real broker for all tests of a worker, in a process of its own, and scenes at it.

The tests of a module share its scenes, and leave what they hold as they found it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings

from encoder.workspace import Workspace
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import launch
from tests.stage import Broker, MakeScene, Scene

settings.register_profile("counterfoil", deadline=None)  # no test asserts a time: machines are busy now and then
settings.load_profile("counterfoil")


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    home = Workspace(tmp_path_factory.mktemp("broker"))
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("COUNTERFOIL_BROKER_PART_KB", "64")  # so that small uploads have many parts
        launched = launch(home.root, passphrase=passphrase)
    try:
        yield Broker(identity, home.root, launched.url)
    finally:
        launched.stop()


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
