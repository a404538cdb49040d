"""I10: a change comes with its entry in the log or not at all, one decision after the other, and none after expiry."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy.exc import IntegrityError

from keys.canonical import canonical, parse
from keys.identity import Identity
from keys.kinds import Declared
from keys.log import Log, verify_log
from keys.statement import declare
from services.broker.app import create_app, open_office
from services.broker.office import Office
from services.broker.retention import destroy
from services.broker.settings import Settings
from services.broker.store import contributions, events
from tests.asgi import answers_by
from tests.parts import announce, checked, put_part, upload_path
from tests.seen import refused
from tests.stage import MakeScene, Scene, contribution, send


@dataclass(frozen=True, repr=False)
class Asked:
    """What is to be asked of the broker next."""

    scene: Scene
    by: Identity
    method: str
    path: str
    body: bytes = b""

    def request(self, **changes: Any) -> httpx.Request:
        return self.scene.request(self.by, self.method, self.path, self.body, **changes)


@contextmanager
def office_of(scene: Scene) -> Iterator[Office]:
    """The running broker's office, opened in this process as well."""
    opened = open_office(Settings(home=scene.broker.home), scene.broker.identity)
    yield opened
    opened.store.close()


def answer_of(office: Office, request: httpx.Request, asked: Asked | None = None) -> httpx.Response:
    """What a broker in this office answers; of an upload that was ``asked`` to be checked, once it has been."""
    app = create_app(office)
    (answer,) = answers_by(app, request)
    if answer.status_code == 202 and asked is not None and "/uploads/" in asked.path:
        app.state.checkers.finish()
        later = asked.scene.request(asked.by, "GET", answer.headers["location"], now=office.now())
        (answer,) = answers_by(app, later)
    return answer


def database(office: Office) -> list[str]:
    """Everything in it but the nonces of requests, the counts of those who are at work, and how far uploads are that
    are not accepted."""
    with closing(sqlite3.connect(office.settings.home / "broker.sqlite", timeout=30)) as connection:
        return [
            line
            for line in connection.iterdump()
            if not line.startswith(('INSERT INTO "nonces"', 'INSERT INTO "workers"', 'INSERT INTO "incoming"'))
        ]


def agreement(make_scene: MakeScene) -> Asked:
    scene = make_scene(opened=False)
    return Asked(scene, scene.cast.holders["north"], "POST", "/v1/agreements", canonical(scene.agreement.to_json()))


def contributed(make_scene: MakeScene) -> Asked:
    scene = make_scene(opened=False)
    north, south = scene.cast.holders.values()
    scene.door(north).post("/v1/agreements", scene.agreement.to_json())
    sealed = contribution(scene, north, south)
    return Asked(scene, north, "PUT", f"{scene.path}/contributions/south", sealed)


def announcement(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    sealed = scene.sealed("north")
    body = canonical({"bytes": len(sealed)})
    return Asked(scene, scene.cast.holders["north"], "PUT", upload_path(scene, sealed), body)


def part(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    north, sealed = scene.cast.holders["north"], scene.sealed("north")
    assert announce(scene, north, sealed).is_success
    return Asked(scene, north, "PUT", f"{upload_path(scene, sealed)}/parts/0", sealed)


def upload(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    north, sealed = scene.cast.holders["north"], scene.sealed("north")
    assert announce(scene, north, sealed).is_success
    assert put_part(scene, north, sealed, 0, sealed).is_success
    return Asked(scene, north, "POST", f"{upload_path(scene, sealed)}/complete", b"{}")


def replacement(make_scene: MakeScene) -> Asked:
    asked = upload(make_scene)
    assert asked.scene.put("north", asked.scene.sealed("north")).is_success
    return asked


def run(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    for name in scene.cast.holders:
        assert scene.put(name, scene.sealed(name)).is_success
    return Asked(scene, scene.cast.holders["south"], "POST", f"{scene.path}/runs")


def matched(scene: Scene) -> str:
    for name in scene.cast.holders:
        assert scene.put(name, scene.sealed(name)).is_success
    run = scene.start_run()
    scene.status(run, "matched")
    return run


def decision(scene: Scene, name: str, kind: Declared, run: str) -> Asked:
    lead = scene.cast.ig_leads[name]
    path = {Declared.APPROVAL: "approvals", Declared.REFUSAL: "refusals"}[kind]
    statement = declare(lead, kind, {"agreement": scene.agreement.id, "run": run})
    return Asked(scene, lead, "POST", f"/v1/runs/{run}/{path}", canonical(statement.to_json()))


def approval(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    return decision(scene, "north", Declared.APPROVAL, matched(scene))


def last_approval(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    waiting = matched(scene)
    scene.approve("north", waiting)
    return decision(scene, "south", Declared.APPROVAL, waiting)


def refusal(make_scene: MakeScene) -> Asked:
    scene = make_scene()
    return decision(scene, "north", Declared.REFUSAL, matched(scene))


LOGGED = (agreement, contributed, upload, replacement, run, approval, last_approval, refusal)
IN_FORCE = (agreement, contributed, announcement, part, upload, run, approval, last_approval)


def without_log(*_: object, **__: object) -> None:
    raise RuntimeError("the log cannot be written")


@pytest.mark.parametrize("prepare", LOGGED, ids=lambda one: one.__name__)
def test_i10_without_its_entry_in_the_log_nothing_changes(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[MakeScene], Asked]
) -> None:
    asked = prepare(make_scene)
    with office_of(asked.scene) as office:
        before = database(office)
        monkeypatch.setattr(events, "append", without_log)
        refused(answer_of(office, asked.request(), asked), 500, "internal")
        assert database(office) == before
    monkeypatch.undo()
    answer = (
        checked(asked.scene, asked.by, send(asked.request())) if "/uploads/" in asked.path else send(asked.request())
    )
    assert answer.is_success, "nothing but the log was in the way"


def test_i10_without_its_entry_in_the_log_nothing_counts_as_destroyed(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene()
    matched(scene)
    with office_of(scene) as office:
        before = database(office)
        monkeypatch.setattr(events, "append", without_log)
        with pytest.raises(RuntimeError):
            destroy(office, scene.agreement)
        assert database(office) == before
        monkeypatch.undo()
        destroy(office, scene.agreement)
    assert scene.events()[-1]["event"] == "data destroyed"


@pytest.mark.parametrize("prepare", IN_FORCE, ids=lambda one: one.__name__)
def test_i10_nothing_is_taken_after_the_agreement_has_expired(
    make_scene: MakeScene, prepare: Callable[[MakeScene], Asked]
) -> None:
    asked = prepare(make_scene)
    late = asked.scene.agreement.terms.expires_at() + timedelta(seconds=1)
    with office_of(asked.scene) as office:
        before = database(office)
        request = asked.request(now=late)
        title = refused(answer_of(replace(office, now=lambda: late), request), 422, "agreement-refused")
        assert title.startswith("The agreement expired at ")
        assert database(office) == before


def test_a_release_can_be_refused_after_the_agreement_has_expired(make_scene: MakeScene) -> None:
    asked = refusal(make_scene)
    late = asked.scene.agreement.terms.expires_at() + timedelta(seconds=1)
    with office_of(asked.scene) as office:
        answer = answer_of(replace(office, now=lambda: late), asked.request(now=late))
    assert answer.json()["state"] == "declined"


def test_a_run_takes_the_newest_upload_though_the_clock_was_set_back(make_scene: MakeScene) -> None:
    asked = replacement(make_scene)
    scene = asked.scene
    early = datetime.now(UTC) - timedelta(days=1)
    with office_of(scene) as office:
        receipt = answer_of(replace(office, now=lambda: early), asked.request(now=early), asked).json()
    assert scene.put("south", scene.sealed("south")).is_success
    scene.status(scene.start_run(), "matched")
    (started,) = (event for event in scene.events() if event["event"] == "run started")
    assert started["uploads"]["north"] == receipt["body"]["upload"]


def test_decisions_that_come_at_once_come_one_after_the_other(make_scene: MakeScene) -> None:
    scene = make_scene("north", "south", "west")
    for _ in range(3):
        run = matched(scene)
        decisions = [
            decision(scene, "north", Declared.APPROVAL, run),
            decision(scene, "west", Declared.REFUSAL, run),
            decision(scene, "south", Declared.APPROVAL, run),
        ]
        with ThreadPoolExecutor(3) as pool:
            codes = list(pool.map(lambda asked: send(asked.request()).status_code, decisions))
        assert set(codes) <= {201, 409}
        ended = scene.status(run, "released", "declined")
        assert (ended["state"] == "declined") == (codes[1] == 201)
    exported = scene.ask(scene.cast.recipient, "GET", f"{scene.path}/log").content
    verify_log(Log.from_json(parse(exported, where="log"), where="log"), where="log")


def test_errors_of_the_database_hold_no_row(scene: Scene) -> None:
    """They end in the operator's log."""
    with office_of(scene) as office, pytest.raises(IntegrityError) as error:
        put_twice(office, "what nobody may read")
    assert "contributions.sender" in str(error.value)
    assert "nobody" not in str(error.value)


def put_twice(office: Office, sender: str) -> None:
    with office.store.transaction("put twice") as connection:
        for _ in range(2):
            contributions.put(connection, agreement="a", sender=sender, receiver="c", sealed=b"")
