"""Several processes on one run: they share its tasks, go on with what a dead one left, and stop when it is cancelled.

All on SQLite and on PostgreSQL, with real processes. Every run is of the same rows, so its links are known.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from encoder.witness import fetch_log
from encoder.workspace import Workspace
from services.broker.settings import Settings
from services.broker.store import runs, tasks, workers
from services.broker.watch.books import Books
from services.cli import app
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import Launched, launch, launch_worker
from tests.broker import Broker
from tests.postgres import NewDatabase
from tests.stage import Scene, children

BOTH = children(400, seed=1)
ROWS = {"north": BOTH + children(300, seed=2), "south": BOTH + children(500, seed=3)}
EXPECTED = {frozenset({("north", child["id"]), ("south", child["id"])}) for child in BOTH}
TASK_PAIRS = 120_000
"""So that there are some two dozen tasks, each with its own turn at the queue."""


@dataclass(repr=False)
class House:
    """A broker that does no work itself, workers that come and go, and an agreement with its uploads in."""

    scene: Scene
    passphrase: str
    launched: Launched
    hands: dict[str, Launched]

    @property
    def home(self) -> Path:
        return self.scene.broker.home

    def hire(self, name: str) -> Launched:
        self.hands[name] = launch_worker(self.home, name, passphrase=self.passphrase)
        return self.hands[name]

    def kill(self, name: str) -> None:
        gone = self.hands.pop(name)
        gone.process.kill()
        gone.process.wait()

    @contextmanager
    def suspended(self, name: str) -> Iterator[None]:
        """Stop a worker between two of its transactions: one that is stopped within one would hold up all others."""
        pid = self.hands[name].process.pid
        try:
            os.kill(pid, signal.SIGSTOP)
            while not self._others_can_write():
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.3)
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def _others_can_write(self) -> bool:
        """On PostgreSQL they soon can: the server ends a session that idles in a transaction."""
        if self.scene.broker.settings.database_url:
            return True
        try:
            for name in ("broker.sqlite", "runs.sqlite"):
                with closing(sqlite3.connect(self.home / name, timeout=1)) as connection:
                    connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True

    def dismiss(self) -> None:
        """End every worker in good order."""
        for hand in self.hands.values():
            hand.process.terminate()
        for hand in self.hands.values():
            assert hand.process.wait(timeout=240) == 0
        self.hands.clear()

    def look(self, what: Callable[[Any], Any]) -> Any:
        """Something of the broker's own database."""
        with self.scene.broker.tables() as connection:
            return what(connection)

    def done_by(self, run: str) -> dict[str, int]:
        """How many tasks each worker has done."""
        by: dict[str, int] = {}
        for row in self.look(lambda connection: tasks.of_run(connection, run)):
            by[row["worker"]] = by.get(row["worker"], 0) + 1
        return by

    def names(self) -> set[str]:
        return {row["name"] for row in self.look(workers.every)}

    def finish(self, run: str) -> set[frozenset[tuple[str, str]]]:
        """Have a matched run released; its links."""
        self.scene.status(run, "matched")
        self.scene.release(run)
        return self.scene.links(run)


@pytest.fixture(scope="module")
def house(database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    home = Workspace(tmp_path_factory.mktemp("home"))
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with pytest.MonkeyPatch.context() as environment:
        settings = {"task_pairs": TASK_PAIRS, "worker_timeout_seconds": 4, "threads": 1, **new_database(database)}
        for name, value in settings.items():
            environment.setenv(f"COUNTERFOIL_BROKER_{name.upper()}", str(value))
        launched = launch(home.root, passphrase=passphrase, work=False)
        scene = Scene.of(Broker(identity, Settings(home=home.root), launched.url), tmp_path_factory.mktemp("scene"))
        house = House(scene, passphrase, launched, {})
        try:
            scene.open()
            for name, rows in ROWS.items():
                scene.upload(name, rows)
            yield house
        finally:
            scene.close()
            for hand in house.hands.values():
                hand.stop()
            launched.stop()


def wait_for(what: Callable[[], Any], seconds: float = 240) -> Any:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def test_a_broker_that_does_no_work_leaves_a_run_to_two_workers_that_share_it(house: House) -> None:
    run = house.scene.start_run()
    time.sleep(1.5)
    assert house.scene.status(run)["percent"] == 0
    house.hire("one")
    house.hire("two")
    assert house.finish(run) == EXPECTED
    by = house.done_by(run)
    assert set(by) == {"one", "two"}
    assert min(by.values()) >= 3
    assert house.names() == {"broker", "one", "two"}
    house.dismiss()
    assert house.names() == {"broker"}


def test_a_process_that_only_answers_is_no_worker(house: House) -> None:
    """Neither in the metrics, by which somebody is called when there is none, nor to the doctor."""

    def told() -> tuple[float, str]:
        with house.scene.broker.office() as office:
            counted = {one.name: one.samples for one in Books(office, dict).collect()}["counterfoil_workers"]
        found = json.loads(CliRunner().invoke(app, ["doctor", "--home", str(house.home), "--json"]).stdout)["findings"]
        (workers,) = [one["found"] for one in found if one["name"] == "workers"]
        return counted[0].value, workers

    assert told() == (0, "0 at work; only answering: broker")
    house.hire("one")
    wait_for(lambda: told() == (1, "1 at work (one); only answering: broker"))
    house.dismiss()
    assert told() == (0, "0 at work; only answering: broker")


def test_i6_what_a_killed_worker_had_begun_is_done_by_the_other(house: House) -> None:
    house.hire("one")
    house.hire("two")
    run = house.scene.start_run()
    wait_for(lambda: len(house.done_by(run)) == 2)
    house.kill("one")
    assert house.scene.status(run)["state"] == "accepted"
    assert house.finish(run) == EXPECTED
    wait_for(lambda: house.names() == {"broker", "two"})
    house.dismiss()


def test_i6_a_worker_that_was_taken_for_dead_and_goes_on_changes_nothing(house: House) -> None:
    house.hire("one")
    run = house.scene.start_run()
    wait_for(lambda: house.done_by(run))
    with house.suspended("one"):
        house.hire("two")
        house.scene.status(run, "matched")
    assert house.finish(run) == EXPECTED
    wait_for(lambda: house.names() == {"broker", "one", "two"})
    again = house.scene.start_run()
    assert house.finish(again) == EXPECTED
    house.dismiss()


def test_i6_all_are_killed_and_another_day_others_finish(house: House) -> None:
    house.hire("one")
    run = house.scene.start_run()
    wait_for(lambda: house.done_by(run))
    house.kill("one")
    done = sum(house.done_by(run).values())
    house.hire("one")  # the same name, at once
    house.hire("three")
    assert house.finish(run) == EXPECTED
    assert 0 < done < sum(house.done_by(run).values())
    house.dismiss()


def test_a_name_is_refused_while_a_living_worker_has_it(house: House) -> None:
    house.hire("one")
    wait_for(lambda: "one" in house.names())
    second = launch_worker(house.home, "one", passphrase=house.passphrase)
    assert second.process.wait(timeout=240) == 1
    assert "A worker named one is at work on this database already." in (house.home / "one.log").read_text()
    house.dismiss()


@pytest.mark.parametrize("by", ["holder", "IG lead"])
def test_a_cancelled_run_stops_within_seconds_and_another_may_start(house: House, by: str) -> None:
    house.hire("one")
    scene, cast = house.scene, house.scene.cast
    identity = cast.holders["south"] if by == "holder" else cast.ig_leads["north"]
    run = scene.start_run()
    wait_for(lambda: house.done_by(run))
    answer = scene.ask(identity, "POST", f"/v1/runs/{run}/cancellation")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert answer.json()["seconds_left"] is None
    again = scene.ask(identity, "POST", f"/v1/runs/{run}/cancellation")
    assert (again.status_code, again.json()["state"]) == (200, "cancelled")
    following = scene.start_run()
    wait_for(lambda: house.done_by(following))
    done = sum(house.done_by(run).values())
    assert house.finish(following) == EXPECTED
    assert sum(house.done_by(run).values()) == done < sum(house.done_by(following).values())
    said = house.look(lambda connection: runs.get(connection, run))
    assert (said["outcome"], said["problem"]) == (None, None)
    assert house.hands["one"].process.poll() is None
    house.dismiss()


def test_i7_the_log_of_all_this_holds(house: House) -> None:
    """Fetched and checked by a holder's own tool, from the first entry to the last."""
    scene = house.scene
    holder = scene.holder("north")
    log, _ = fetch_log(holder.workspace, scene.door_of("north"), agreement=scene.agreement, identity=holder.identity)
    said = [json.loads(entry.leaf) for entry in log.entries]
    cancelled = [facts["by"] for facts in said if facts.get("state") == "cancelled"]
    assert cancelled == ["south", "north-ig-lead"]


def test_no_pairs_are_kept_once_links_are_decided(house: House) -> None:
    folders = {path.parent.name for path in (house.home / "storage" / "runs").rglob("pairs-*")}
    states = {house.look(partial(runs.get, run=name))["state"] for name in folders}
    assert states <= {"cancelled"}


def test_every_worker_says_where_the_code_for_comparing_is_kept(house: House) -> None:
    lines = [json.loads(line) for line in (house.home / "one.log").read_text().splitlines() if line.startswith("{")]
    ready = [line for line in lines if line["event"] == "code ready"]
    assert ready
    assert all(line["code"] in ("kept", "found") and line["folder"].startswith("/") for line in ready)
    assert "code ready" not in (house.home / "broker.log").read_text()


def test_no_worker_says_a_word_of_the_rows_or_falls_over(house: House) -> None:
    for log in house.home.glob("*.log"):
        text = log.read_text()
        assert "Traceback" not in text
        for child in (*ROWS["north"][:50], *ROWS["south"][:50]):
            assert child["surname"] not in text
