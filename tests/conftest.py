"""Two real brokers for all tests of a worker, one on each database, each in a process of its own, and scenes at them.

The tests of a module share its scenes, and leave what they hold as they found it.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from functools import cache
from typing import Any

import pytest
from hypothesis import settings

from services.broker.settings import Settings
from services.broker.store.database import Store
from tests.broker import Broker, started
from tests.postgres import DATABASES, NewDatabase, postgres
from tests.stage import MakeScene, Scene

settings.register_profile("counterfoil", deadline=None)  # no test asserts a time: machines are busy now and then
settings.load_profile("counterfoil")


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "run what has a database on this one alone, or everything on both (default: both but for tests marked apart)"
    parser.addoption("--database", choices=[*DATABASES, "both"], help=text)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Whatever has a database has each in turn, module by module; where it makes no difference, SQLite will do."""
    if "database" in metafunc.fixturenames:
        default = "sqlite" if metafunc.definition.get_closest_marker("apart_from_database") else "both"
        chosen = metafunc.config.getoption("database") or default
        metafunc.parametrize("database", DATABASES if chosen == "both" else [chosen], scope="module")


@pytest.fixture(scope="session")
def new_database() -> Iterator[NewDatabase]:
    """What a broker's settings say for a new database of this kind; PostgreSQL is started when first asked for."""
    with ExitStack() as stack:
        server = cache(lambda: stack.enter_context(postgres()))
        yield lambda kind: {"database_url": server().make_database()} if kind == "postgresql" else {}


@pytest.fixture(scope="session")
def brokers(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Broker]]:
    """One on each kind of database, from when a test first asks for it; in small parts, so that uploads have many."""
    with ExitStack() as stack:

        @cache
        def on(kind: str) -> Broker:
            return stack.enter_context(started(tmp_path_factory.mktemp("broker"), part_kb=64, **new_database(kind)))

        yield on


@pytest.fixture(scope="module")
def broker(database: str, brokers: Callable[[str], Broker]) -> Broker:
    return brokers(database)


@pytest.fixture(scope="module")
def store(database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A new database without tables, which no broker uses."""
    settings = Settings(home=tmp_path_factory.mktemp("store"), **new_database(database))
    with closing(Store(settings.database)) as made:
        yield made


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
