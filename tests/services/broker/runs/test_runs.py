"""Runs: what must be there before one, who approves, what comes back to whom, and the table of its states."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any

import pytest

from encoder.errors import BrokerRefused
from keys.canonical import canonical
from keys.protocol import TRANSITIONS, State
from keys.statement import declare
from services.broker.destruction.retention import destroy
from services.broker.errors import Conflict
from services.broker.runs.states import require_transition
from tests.seen import refused
from tests.stage import OUTCOME, STATUS, MakeScene, Scene, children, send

BOTH = children(40, seed=1)
NORTH, SOUTH = BOTH + children(15, seed=2), BOTH + children(25, seed=3)


@pytest.fixture(scope="module")
def matched(make_scene: MakeScene) -> tuple[Scene, str]:
    """A run that waits for approval; the tests do not approve it."""
    scene = uploaded(make_scene())
    run = scene.start_run()
    scene.status(run, "matched")
    return scene, run


@pytest.fixture(scope="module")
def released(make_scene: MakeScene) -> tuple[Scene, str]:
    scene = uploaded(make_scene())
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    return scene, run


def uploaded(scene: Scene) -> Scene:
    scene.upload("north", NORTH)
    scene.upload("south", SOUTH)
    return scene


def approve(scene: Scene, by: Any, run: str, document: Any) -> Any:
    return scene.ask(by, "POST", f"/v1/runs/{run}/approvals", canonical(document))


def test_a_run_links_the_rows_of_the_same_children(released: tuple[Scene, str]) -> None:
    scene, run = released
    expected = {frozenset({("north", child["id"]), ("south", child["id"])}) for child in BOTH}
    assert scene.links(run) == expected


def test_every_step_of_a_run_is_an_event(released: tuple[Scene, str]) -> None:
    scene, run = released
    of_run = [(event["event"], event.get("state") or event.get("by")) for event in scene.events() if "run" in event]
    assert of_run == [
        ("run started", "north"),
        ("run changed", "matched"),
        ("release approved", "north-ig-lead"),
        ("release approved", "south-ig-lead"),
        ("run changed", "approved"),
        ("run changed", "released"),
    ]
    assert all(event["run"] == run for event in scene.events() if "run" in event)


def test_counts_of_a_run_are_suppressed(released: tuple[Scene, str]) -> None:
    scene, run = released
    outcome = scene.status(run)["outcome"]
    assert outcome["links"] == 40
    assert outcome["possible_links"] is None
    assert outcome["left_out"] == []


def test_no_run_before_every_holder_has_uploaded(make_scene: MakeScene) -> None:
    scene = make_scene()
    scene.put("north", scene.sealed("north"))
    answer = scene.ask(scene.cast.holders["north"], "POST", f"{scene.path}/runs")
    assert refused(answer, 409, "conflict") == "There is no upload of south yet."
    assert not [event for event in scene.events() if "run" in event]


@pytest.mark.parametrize(("proof", "words"), [("key_check", "key check"), ("conformance", "conformance digest")])
def test_no_run_of_uploads_whose_proofs_differ(make_scene: MakeScene, proof: str, words: str) -> None:
    scene = make_scene()
    scene.put("north", scene.sealed("north"))
    scene.put("south", scene.sealed("south", manifest={proof: "0" * 64}))
    before = scene.events()
    answer = scene.ask(scene.cast.holders["south"], "POST", f"{scene.path}/runs")
    assert refused(answer, 422, "refused") == f"The {words} of north and south differs."
    assert scene.events() == before
    scene.put("south", scene.sealed("south"))
    assert scene.status(scene.start_run(), "matched")["state"] == "matched"


def test_no_second_run_while_one_waits(matched: tuple[Scene, str]) -> None:
    scene, _ = matched
    answer = scene.ask(scene.cast.holders["south"], "POST", f"{scene.path}/runs")
    assert refused(answer, 409, "conflict") == "A run of this agreement is under way."


def test_two_holders_who_start_at_once_start_one_run(make_scene: MakeScene) -> None:
    scene = make_scene()
    for name in ("north", "south"):
        scene.put(name, scene.sealed(name))
    starts = [scene.request(scene.cast.holders[name], "POST", f"{scene.path}/runs") for name in ("north", "south") * 3]
    with ThreadPoolExecutor(len(starts)) as pool:
        codes = sorted(answer.status_code for answer in pool.map(send, starts))
    assert codes == [202, *[409] * 5]
    assert [event["event"] for event in scene.events()].count("run started") == 1


def test_nothing_is_fetched_before_two_approvals(make_scene: MakeScene) -> None:
    scene = uploaded(make_scene())
    run = scene.start_run()
    scene.status(run, "matched")
    everyone = (*scene.cast.holders.values(), *scene.cast.ig_leads.values(), scene.cast.recipient)
    for approvals in range(2):
        for identity in everyone:
            refused(scene.ask(identity, "GET", f"/v1/runs/{run}/release"), 404, "not-found")
        assert scene.status(run)["state"] == "matched"
        assert len(scene.approve(["north", "south"][approvals], run)["approved_by"]) == approvals + 1
    scene.status(run, "released")
    fetched = [scene.ask(identity, "GET", f"/v1/runs/{run}/release").status_code for identity in everyone]
    assert fetched == [200, 200, 404, 404, 200]


@pytest.mark.parametrize("who", ["north", "recipient", "broker"])
def test_only_an_ig_lead_approves(matched: tuple[Scene, str], who: str) -> None:
    scene, run = matched
    by = scene.cast.holders.get(who) or getattr(scene.cast, who)
    statement = declare(by, "approval", {"agreement": scene.agreement.id, "run": run})
    refused(approve(scene, by, run, statement.to_json()), 404, "not-found")
    assert scene.status(run)["approved_by"] == []


def test_an_approval_of_another_run_is_refused(matched: tuple[Scene, str]) -> None:
    scene, run = matched
    answer = approve(scene, scene.cast.ig_leads["north"], run, scene.approval("north", "0" * 32))
    assert refused(answer, 422, "refused") == "The approval is for another run."
    assert scene.status(run)["approved_by"] == []


def test_an_approval_signed_by_another_ig_lead_is_refused(matched: tuple[Scene, str]) -> None:
    scene, run = matched
    refused(approve(scene, scene.cast.ig_leads["north"], run, scene.approval("south", run)), 422, "signature-refused")
    assert scene.status(run)["approved_by"] == []


def test_another_statement_is_no_approval(matched: tuple[Scene, str]) -> None:
    scene, run = matched
    lead = scene.cast.ig_leads["north"]
    other = declare(lead, "receipt", {"agreement": scene.agreement.id, "run": run}).to_json()
    documents: list[Any] = [other, {}, [], "yes", {**other, "kind": 5}]
    for document in documents:
        refused(approve(scene, lead, run, document), 422, "signature-refused")
    assert scene.status(run)["approved_by"] == []


def test_a_release_is_not_approved_again(released: tuple[Scene, str]) -> None:
    scene, run = released
    assert scene.approve("north", run)["approved_by"] == ["north", "south"]
    assert scene.status(run)["state"] == "released"


def test_three_holders_need_two_approvals(make_scene: MakeScene) -> None:
    scene = make_scene("north", "south", "west", release="open")
    rows = {"north": NORTH, "south": SOUTH, "west": BOTH[:20] + children(5, seed=4)}
    for name, of_holder in rows.items():
        scene.upload(name, of_holder)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    answer = approve(scene, scene.cast.ig_leads["west"], run, scene.approval("west", run))
    assert refused(answer, 409, "conflict") == "A run that is released waits for no decision."
    by_child = {child["id"]: {name for name, of_holder in rows.items() if child in of_holder} for child in BOTH}
    assert scene.links(run) == {frozenset((name, row) for name in names) for row, names in by_child.items()}
    with pytest.raises(BrokerRefused, match="nothing here"):
        scene.run_key(run)


def test_a_count_releases_nothing_but_the_count(make_scene: MakeScene) -> None:
    scene = uploaded(make_scene(release="count"))
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    for identity in (*scene.cast.holders.values(), scene.cast.recipient):
        refused(scene.ask(identity, "GET", f"/v1/runs/{run}/release"), 404, "not-found")
    assert scene.status(run)["outcome"]["overlaps"] == [{"holders": ["north", "south"], "links": 40}]


def test_uploads_that_share_nothing_end_without_links(make_scene: MakeScene) -> None:
    scene = make_scene()
    scene.upload("north", children(30, seed=5))
    scene.upload("south", children(1, seed=6))
    run = scene.start_run()
    assert scene.status(run, "matched")["outcome"]["links"] is None
    scene.release(run)
    assert scene.links(run) == set()


def test_nothing_begins_again_after_destruction(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = {name: scene.sealed(name) for name in ("north", "south")}
    for name, upload in sealed.items():
        scene.put(name, upload)
    with scene.broker.office() as office:
        destroy(office, scene.agreement)
    before = scene.events()
    north = scene.cast.holders["north"]
    for answer in (scene.put("north", sealed["north"]), scene.ask(north, "POST", f"{scene.path}/runs")):
        assert refused(answer, 409, "conflict") == "The data of this agreement have been destroyed."
    answer = scene.ask(north, "POST", "/v1/agreements", canonical(scene.agreement.to_json()))
    assert answer.status_code == 201
    assert scene.door_of("south").get(scene.path)["destroyed"]["kind"] == "destruction receipt"
    assert not list((scene.broker.home / "receiving-keys").glob(f"{scene.agreement.id}*"))
    assert scene.events() == before


def test_a_status_holds_what_it_is_meant_to_and_nothing_else(released: tuple[Scene, str]) -> None:
    scene, run = released
    for identity in (*scene.cast.holders.values(), *scene.cast.ig_leads.values(), scene.cast.recipient):
        status = scene.ask(identity, "GET", f"/v1/runs/{run}").json()
        assert set(status) == STATUS
        assert set(status["outcome"]) == OUTCOME


def test_counts_are_for_ig_leads_until_they_have_approved(matched: tuple[Scene, str]) -> None:
    scene, run = matched
    for identity in scene.cast.everyone():
        outcome = scene.ask(identity, "GET", f"/v1/runs/{run}").json()["outcome"]
        assert (outcome is not None) == (identity in scene.cast.ig_leads.values())


def test_counts_of_a_run_that_was_refused_stay_with_ig_leads(make_scene: MakeScene) -> None:
    scene = uploaded(make_scene(release="count"))
    run = scene.start_run()
    scene.status(run, "matched")
    lead = scene.cast.ig_leads["south"]
    refusal = declare(lead, "refusal", {"agreement": scene.agreement.id, "run": run})
    assert scene.ask(lead, "POST", f"/v1/runs/{run}/refusals", canonical(refusal.to_json())).status_code == 201
    for identity in (*scene.cast.holders.values(), scene.cast.recipient):
        assert scene.ask(identity, "GET", f"/v1/runs/{run}").json()["outcome"] is None


@pytest.mark.parametrize(("old", "new"), list(product(State, State)))
def test_a_run_moves_only_along_the_table(old: State, new: State) -> None:
    allowed = {("accepted", "matched"), ("accepted", "failed"), ("matched", "approved"), ("approved", "released")}
    ends = {("accepted", "cancelled"), ("approved", "failed"), ("matched", "failed"), ("matched", "declined")}
    if (old.value, new.value) in allowed | ends:
        require_transition(old, new)
    else:
        with pytest.raises(Conflict, match=f"A run that is {old} cannot become {new}"):
            require_transition(old, new)


def test_every_state_has_its_transitions() -> None:
    assert set(TRANSITIONS) == set(State)
