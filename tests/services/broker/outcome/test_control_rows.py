"""Control rows at a real broker: committed, opened, shown, and in no result and no count."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from sqlalchemy import select

import encoder.package
from encoder import opening
from encoder.cli.controls import require_explained
from encoder.control_rows import control_rows
from encoder.errors import BrokerRefused
from encoder.package import HandleTable, every_handles
from encoder.workspace import Workspace
from keys.canonical import canonical
from keys.control_rows import commitment, handle_digest
from keys.control_rows import opening as opening_body
from keys.errors import ControlError, CounterfoilError
from keys.kinds import Declared
from keys.secret import Secret
from keys.statement import declare
from services.broker.match.spill import Spill, link_ids_name
from services.broker.settings import Settings
from services.broker.store.tables import events
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import launch
from tests.broker import Broker
from tests.seen import refused
from tests.stage import MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database

ROWS = 40
BOTH = children(60, seed=1)


def cohort(place: int) -> list[dict[str, str]]:
    return BOTH + children(60 + 10 * place, seed=2 + place)


def matched(make_scene: MakeScene, *names: str, **changes: Any) -> tuple[Scene, str]:
    scene = make_scene(*names, **{"control": {"rows": ROWS}, "repeats_percent": 100, **changes})
    return scene, start(scene)


def start(scene: Scene) -> str:
    for place, party in enumerate(scene.agreement.holders()):
        scene.upload(party.name, cohort(place))
    run = scene.start_run()
    scene.status(run, "matched")
    return run


def table(scene: Scene, name: str) -> HandleTable:
    workspace, identity = scene.holder(name).workspace, scene.cast.holders[name]
    return next(every_handles(workspace, agreement=scene.agreement, identity=identity))


def send(
    scene: Scene, name: str, run: str, *, by: Any = None, sign: Any = None, stated: Any = None, **changes: Any
) -> httpx.Response:
    """An opening that is right but for what is given: who sends or signs it, what is stated, ``handles``, ``salt``."""
    own, (matched_,) = table(scene, name), [one for one in scene.events() if one.get("links") and one["run"] == run]
    facts = {"agreement": scene.agreement.id, "run": run, "control_rows": own.commitment, "links": matched_["links"]}
    facts |= stated or {}
    document = {
        "statement": declare(sign or scene.cast.holders[name], Declared.OPENING, opening_body(**facts)).to_json(),
        "salt": changes.get("salt", own.salt.hex()),
        "handles": changes.get("handles", [one.tobytes().hex() for one in own.control_handles]),
    }
    path = f"/v1/runs/{run}/control-rows"
    return scene.ask(by or scene.cast.holders[name], "POST", path, canonical(document))


@pytest.mark.parametrize(("names", "release"), [(("north", "south"), "blind"), (("a", "b", "c"), "open")])
def test_control_rows_are_found_and_leave_no_trace(make_scene: MakeScene, names: tuple[str, ...], release: str) -> None:
    scene, run = matched(make_scene, *names, release=release)
    scene.open_controls(run=run)
    seen = [scene.check_controls(name, run) for name in names]
    assert all(one == seen[0] for one in seen)
    pairs = len(names) * (len(names) - 1) // 2
    assert seen[0].recovery.recall.whole == ROWS * pairs - seen[0].recovery.twins.whole
    assert seen[0].recovery.recall.part > 0.9 * seen[0].recovery.recall.whole
    assert (seen[0].recovery.unexplained, seen[0].known_before) == ({}, None)
    assert scene.status(run)["outcome"]["links"] == len(BOTH)
    scene.release(run)
    expected = {frozenset((name, child["id"]) for name in names) for child in BOTH}
    assert scene.links(run) == expected
    for place, name in enumerate(names):
        results = scene.results(name, run)
        assert sorted(results.row_ids) == sorted(child["id"] for child in cohort(place))
        assert len(set(results.values)) == len(results.values)


def test_counts_are_those_of_an_agreement_without_control_rows(make_scene: MakeScene) -> None:
    said = []
    for control in (ROWS, 0):
        scene, run = matched(make_scene, control={"rows": control}, release="count")
        if control:
            scene.open_controls(run=run)
            scene.shown_controls("north", run)
        said.append(scene.status(run)["outcome"]["overlaps"])
    assert said[0] == said[1] == [{"holders": ["north", "south"], "links": len(BOTH)}]


def test_nothing_is_told_and_nothing_approved_before_all_have_opened(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    lead = scene.door(scene.cast.ig_leads["north"])
    assert scene.status(run)["control_rows"] == {"awaited": ["north", "south"]}
    with pytest.raises(BrokerRefused, match="not opened yet by north, south"):
        scene.approve("north", run)
    scene.open_controls("south", run=run)
    status = scene.status(run)
    assert (status["state"], status["outcome"], status["control_rows"]) == ("matched", None, {"awaited": ["north"]})
    assert lead.get(f"/v1/runs/{run}/control-rows") == {"run": run, "awaited": ["north"], "shown": None}
    with pytest.raises(BrokerRefused, match="not opened yet by north"):
        scene.approve("north", run)
    scene.open_controls("north", run=run)
    assert scene.shown_controls("south", run).keys() == {"north", "south"}
    scene.release(run)
    of_run = [event["event"] for event in scene.events() if event.get("run") == run]
    assert of_run[2:5] == ["control rows opened", "control rows opened", "release approved"]


def test_a_holder_that_never_opens_blocks_nobody_for_ever(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    scene.open_controls("north", run=run)
    scene.refuse("north", run)
    with pytest.raises(ControlError, match="The run is declined"):
        scene.shown_controls("north", run)
    assert refused(send(scene, "south", run), 409, "conflict") == "A run that is declined takes no control rows."
    again = start(scene)
    scene.open_controls(run=again)
    assert scene.check_controls("south", again).known_before == run


def test_an_opening_is_the_same_twice_and_restarts_nothing(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    for _ in range(2):
        assert send(scene, "south", run).json() == {"run": run, "awaited": ["north"]}
        scene.open_controls("south", run=run)
    scene.open_controls(run=run)
    first = scene.shown_controls("north", run)
    scene.open_controls(run=run)
    assert scene.shown_controls("south", run) == first
    assert [event["by"] for event in scene.events() if event["event"] == "control rows opened"] == ["south", "north"]


def test_only_the_rows_that_the_upload_is_bound_to_can_be_opened(make_scene: MakeScene) -> None:
    """Least of all the rows of real children."""
    scene, run = matched(make_scene)
    own = table(scene, "south")
    real = own.handles[own.own][:ROWS]
    controls = [one.tobytes().hex() for one in own.control_handles]
    before = scene.events()
    for changes in (
        {"handles": [one.tobytes().hex() for one in real]},
        {"handles": [real[0].tobytes().hex(), *controls[1:]]},
        {"handles": controls[::-1]},
        {"handles": controls[:-1]},
        {"handles": [*controls[:-1], controls[0]]},
        {"handles": [*controls[:-1], "0" * 32]},
        {"handles": [*controls[:-1], "00"]},
        {"handles": [*controls[:-1], "no hexadecimal"]},
        {"salt": "00" * 32},
    ):
        answer = send(scene, "south", run, **changes)
        assert refused(answer, 422, "refused") == "These are not the control rows that the upload is bound to."
    of_real = commitment(own.salt, [handle_digest(one.tobytes()) for one in real])
    others = {"control_rows": of_real, "links": "00" * 32, "run": "0" * 32, "agreement": "0" * 64}
    for name, value in others.items():
        answer = send(scene, "south", run, stated={name: value})
        assert refused(answer, 422, "refused") == "The statement is not of these links and this upload."
    invalid: list[dict[str, Any]] = [{"handles": 7}, {"handles": [7]}, {"salt": "00"}, {"salt": "x"}]
    for changes in invalid:
        answer = send(scene, "south", run, **changes)
        assert refused(answer, 422, "refused") == "The opening of control rows is not valid."
    assert scene.events() == before
    assert send(scene, "south", run).status_code == 201


def test_nobody_opens_for_another_and_strangers_see_nothing(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    north, lead, recipient = scene.cast.holders["north"], scene.cast.ig_leads["south"], scene.cast.recipient
    refused(send(scene, "south", run, by=north), 422, "signature-refused")
    refused(send(scene, "south", run, sign=north), 422, "signature-refused")
    refused(send(scene, "south", run, by=lead), 404, "not-found")
    for stranger in (recipient, scene.broker.identity):
        refused(scene.ask(stranger, "GET", f"/v1/runs/{run}/control-rows"), 404, "not-found")
    scene.open_controls(run=run)
    shown = scene.shown_controls("south", run)
    assert scene.door(lead).get(f"/v1/runs/{run}/control-rows")["shown"] == shown


def test_i5_what_is_shown_holds_no_handle_and_no_link_id(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene, release="open")
    scene.open_controls(run=run)
    shown = canonical(scene.shown_controls("north", run)).decode()
    scene.release(run)
    for party in scene.agreement.holders():
        assert not [one for one in table(scene, party.name).handles if one.tobytes().hex() in shown]
        assert not [key for key in scene.results(party.name, run).values if key in shown]


def test_an_agreement_without_control_rows_takes_none(make_scene: MakeScene) -> None:
    scene = make_scene(control={"rows": 0})
    run = start(scene)
    status = scene.status(run)
    assert (status["control_rows"], status["outcome"]["links"]) == (None, len(BOTH))
    north, path = scene.cast.holders["north"], f"/v1/runs/{run}/control-rows"
    assert refused(scene.ask(north, "POST", path, b"{}"), 422, "refused") == "The agreement has no control rows."
    refused(scene.ask(north, "GET", path), 404, "not-found")
    assert not [event for event in scene.events() if "links" in event or "control_rows" in event]


def test_an_upload_has_enough_rows_beside_its_control_rows_and_says_which_they_are(make_scene: MakeScene) -> None:
    scene = make_scene(control={"rows": ROWS}, minimum_rows=20, repeats_percent=100)
    bound = {"control_rows": "ab" * 32}
    assert "fewer rows" in refused(scene.put("north", scene.sealed("north", rows=59, manifest=bound)), 422, "refused")
    for manifest in ({}, {"control_rows": "AB" * 32}, {"control_rows": None}):
        refused(scene.put("north", scene.sealed("north", rows=60, manifest=manifest)), 422, "refused")
    assert scene.put("north", scene.sealed("north", rows=60, manifest=bound)).status_code == 200
    plain = make_scene()
    refused(plain.put("north", plain.sealed("north", rows=60, manifest=bound)), 422, "refused")


# Who does not play by the rules.


def change_links(scene: Scene, run: str) -> None:
    """The broker's operator gives the links of the second holder's rows to other rows of it."""
    with scene.broker.office() as office:
        spill = Spill(office, run, scene.agreement.id)
        arrays = spill.get(link_ids_name(run))
        arrays["holder1"] = np.roll(arrays["holder1"], 1, axis=0)
        spill.put(link_ids_name(run), **arrays)


def test_links_that_were_changed_after_the_commitment_are_found_out(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    scene.open_controls("north", run=run)
    change_links(scene, run)
    scene.open_controls("south", run=run)
    for name in ("north", "south"):
        with pytest.raises(ControlError, match="not the one that the broker had committed to") as caught:
            scene.check_controls(name, run)
        assert "counterfoil decline" in caught.value.remedy


def test_a_forged_proof_is_found_out(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    scene.open_controls(run=run)
    honest = scene.shown_controls("north", run)
    for name in ("mark", "path"):
        forged = copy.deepcopy(honest)
        forged["south"]["rows"][3][name] = forged["south"]["rows"][4][name]
        with pytest.raises(ControlError):
            scene.check_controls("north", run, forged)
    assert scene.check_controls("north", run, honest).recovery.unexplained == {}


def test_a_broker_that_shows_two_holders_two_commitments_is_found_out(make_scene: MakeScene) -> None:
    """It decides the links once more when it knows the control rows of the first."""
    scene, run = matched(make_scene)
    scene.open_controls("north", run=run)
    with scene.broker.tables() as connection:
        log = select(events).where(events.c.agreement == scene.agreement.id).order_by(events.c.number)
        entry = next(row for row in connection.execute(log) if b'"links"' in row.leaf)
        changed = entry.leaf.replace(entry.leaf[entry.leaf.index(b'"links":"') + 9 :][:8], b"00000000", 1)
        where = (events.c.agreement == entry.agreement) & (events.c.number == entry.number)
        connection.execute(events.update().where(where).values(leaf=changed))
    with pytest.raises(CounterfoilError, match="cannot be trusted"):
        scene.open_controls("south", run=run)
    assert not [event for event in scene.events() if event["event"] == "control rows opened" and event["by"] == "south"]


def test_a_holder_that_puts_other_rows_in_their_place_is_found_out(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of real children, say: the other holders' control rows are then not found."""
    scene = make_scene(control={"rows": ROWS}, repeats_percent=100)
    scene.upload("north", cohort(0))
    with monkeypatch.context() as patch:
        other = Secret(bytes(32), agreement=scene.agreement.id)
        patch.setattr(encoder.package, "control_rows", lambda terms, holder, secret: control_rows(terms, holder, other))
        scene.upload("south", cohort(1))
    run = scene.start_run()
    scene.status(run, "matched")
    scene.open_controls(run=run)
    found = scene.check_controls("north", run).recovery
    assert found.recall.part == 0
    with pytest.raises(
        ControlError, match="of north and south that are the same in every field were not linked"
    ) as caught:
        require_explained(found)
    assert "did not upload the control rows" in caught.value.remedy


def test_nothing_is_opened_for_an_upload_that_is_not_ones_own(make_scene: MakeScene) -> None:
    scene, run = matched(make_scene)
    scene.encode("north", cohort(0))  # the table of the upload that was sent is put aside, and found
    scene.open_controls("north", run=run)
    elsewhere = Workspace(scene.root / "elsewhere")
    elsewhere.root.mkdir()
    for path in scene.holder("south").workspace.root.iterdir():
        (elsewhere.root / path.name).write_bytes(path.read_bytes())
    for path in elsewhere.root.glob("handles*"):
        path.unlink()
    south, door = scene.cast.holders["south"], scene.door_of("south")
    with pytest.raises(CounterfoilError, match="no handles here"):
        opening.open_rows(elsewhere, door, run, agreement=scene.agreement, identity=south)


def test_nothing_is_opened_before_the_links_are_decided(make_scene: MakeScene) -> None:
    scene = make_scene(control={"rows": ROWS}, repeats_percent=100)
    for place, party in enumerate(scene.agreement.holders()):
        scene.upload(party.name, cohort(place))
    with pytest.raises(ControlError, match="does not say that the links of this run are decided"):
        scene.open_controls("north", run="0" * 32)


def test_i6_a_broker_that_is_killed_between_all_steps_shows_the_same(tmp_path: Path) -> None:
    home, identity = Workspace(tmp_path / "home"), gather([]).broker
    passphrase = write_identity(home, identity)
    launched = launch(home.root, passphrase=passphrase)
    terms = {"control": {"rows": ROWS}, "repeats_percent": 100}
    scene = Scene.of(Broker(identity, Settings(home=home.root), launched.url), tmp_path / "scene", **terms)

    def kill() -> Any:
        launched.process.kill()
        launched.process.wait()
        again = launch(home.root, passphrase=passphrase)
        scene.broker = replace(scene.broker, url=again.url)
        return again

    try:
        scene.open()
        for place, name in enumerate(("north", "south")):
            scene.upload(name, cohort(place))
        run = scene.start_run()
        launched = kill()
        scene.status(run, "matched")
        launched = kill()
        scene.open_controls("north", run=run)
        launched = kill()
        scene.open_controls("south", run=run)
        launched = kill()
        shown = scene.shown_controls("north", run)
        found = scene.check_controls("north", run, shown).recovery
        assert (found.unexplained, found.recall.part > 0.9 * found.recall.whole) == ({}, True)
        launched = kill()
        assert scene.shown_controls("south", run) == shown
        scene.release(run)
        assert len(scene.links(run)) == len(BOTH)
    finally:
        scene.close()
        launched.stop()
