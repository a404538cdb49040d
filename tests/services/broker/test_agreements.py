"""Agreements at the broker: in force, for this broker, or refused with nothing changed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from encoder.workspace import check_receiving
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.identity import Identity
from services.rehearsal.party import agree
from tests.seen import dumped, refused
from tests.stage import MakeScene, Scene


def hand_in(scene: Scene, document: Any, by: Identity | None = None) -> Any:
    body = document if isinstance(document, bytes) else canonical(document)
    return scene.ask(by or scene.cast.holders["north"], "POST", "/v1/agreements", body)


def not_there(scene: Scene) -> bool:
    return scene.ask(scene.cast.holders["north"], "GET", scene.path).status_code == 401 and not scene.events()


def test_the_answer_is_the_brokers_signed_receiving_key(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False)
    answer = hand_in(scene, scene.agreement.to_json())
    assert answer.status_code == 201
    assert answer.headers["location"] == scene.path
    key = check_receiving(scene.agreement, answer.json())
    assert key != scene.broker.identity.card.receiving
    assert [event["event"] for event in scene.events()] == ["agreement received"]


def test_handing_in_again_changes_nothing(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False)
    first = hand_in(scene, scene.agreement.to_json())
    again = hand_in(scene, scene.agreement.to_json(), by=scene.cast.recipient)
    assert again.json() == first.json()
    assert len(scene.events()) == 1


def test_all_parties_at_once_get_one_key(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda one: hand_in(scene, scene.agreement.to_json(), one), scene.cast.everyone()))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(scene.events()) == 1
    scene.open()
    assert scene.put("north", scene.sealed("north")).status_code == 200


@pytest.mark.parametrize("who", range(6))
def test_an_agreement_that_one_party_has_not_signed_is_refused(make_scene: MakeScene, who: int) -> None:
    scene = make_scene(opened=False)
    missing = scene.cast.everyone()[who].card.fingerprint
    left = tuple(one for one in scene.agreement.signatures if one.signer != missing)
    party = scene.agreement.party(missing)
    answer = hand_in(scene, replace(scene.agreement, signatures=left).to_json())
    assert party is not None
    assert refused(answer, 422, "agreement-refused") == f"The agreement is not signed by {party.name}."
    assert not_there(scene)


def test_an_expired_agreement_is_refused(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False, expires="2024-01-01T00:00:00+00:00")
    title = refused(hand_in(scene, scene.agreement.to_json()), 422, "agreement-refused")
    assert title == "The agreement expired at 2024-01-01T00:00:00+00:00."
    assert not_there(scene)


def test_an_agreement_that_names_another_broker_is_refused(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False)
    other = Identity.create("broker", random=secrets.token_bytes)
    elsewhere = agree(scene.agreement.terms, replace(scene.cast, broker=other))
    assert refused(hand_in(scene, elsewhere.to_json()), 422, "refused") == "The agreement names another broker."
    assert not_there(scene)


def test_an_agreement_handed_in_by_a_stranger_is_refused(make_scene: MakeScene) -> None:
    scene = make_scene(opened=False)
    stranger = Identity.create("stranger", random=secrets.token_bytes)
    refused(hand_in(scene, scene.agreement.to_json(), by=stranger), 401, "unauthenticated")
    assert not_there(scene)


def test_nothing_is_written_down_of_strangers_who_name_this_broker(make_scene: MakeScene) -> None:
    """Anyone can draft an agreement with cards of their own, and sign requests by these."""
    scene = make_scene(opened=False)
    signatures = tuple(
        one for one in scene.agreement.signatures if one.signer != scene.broker.identity.card.fingerprint
    )
    drafted = replace(scene.agreement, signatures=signatures).to_json()
    refused(hand_in(scene, drafted), 422, "agreement-refused")
    signer = scene.cast.holders["north"].card.fingerprint.encode()
    assert signer not in dumped(scene.broker)["nonces"]
    assert hand_in(scene, scene.agreement.to_json()).status_code == 201
    assert dumped(scene.broker)["nonces"].count(signer) == 1


def without(*path: str) -> Callable[[dict[str, Any]], Any]:
    def change(document: dict[str, Any]) -> Any:
        part = document
        for name in path[:-1]:
            part = part[name]
        del part[path[-1]]
        return document

    return change


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no terms": without("terms"),
    "no choice of release": without("terms", "release"),
    "no hardening and no reason": without("terms", "encoding", "hardening"),
    "something more": lambda document: {**document, "more": 1},
    "parties are a number": lambda document: {**document, "parties": 5},
    "parties are words": lambda document: {**document, "parties": ["north", "south"]},
    "no signatures": lambda document: {**document, "signatures": None},
    "a signature is a word": lambda document: {**document, "signatures": ["signed"]},
    "a list": lambda document: [document],
    "a word": lambda document: "agreement",
    "a party of a number": lambda document: {**document, "parties": [{**document["parties"][0], "name": 5}]},
    "a party with a list for a role": lambda document: {
        **document,
        "parties": [{**document["parties"][0], "role": []}],
    },
    "no broker": lambda document: {**document, "parties": [p for p in document["parties"] if p["role"] != "broker"]},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_a_whole_agreement_is_refused(
    make_scene: MakeScene, change: Callable[[dict[str, Any]], Any]
) -> None:
    scene = make_scene(opened=False)
    document = change(json.loads(canonical(scene.agreement.to_json())))
    answer = hand_in(scene, document)
    assert answer.status_code == 422
    refused(answer, 422, answer.json()["type"].rsplit(":", 1)[1])
    assert not_there(scene)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"NaN", b'{"a":1,"a":1}', b"[" * 100_000, b'"\\ud800"'], ids=range(7)
)
def test_what_is_not_json_is_refused(make_scene: MakeScene, body: bytes) -> None:
    scene = make_scene(opened=False)
    answer = hand_in(scene, body)
    assert answer.status_code == 422
    assert not_there(scene)


def test_the_agreement_that_comes_back_is_the_one_that_was_signed(scene: Scene) -> None:
    answer = scene.door_of("south").get(scene.path)
    agreement = Agreement.from_json(answer["agreement"])
    assert not agreement.unsigned()
    assert agreement.id == scene.agreement.id
    assert answer["destroyed"] is None


def test_a_holder_cannot_contribute_twice(scene: Scene) -> None:
    scene.holder("north").contribute(scene.door_of("north"))  # the same bytes again are welcome
    sealed = (scene.root / "south" / "contribution-to-north.sealed").read_bytes()
    answer = scene.ask(scene.cast.holders["north"], "PUT", f"{scene.path}/contributions/south", sealed)
    refused(answer, 422, "envelope-refused")
    assert [event["event"] for event in scene.events()].count("contribution relayed") == 2
