"""The log as parties fetch it: whole, proven, countersigned, and of their agreement alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest
from sqlalchemy import Connection

from encoder.witness import fetch_log, seen, witness
from keys.canonical import canonical
from keys.checkpoint import parse_note
from keys.errors import LogError
from keys.log import Log, verify_log
from keys.merkle import leaf_hash, verify_consistency, verify_inclusion
from keys.receiving import decode
from services.broker.app import create_app
from services.broker.store import events
from tests.asgi import answers_by
from tests.seen import refused
from tests.stage import MakeScene, Scene, children


@pytest.fixture(scope="module")
def released(make_scene: MakeScene) -> Scene:
    """A whole linkage, with one declined run before it."""
    scene = make_scene()
    for name in ("north", "south"):
        scene.upload(name, children(20, seed=1))
    run = scene.start_run()
    scene.status(run, "matched")
    assert scene.refuse("south", run)["state"] == "declined"
    scene.upload("south", children(25, seed=1))
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    return scene


def fetch(scene: Scene, name: str = "north") -> Log:
    holder = scene.holder(name)
    log, _ = fetch_log(
        holder.workspace, scene.door(holder.identity), agreement=scene.agreement, identity=holder.identity
    )
    return log


def test_the_log_tells_the_course_of_the_linkage(released: Scene) -> None:
    log = fetch(released)
    told = [entry.facts["event"] + " " + entry.facts.get("state", "") for entry in log.entries]
    assert [one.strip() for one in told] == [
        "agreement received",
        *["contribution relayed"] * 2,
        *["upload accepted"] * 2,
        "run started",
        "run changed matched",
        "release refused",
        "run changed declined",
        "upload replaced",
        "run started",
        "run changed matched",
        *["release approved"] * 2,
        "run changed approved",
        "run changed released",
    ]
    assert [dict(entry.facts) for entry in log.entries] == released.events()


def test_everyone_in_the_agreement_gets_the_same_log(released: Scene) -> None:
    cast = released.cast
    parties = [*cast.holders.values(), *cast.ig_leads.values(), cast.recipient, cast.broker]
    answers = {released.ask(one, "GET", f"{released.path}/log").content for one in parties}
    assert len(answers) == 1


def test_countersignatures_are_in_the_next_export(released: Scene) -> None:
    lead = released.cast.ig_leads["south"]
    workspace = released.holder("south").workspace
    witness(workspace, released.door(lead), agreement=released.agreement, identity=lead)
    log = fetch(released)
    size = len(log.entries)
    assert verify_log(log, where="log").countersigned == {"north": size, "south": 10, "south-ig-lead": size}
    assert seen(released.holder("north").workspace)[0].checkpoint == log.newest.checkpoint


def test_every_entry_and_every_earlier_checkpoint_has_its_proof(released: Scene) -> None:
    log, door = fetch(released), released.door_of("south")
    for since, entry in product(range(len(log.entries) + 1), repeat=2):
        answer = door.get(f"{released.path}/log/checkpoint?since={since}&entry={entry}")
        newest = parse_note(answer["checkpoint"]).checkpoint
        assert newest == log.newest.checkpoint
        if since:
            before = log.entries[since - 1].checkpoint.checkpoint
            path = [decode(one) for one in answer["consistency"]]
            verify_consistency(since, newest.size, before.root, newest.root, path)
        if entry:
            assert canonical(answer["facts"]) == log.entries[entry - 1].leaf
            path = [decode(one) for one in answer["inclusion"]]
            verify_inclusion(leaf_hash(log.entries[entry - 1].leaf), entry - 1, newest.size, path, newest.root)


@pytest.mark.parametrize("asked", ["since=17", "entry=17", "since=1&entry=99"])
def test_proofs_of_what_the_log_has_not_are_refused(released: Scene, asked: str) -> None:
    answer = released.ask(released.cast.holders["north"], "GET", f"{released.path}/log/checkpoint?{asked}")
    assert refused(answer, 422, "refused") == "The log has 16 entries."


def test_the_same_countersignature_again_changes_nothing(released: Scene) -> None:
    first, second = fetch(released), fetch(released)
    assert verify_log(first, where="log") == verify_log(second, where="log")


def test_a_countersignature_that_comes_many_times_at_once_is_kept_once(make_scene: MakeScene) -> None:
    scene = make_scene()
    north = scene.cast.holders["north"]
    note = parse_note(scene.door(north).get(f"{scene.path}/log/checkpoint")["checkpoint"]).countersigned(north).note()
    body = canonical({"note": note})
    with ThreadPoolExecutor(6) as pool:
        path = f"{scene.path}/log/countersignatures"
        answers = list(pool.map(lambda _: scene.ask(north, "POST", path, body), range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert [one.note() for one in fetch(scene, "south").countersigned].count(note) == 1


def test_a_log_that_grows_while_it_is_exported_is_in_order(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No checkpoint is countersigned in it of which it does not have the entry."""
    scene = make_scene()
    north, south = scene.cast.holders.values()
    read = events.of_agreement

    def overtaken(connection: Connection, agreement: str) -> Any:
        monkeypatch.undo()
        rows = read(connection, agreement)
        if connection.dialect.name == "postgresql":  # SQLite lets nobody write while this one reads
            assert scene.put("north", scene.sealed("north")).is_success
            fetch(scene, "south")
            witness(scene.holder("south").workspace, scene.door(south), agreement=scene.agreement, identity=south)
        return rows

    monkeypatch.setattr(events, "of_agreement", overtaken)
    with scene.broker.office() as office:
        (answer,) = answers_by(create_app(office), scene.request(north, "GET", f"{scene.path}/log"))
    verify_log(Log.from_json(answer.json(), where="log"), where="log")


def test_the_log_holds_no_count_and_no_handle(released: Scene) -> None:
    numbers = [value for event in released.events() for value in event.values() if isinstance(value, int | float)]
    assert numbers == []


def test_a_holder_that_sees_an_older_log_than_before_refuses_it(released: Scene) -> None:
    log = fetch(released)
    holder = released.holder("north")
    shorter = Log(log.agreement, log.entries[:-2])
    with pytest.raises(LogError, match="has signed one of 16 entries"):
        verify_log(shorter, where="log", kept=seen(holder.workspace))
