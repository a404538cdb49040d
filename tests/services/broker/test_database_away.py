"""A database that is stopped in the midst of a run, and what waits for it: steps, requests, holders' tools."""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import DBAPIError

from encoder.patience import Patience as Holders
from encoder.workspace import Workspace
from keys.files import OutputRefused
from services.broker.api.insisting import insisting
from services.broker.app import open_office
from services.broker.errors import Conflict, DatabaseAway
from services.broker.front.problems import as_problem
from services.broker.patience import Interrupted, Patience, no_room
from services.broker.settings import Settings
from services.broker.store import tasks
from services.broker.store.away import passes
from services.broker.store.database import Store
from services.broker.store.tables import nonces
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import launch, launch_worker
from tests.broker import Broker
from tests.postgres import Server, postgres
from tests.seen import refused
from tests.stage import Scene, children

BOTH = children(300, seed=1)
ROWS = {"north": BOTH + children(200, seed=2), "south": BOTH + children(300, seed=3)}
EXPECTED = {frozenset({("north", child["id"]), ("south", child["id"])}) for child in BOTH}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as running:
        yield running


def test_a_run_goes_on_after_its_database_was_away_in_the_midst_of_it(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, identity = Workspace(tmp_path / "home"), gather([]).broker
    passphrase = write_identity(home, identity)
    for name, value in (("TASK_PAIRS", "30000"), ("THREADS", "1"), ("WORKER_TIMEOUT_SECONDS", "3")):
        monkeypatch.setenv(f"COUNTERFOIL_BROKER_{name}", value)
    monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_URL", server.make_database())
    launched = launch(home.root, passphrase=passphrase, work=False)
    worker = launch_worker(home.root, "one", passphrase=passphrase)
    scene = Scene.of(Broker(identity, Settings(home=home.root), launched.url), tmp_path / "scene")
    try:
        scene.open()
        for name, rows in ROWS.items():
            scene.upload(name, rows)
        run = scene.start_run()
        with closing(open_office(Settings(home=home.root), identity).store) as store:
            while not done(store, run):
                time.sleep(0.05)
        server.stop()
        asked = scene.ask(scene.cast.holders["north"], "GET", f"/v1/runs/{run}")
        time.sleep(4)  # longer than a silent worker is waited for
        server.start()
        assert refused(asked, 503, "database-away") == "The broker's database is away for a while."
        assert asked.headers["Retry-After"] == "5"
        door = scene.door_of("north")
        patience = Holders(lambda seconds: time.sleep(0.2), lambda line: None, tries=200)
        patience.insist(lambda: door.get(f"/v1/runs/{run}"))
        scene.status(run, "matched")
        scene.release(run)
        assert scene.links(run) == EXPECTED
        said = (home.root / "one.log").read_text()
        assert "is silent" not in said
        assert "Traceback" not in said
    finally:
        scene.close()
        worker.stop()
        launched.stop()


def done(store: Store, run: str) -> int:
    with store.transaction("look") as connection:
        return len(tasks.of_run(connection, run))


def test_a_dropped_connection_is_replaced_before_it_is_used(server: Server, tmp_path: Path) -> None:
    with closing(Store(server.make_database())) as store:
        store.migrate()
        server.stop()
        with pytest.raises(DatabaseAway), store.transaction("look"):
            pass
        server.start()
        with store.transaction("look") as connection:
            assert connection.execute(select(nonces)).all() == []


def test_of_two_transactions_that_wait_for_each_other_one_is_done_again(server: Server) -> None:
    with closing(Store(server.make_database())) as store:
        with store.transaction("make") as connection:
            connection.exec_driver_sql("CREATE TABLE two AS SELECT n, 0 AS times FROM generate_series(1, 2) AS n")
        update = text("UPDATE two SET times = times + 1 WHERE n = :n")
        met = Barrier(2, timeout=60)
        tried: list[int] = []

        def both(first: int, second: int) -> None:
            tried.append(first)
            with store.transaction("both") as connection:
                connection.execute(update, {"n": first})
                if len(tried) <= 2:
                    met.wait()
                connection.execute(update, {"n": second})

        with ThreadPoolExecutor(2) as pool:
            for running in [pool.submit(insisting(both), 1, 2), pool.submit(insisting(both), 2, 1)]:
                running.result()
        assert len(tried) == 3
        with store.transaction("look") as connection:
            assert connection.exec_driver_sql("SELECT times FROM two").scalars().all() == [2, 2]


def test_a_sqlite_database_that_another_holds_passes(tmp_path: Path) -> None:
    with closing(Store(f"sqlite:///{tmp_path / 'one.sqlite'}")) as store:
        store.migrate()
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            connection.rollback()
        with closing(sqlite3.connect(tmp_path / "one.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(DatabaseAway), store.transaction("write"):
                pass
        with store.transaction("write"):
            pass


def test_a_statement_that_is_wrong_does_not_pass(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path / 'one.sqlite'}").connect() as connection:
        with pytest.raises(DBAPIError) as error:
            connection.exec_driver_sql("SELECT nothing")
        assert not passes(error.value)


@pytest.mark.parametrize("error", [DatabaseAway(), OSError(errno.ENOSPC, "full")], ids=["database", "disk"])
def test_patience_does_it_again_and_ends(error: Exception) -> None:
    left = [error, error]

    def work() -> str:
        if left:
            raise left.pop()
        return "done"

    assert Patience(60).insist(work) == "done"
    left[:] = [error]
    with pytest.raises(type(error)):
        Patience(0).insist(work)
    left[:] = [error]
    assert Patience(0).insist(work, bounded=False) == "done"


def test_a_full_disk_is_known_also_where_a_whole_file_could_not_be_written() -> None:
    refused = OutputRefused("No.", where="there", remedy="None.")
    assert not no_room(refused)
    refused.number = errno.ENOSPC
    assert no_room(refused)
    assert as_problem(refused)["what"] == "The broker's disk is full."


def test_nothing_else_is_waited_for_and_the_end_lets_go() -> None:
    with pytest.raises(Conflict):
        Patience(60).insist(raising(Conflict("No.", remedy="None.")))
    with pytest.raises(PermissionError):
        Patience(60).insist(raising(PermissionError("no")))
    ended = Patience(60)
    ended.end()
    with pytest.raises(Interrupted):
        ended.insist(raising(DatabaseAway()))


def test_a_request_is_tried_three_times() -> None:
    tried: list[int] = []

    @insisting
    def asked(number: int) -> str:
        tried.append(number)
        if len(tried) < 3:
            raise DatabaseAway
        return "answer"

    assert asked(7) == "answer"
    with pytest.raises(DatabaseAway):
        insisting(raising(DatabaseAway()))()


def raising(error: Exception) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work
