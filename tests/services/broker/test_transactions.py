"""I10: a change comes with its entry in the log or not at all, one decision after the other, and none after expiry."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import Integer, cast, literal, select
from sqlalchemy.exc import DataError, IntegrityError

from keys.canonical import canonical, parse
from keys.identity import Identity
from keys.kinds import Declared
from keys.log import Log, verify_log
from keys.statement import declare
from services.broker.app import create_app
from services.broker.destruction.retention import destroy
from services.broker.office import Office
from services.broker.store import contributions, events
from services.broker.store.database import Store
from tests.asgi import answers_by
from tests.parts import announce, checked, put_part, upload_path
from tests.postgres import NewDatabase
from tests.seen import dumped, refused
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


def answer_of(office: Office, request: httpx.Request, asked: Asked | None = None) -> httpx.Response:
    """What a broker in this office answers; of an upload that was ``asked`` to be checked, once it has been."""
    app = create_app(office)
    (answer,) = answers_by(app, request)
    if answer.status_code == 202 and asked is not None and "/uploads/" in asked.path:
        app.state.checkers.finish()
        later = asked.scene.request(asked.by, "GET", answer.headers["location"], now=office.now())
        (answer,) = answers_by(app, later)
    return answer


def database(scene: Scene) -> dict[str, bytes]:
    """Everything in it but the nonces of requests, the counts of those who are at work, how far uploads are that are
    not accepted, and the steps of runs."""
    changing = ("nonces", "workers", "incoming", "dbos.")
    return {name: rows for name, rows in dumped(scene.broker).items() if not name.startswith(changing)}


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
    with asked.scene.broker.office() as office:
        before = database(asked.scene)
        monkeypatch.setattr(events, "append", without_log)
        refused(answer_of(office, asked.request(), asked), 500, "internal")
        assert database(asked.scene) == before
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
    with scene.broker.office() as office:
        before = database(scene)
        monkeypatch.setattr(events, "append", without_log)
        with pytest.raises(RuntimeError):
            destroy(office, scene.agreement)
        assert database(scene) == before
        monkeypatch.undo()
        destroy(office, scene.agreement)
    assert scene.events()[-1]["event"] == "data destroyed"


@pytest.mark.parametrize("prepare", IN_FORCE, ids=lambda one: one.__name__)
def test_i10_nothing_is_taken_after_the_agreement_has_expired(
    make_scene: MakeScene, prepare: Callable[[MakeScene], Asked]
) -> None:
    asked = prepare(make_scene)
    late = asked.scene.agreement.terms.expires_at() + timedelta(seconds=1)
    with asked.scene.broker.office() as office:
        before = database(asked.scene)
        request = asked.request(now=late)
        title = refused(answer_of(replace(office, now=lambda: late), request), 422, "agreement-refused")
        assert title.startswith("The agreement expired at ")
        assert database(asked.scene) == before


def test_a_release_can_be_refused_after_the_agreement_has_expired(make_scene: MakeScene) -> None:
    asked = refusal(make_scene)
    late = asked.scene.agreement.terms.expires_at() + timedelta(seconds=1)
    with asked.scene.broker.office() as office:
        answer = answer_of(replace(office, now=lambda: late), asked.request(now=late))
    assert answer.json()["state"] == "declined"


def test_a_run_takes_the_newest_upload_though_the_clock_was_set_back(make_scene: MakeScene) -> None:
    asked = replacement(make_scene)
    scene = asked.scene
    early = datetime.now(UTC) - timedelta(days=1)
    with scene.broker.office() as office:
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


@pytest.mark.parametrize("sealed", [b"", None], ids=["twice", "without what must be there"])
def test_errors_of_the_database_hold_no_row(scene: Scene, sealed: Any) -> None:
    """They end in the operator's log."""
    with scene.broker.office() as office, pytest.raises(IntegrityError, match="contributions") as error:
        put_twice(office, "what nobody may read", sealed)
    assert "nobody" not in whole(error.value)


def test_nor_do_they_hold_a_value_that_postgresql_does_not_take(new_database: NewDatabase) -> None:
    """SQLite takes any."""
    query = select(cast(literal("what nobody may read"), Integer))
    with (
        closing(Store(new_database("postgresql")["database_url"])) as store,
        store.engine.connect() as connection,
        pytest.raises(DataError, match="SQLSTATE 22P02") as error,
    ):
        connection.execute(query)
    assert "nobody" not in whole(error.value)


def whole(error: BaseException | None) -> str:
    """What it says, and what those say that it comes from."""
    return "" if error is None else f"{error!r} {error} {whole(error.__cause__)}"


def put_twice(office: Office, sender: str, sealed: Any) -> None:
    with office.store.transaction("put twice") as connection:
        for _ in range(2):
            contributions.put(connection, agreement="a", sender=sender, receiver="c", sealed=sealed)
