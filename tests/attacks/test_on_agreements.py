"""Attacks on agreements, secrets, approvals and tokens, each by its name. All fail."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import Any

import pytest

from encoder.errors import BrokerRefused
from encoder.join import RunKey, link_keys
from encoder.results import open_release
from encoder.workspace import check_receiving
from keys.agreement import Agreement, Party, Role
from keys.canonical import canonical
from keys.errors import AgreementError, EnvelopeError, SignatureError, TokenError
from keys.identity import Identity
from keys.receiving import ReceivingKey, encode
from keys.statement import declare
from keys.tokens import TOKEN_BYTES
from services.rehearsal.party import agree
from tests.seen import refused, said
from tests.stage import MakeScene, Scene, children, contribution

pytestmark = pytest.mark.apart_from_database

BOTH = children(30, seed=1)


@pytest.fixture(scope="module")
def matched(make_scene: MakeScene) -> tuple[Scene, str]:
    scene = make_scene()
    for name in ("north", "south"):
        scene.upload(name, BOTH)
    run = scene.start_run()
    scene.status(run, "matched")
    return scene, run


def changed(scene: Scene, **terms: Any) -> dict[str, Any]:
    """The signed agreement with other terms under the old signatures."""
    document: dict[str, Any] = json.loads(canonical(scene.agreement.to_json()))
    document["terms"] |= terms
    return document


@pytest.mark.parametrize(
    "terms",
    [
        {"release": "open"},
        {"minimum_rows": 2},
        {"title": "Another"},
        {"expires": "2099-01-01T00:00:00+00:00"},
        {"suppression": {"below": 2, "round_to": 1}},
    ],
    ids=lambda terms: next(iter(terms)),
)
def test_tampered_agreement_after_signing(scene: Scene, terms: dict[str, Any]) -> None:
    document = changed(scene, **terms)
    with pytest.raises(AgreementError, match="signed another agreement"):
        Agreement.from_json(document)
    answer = scene.ask(scene.cast.holders["north"], "POST", "/v1/agreements", canonical(document))
    assert "signed another agreement" in refused(answer, 422, "agreement-refused")


def test_swapped_card_after_signing(scene: Scene) -> None:
    document = changed(scene)
    other = Identity.create("recipient", random=secrets.token_bytes)
    recipient = next(party for party in document["parties"] if party["role"] == "recipient")
    recipient["card"] = other.card.to_json()
    answer = scene.ask(scene.cast.holders["north"], "POST", "/v1/agreements", canonical(document))
    refused(answer, 422, "agreement-refused")


def test_swapped_recipient_key(scene: Scene) -> None:
    """Somebody between holder and broker answers with a receiving key of their own."""
    key = ReceivingKey.generate(secrets.token_bytes)
    body = {"agreement": scene.agreement.id, "receiving": key.address.to_json()}
    workspace = scene.holder("north").workspace
    before = workspace.agreement.read_bytes()
    for forger in (scene.cast.recipient, scene.cast.holders["south"]):
        with pytest.raises(SignatureError):
            workspace.save_agreement(scene.agreement, declare(forger, "receiving key", body).to_json())
    true = json.loads(before)["receiving"]
    with pytest.raises(SignatureError):
        workspace.save_agreement(scene.agreement, {**true, "body": body})
    assert workspace.agreement.read_bytes() == before


def test_receiving_key_of_another_agreement(scene: Scene, make_scene: MakeScene) -> None:
    other = make_scene()
    document = json.loads(other.holder("north").workspace.agreement.read_bytes())["receiving"]
    with pytest.raises(AgreementError, match="another agreement"):
        check_receiving(scene.agreement, document)


def test_cross_agreement_id_guessing(scene: Scene, make_scene: MakeScene) -> None:
    """Knowing another agreement's id and run is of no use to a party of this one."""
    other = make_scene()
    for name in ("north", "south"):
        other.put(name, other.sealed(name))
    run = other.start_run()
    other.status(run, "matched")
    nothing = scene.ask(scene.cast.holders["north"], "GET", "/v1/runs/" + "0" * 32)
    for identity in (*scene.cast.holders.values(), *scene.cast.ig_leads.values(), scene.cast.recipient):
        for method, path in (("GET", other.path), ("GET", f"/v1/runs/{run}"), ("GET", f"/v1/runs/{run}/release")):
            answer = scene.ask(identity, method, path)
            refused(answer, 404, "not-found")
            assert said(answer) == said(nothing)
    approval = scene.ask(
        scene.cast.ig_leads["north"],
        "POST",
        f"/v1/runs/{run}/approvals",
        canonical(scene.approval("north", run)),
    )
    assert said(approval) == said(nothing)
    assert other.status(run)["approved_by"] == []


def test_approval_by_someone_not_named(matched: tuple[Scene, str]) -> None:
    scene, run = matched
    stranger = Identity.create("north IG lead", random=secrets.token_bytes)
    statement = declare(stranger, "approval", {"agreement": scene.agreement.id, "run": run}).to_json()
    answer = scene.ask(stranger, "POST", f"/v1/runs/{run}/approvals", canonical(statement))
    refused(answer, 401, "unauthenticated")
    lead = scene.cast.ig_leads["north"]
    for document in (statement, {**statement, "signer": lead.card.fingerprint}):
        refused(scene.ask(lead, "POST", f"/v1/runs/{run}/approvals", canonical(document)), 422, "signature-refused")
    assert scene.status(run)["approved_by"] == []


def test_approval_twice_by_one_person(make_scene: MakeScene) -> None:
    scene = make_scene()
    for name in ("north", "south"):
        scene.put(name, scene.sealed(name))
    run = scene.start_run()
    scene.status(run, "matched")
    for _ in range(3):
        assert scene.approve("north", run) == {"run": run, "approved_by": ["north"]}
    assert scene.status(run)["state"] == "matched"
    assert [event["event"] for event in scene.events()].count("release approved") == 1
    with pytest.raises(BrokerRefused):
        scene.results("north", run)


def test_approval_by_two_ig_leads_of_one_holder(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False)
    deputy = Identity.create("north deputy", random=secrets.token_bytes)
    party = Party(Role.IG_LEAD, "north-deputy", deputy.card, of="north")
    agreed = Agreement(scene.agreement.terms, (*scene.agreement.parties, party))
    scene.agreement = agreed.with_signatures(agreed.sign(one) for one in (*scene.cast.everyone(), deputy))
    scene.open()
    for name in ("north", "south"):
        scene.put(name, scene.sealed(name))
    run = scene.start_run()
    scene.status(run, "matched")
    for lead in (scene.cast.ig_leads["north"], deputy):
        approval = declare(lead, "approval", {"agreement": scene.agreement.id, "run": run})
        answer = scene.ask(lead, "POST", f"/v1/runs/{run}/approvals", canonical(approval.to_json()))
        assert answer.json() == {"run": run, "approved_by": ["north"]}
    assert scene.status(run)["state"] == "matched"
    assert [event["event"] for event in scene.events()].count("release approved") == 1


def test_approval_kept_from_an_earlier_run(make_scene: MakeScene) -> None:
    scene = make_scene()
    for name in ("north", "south"):
        scene.upload(name, BOTH)
    first = scene.start_run()
    scene.status(first, "matched")
    scene.release(first)
    second = scene.start_run()
    scene.status(second, "matched")
    for name in ("north", "south"):
        body = canonical(scene.approval(name, first))
        refused(scene.ask(scene.cast.ig_leads[name], "POST", f"/v1/runs/{second}/approvals", body), 422, "refused")
    assert scene.status(second)["approved_by"] == []
    scene.release(second)
    tokens = list(scene.results("north", first).values)
    link_keys(tokens, run_key=scene.run_key(first), pseudonym_key=b"k" * 32)
    with pytest.raises(TokenError, match="belongs to another run"):
        link_keys(tokens, run_key=scene.run_key(second), pseudonym_key=b"k" * 32)
    mixed = replace(scene.run_key(second), run=first)
    with pytest.raises(TokenError):
        link_keys(tokens, run_key=mixed, pseudonym_key=b"k" * 32)


def test_token_of_one_run_opened_with_another_runs_key(make_scene: MakeScene) -> None:
    scene = make_scene()
    tokens, run_keys = [], []
    for _ in range(2):
        for name in ("north", "south"):
            scene.upload(name, BOTH)
        run = scene.start_run()
        scene.status(run, "matched")
        scene.release(run)
        tokens.append(list(scene.results("north", run).values))
        run_keys.append(scene.run_key(run))
    assert len(link_keys(tokens[0], run_key=run_keys[0], pseudonym_key=bytes(32))) == len(BOTH)
    renamed = RunKey(run_keys[0].run, run_keys[1].key)
    for run_key in (run_keys[1], renamed, RunKey(run_keys[1].run, run_keys[0].key)):
        with pytest.raises(TokenError):
            link_keys(tokens[0], run_key=run_key, pseudonym_key=bytes(32))
    assert not set(tokens[0]) & set(tokens[1])


def test_made_up_token(matched: tuple[Scene, str]) -> None:
    _, run = matched
    with pytest.raises(TokenError):
        link_keys([encode(bytes(TOKEN_BYTES))], run_key=RunKey(run, bytes(32)), pseudonym_key=b"k" * 32)


def test_reused_contribution(scene: Scene, make_scene: MakeScene) -> None:
    """A contribution to one agreement neither fits another nor comes from anyone else."""
    other = make_scene()
    foreign = (other.root / "north" / "contribution-to-south.sealed").read_bytes()
    own = (scene.root / "north" / "contribution-to-south.sealed").read_bytes()
    north, south = scene.cast.holders["north"], scene.cast.holders["south"]
    path = f"{scene.path}/contributions"
    refused(scene.ask(north, "PUT", f"{path}/south", foreign), 422, "envelope-refused")
    refused(scene.ask(south, "PUT", f"{path}/north", own), 422, "envelope-refused")
    log = scene.events()
    second = contribution(scene, north, south)
    answer = scene.ask(north, "PUT", f"{path}/south", second)
    assert refused(answer, 409, "conflict") == "north has contributed to south already."
    assert scene.events() == log
    assert scene.door_of("south").get_bytes(f"{path}/north") == own


def test_contribution_to_the_wrong_party(scene: Scene) -> None:
    north = scene.cast.holders["north"]
    for wrong in (scene.cast.recipient, scene.cast.ig_leads["south"], scene.cast.broker):
        sealed = contribution(scene, north, wrong)
        answer = scene.ask(north, "PUT", f"{scene.path}/contributions/south", sealed)
        refused(answer, 422, "envelope-refused")


def test_contribution_by_someone_who_is_no_holder(scene: Scene) -> None:
    log = scene.events()
    for party in (scene.cast.ig_leads["north"], scene.cast.recipient, scene.cast.broker):
        sealed = contribution(scene, party, scene.cast.holders["south"])
        refused(scene.ask(party, "PUT", f"{scene.path}/contributions/south", sealed), 404, "not-found")
    assert scene.events() == log


def test_contribution_read_by_others(make_scene: MakeScene) -> None:
    scene = make_scene("north", "south", "west")
    path = f"{scene.path}/contributions/north"
    fetched = {name: scene.ask(scene.cast.holders[name], "GET", path).content for name in ("south", "west")}
    assert fetched["south"] != fetched["west"]
    for identity in (*scene.cast.ig_leads.values(), scene.cast.recipient, scene.cast.broker):
        refused(scene.ask(identity, "GET", path), 404, "not-found")


def test_release_of_another_holder(make_scene: MakeScene) -> None:
    scene = make_scene()
    for name in ("north", "south"):
        scene.upload(name, BOTH)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    sealed = {name: scene.door_of(name).get_bytes(f"/v1/runs/{run}/release") for name in ("north", "south")}
    north = scene.holder("north")
    options: dict[str, Any] = {"workspace": north.workspace, "agreement": scene.agreement, "identity": north.identity}
    assert len(open_release(sealed["north"], **options).values) == len(BOTH)
    with pytest.raises(EnvelopeError):
        open_release(sealed["south"], **options)


def test_agreement_of_others_in_ones_own_name(scene: Scene) -> None:
    """An outsider drafts an agreement that names the parties, and signs for them."""
    forged = {name: Identity.create(name, random=secrets.token_bytes) for name in scene.cast.holders}
    outsiders = replace(scene.cast, holders=forged)
    drafted = agree(scene.agreement.terms, outsiders)
    document = json.loads(canonical(drafted.to_json()))
    for party, true in zip(document["parties"], scene.agreement.parties, strict=True):
        party["card"] = true.card.to_json()
    answer = scene.ask(scene.cast.holders["north"], "POST", "/v1/agreements", canonical(document))
    refused(answer, 422, "agreement-refused")


def test_i4_tokens_of_linked_and_unlinked_rows_look_alike(make_scene: MakeScene) -> None:
    """Every row gets one token of one length, linked or not, and no two are alike."""
    scene = make_scene()
    rows = {"north": BOTH + children(20, seed=2), "south": BOTH[:5] + children(10, seed=3)}
    for name, of_holder in rows.items():
        scene.upload(name, of_holder)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    tokens = []
    for name, of_holder in rows.items():
        results = scene.results(name, run)
        assert sorted(results.row_ids) == sorted(row["id"] for row in of_holder)
        tokens += list(results.values)
    assert len({len(token) for token in tokens}) == 1
    assert len(set(tokens)) == len(tokens) == sum(map(len, rows.values()))
