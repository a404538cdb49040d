"""An upload that was replaced is kept for the run that has taken it alone, and what a run in vain has left for an hour;
on both databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest

from services.broker.app import create_app
from services.broker.destruction.sweep import sweep
from services.broker.office import Office
from services.broker.runs.rules import require_uploads
from services.broker.uploads.accept import check
from services.broker.uploads.incoming import upload_name, uploads_folder
from tests.asgi import answers_by
from tests.broker import Broker, started
from tests.postgres import NewDatabase
from tests.receiving import handed_in
from tests.seen import refused
from tests.stage import MakeScene, Scene, children
from tests.traces import ciphertext, kept, traces

BOTH = children(20, seed=1)
LINKS = {frozenset({("north", child["id"]), ("south", child["id"])}) for child in BOTH}


@pytest.fixture(scope="module")
def broker(database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker that no other test uses, as hours pass for all that it keeps."""
    with started(tmp_path_factory.mktemp("broker"), part_kb=64, **new_database(database)) as broker:
        yield broker


def uploaded(scene: Scene, *names: str) -> set[str]:
    """Where the broker keeps what each of these holders, or both, have uploaded now."""
    names = names or ("north", "south")
    return {upload_name(scene.agreement.id, scene.upload(name, BOTH)["upload"]) for name in names}


def replaced(scene: Scene) -> set[str]:
    """The same of other uploads, of which the holders' folders know nothing."""
    answers = [scene.put(name, scene.sealed(name)).json() for name in ("north", "south")]
    return {upload_name(scene.agreement.id, answer["body"]["upload"]) for answer in answers}


def lying(beside: Office, scene: Scene) -> set[str]:
    agreement = scene.agreement.id
    return {upload_name(agreement, name) for name in beside.storage.folders(uploads_folder(agreement))}


def test_i8_what_was_replaced_is_gone_with_the_next_look_and_its_entry_stays(
    make_scene: MakeScene, beside: Office
) -> None:
    scene = make_scene()
    sealed = [scene.sealed("north") for _ in range(3)]
    for one in sealed:
        assert scene.put("north", one).is_success
    sweep(beside)
    found = kept(beside.settings.storage)
    assert [traces([ciphertext(one)], found) > 0 for one in sealed] == [False, False, True]
    log = scene.door_of("south").get(f"{scene.path}/log")["entries"]
    assert [entry["facts"]["event"] for entry in log[-3:]] == ["upload accepted", "upload replaced", "upload replaced"]
    answer = scene.put("north", sealed[0])
    assert refused(answer, 409, "conflict") == "This upload has been replaced by a later one."


def decline(scene: Scene, run: str) -> None:
    scene.refuse("south", run)


def release(scene: Scene, run: str) -> None:
    scene.release(run)
    assert scene.links(run) == LINKS


@pytest.mark.parametrize("end", [decline, release])
def test_what_a_run_has_taken_stays_until_the_run_has_ended(
    make_scene: MakeScene, beside: Office, end: Callable[[Scene, str], None]
) -> None:
    scene = make_scene()
    taken = uploaded(scene)
    run = scene.start_run()
    scene.status(run, "matched")
    replaced(scene)
    newest = replaced(scene)
    sweep(beside)
    assert lying(beside, scene) == taken | newest
    end(scene, run)
    sweep(beside)
    assert lying(beside, scene) == newest
    assert scene.status(scene.start_run(), "matched")


def test_what_a_run_in_vain_has_left_goes_an_hour_later(make_scene: MakeScene, beside: Office) -> None:
    """What was released stays."""
    scene = make_scene()
    uploaded(scene)
    ran = []
    for end in (release, decline):
        ran.append(scene.start_run())
        scene.status(ran[-1], "matched")
        end(scene, ran[-1])

    def left(hours: float) -> set[str]:
        sweep(replace(beside, now=lambda: datetime.now(UTC) + timedelta(hours=hours)))
        return set(ran) & set(beside.storage.folders("runs"))

    assert left(hours=0.9) == set(ran)
    assert left(hours=1.1) == {ran[0]}
    assert scene.status(ran[1])["state"] == "declined"
    assert scene.links(ran[0]) == LINKS


def test_a_run_that_is_being_started_loses_nothing_to_a_later_upload(
    make_scene: MakeScene, beside: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has chosen, but its row is not there yet, when a replacement is accepted and everything swept."""
    scene = make_scene()
    taken = uploaded(scene)
    later = handed_in(beside, scene.agreement, scene.sealed("north"))
    threads = []

    def replace_and_sweep() -> None:
        check(beside, later.id)
        sweep(beside)

    def meanwhile(*given: Any) -> None:
        threads.append(Thread(target=replace_and_sweep))
        threads[0].start()
        threads[0].join(3)  # it cannot get further than to the lock
        require_uploads(*given)

    monkeypatch.setattr("services.broker.api.v1.runs.require_uploads", meanwhile)
    monkeypatch.setattr("services.broker.api.v1.runs.take_up", lambda *_: None)
    (answer,) = answers_by(create_app(beside), scene.request(scene.cast.holders["north"], "POST", f"{scene.path}/runs"))
    threads[0].join()
    assert answer.status_code == 202
    sweep(beside)
    assert lying(beside, scene) == taken | {upload_name(scene.agreement.id, later.id)}
    run = answer.json()["run"]
    scene.status(run, "matched")  # the broker's own process takes it up
    release(scene, run)


def test_a_run_whose_upload_is_not_there_says_so(make_scene: MakeScene, beside: Office) -> None:
    """As after a restore of a database that does not know what replaced it."""
    scene = make_scene()
    (of_north,), _ = uploaded(scene, "north"), uploaded(scene, "south")
    beside.storage.remove(of_north)
    status = scene.status(scene.start_run(), "failed")
    assert status["problem"]["what"] == "The upload of north is not there any more."
    uploaded(scene, "north")
    run = scene.start_run()
    scene.status(run, "matched")
    release(scene, run)
