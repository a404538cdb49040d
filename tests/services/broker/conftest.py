"""Scenes at the worker's broker. The tests of a module share one, and leave what it holds as they found it."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.stage import Broker, MakeScene, Scene


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
