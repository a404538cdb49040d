"""Who may knock: signed requests and nothing else, and answers that tell no more than they may."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from keys.identity import Identity
from services.broker.front import problems
from services.broker.front.problem_types import KINDS
from tests.seen import refused, said
from tests.services import pages
from tests.stage import MakeScene, Scene, send, signed_request

STRANGER = Identity.create("stranger", random=secrets.token_bytes)
NOBODY_KNOWS = "The request is not signed by a party that this broker knows."


def holder(scene: Scene) -> Identity:
    return scene.cast.holders["north"]


def test_an_agreement_is_read_by_its_parties(scene: Scene) -> None:
    for identity in (holder(scene), scene.cast.ig_leads["south"], scene.cast.recipient):
        answer = scene.ask(identity, "GET", scene.path)
        assert answer.status_code == 200
        assert answer.json()["agreement"] == scene.agreement.to_json()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("PUT", f"/uploads/{'0' * 64}"),
        ("PUT", f"/uploads/{'0' * 64}/parts/0"),
        ("POST", f"/uploads/{'0' * 64}/complete"),
        ("GET", f"/uploads/{'0' * 64}/receipt"),
        ("POST", "/runs"),
        ("PUT", "/contributions/south"),
        ("GET", "/contributions/south"),
    ],
)
def test_an_unsigned_request_is_refused(scene: Scene, method: str, path: str) -> None:
    answer = send(httpx.Request(method, scene.broker.url + scene.path + path))
    assert refused(answer, 401, "unauthenticated") == NOBODY_KNOWS


def test_an_unsigned_agreement_request_is_refused(scene: Scene) -> None:
    answer = send(httpx.Request("POST", f"{scene.broker.url}/v1/agreements", json=scene.agreement.to_json()))
    assert refused(answer, 401, "unauthenticated") == "The request is not signed."


def test_a_stranger_is_refused(scene: Scene) -> None:
    assert refused(scene.ask(STRANGER, "GET", scene.path), 401, "unauthenticated") == NOBODY_KNOWS


def test_a_request_for_another_broker_is_refused(scene: Scene) -> None:
    answer = scene.ask(holder(scene), "GET", scene.path, tag=STRANGER.card.fingerprint)
    refused(answer, 401, "unauthenticated")


def test_the_same_request_is_not_taken_twice(scene: Scene) -> None:
    request = scene.request(holder(scene), "GET", scene.path)
    assert send(request).status_code == 200
    assert refused(send(request), 401, "unauthenticated") == "This very request has been received before."


@pytest.mark.parametrize(("minutes", "words"), [(10, "ahead of"), (-10, "behind")])
def test_a_wrong_clock_is_explained(scene: Scene, minutes: int, words: str) -> None:
    answer = scene.ask(holder(scene), "GET", scene.path, now=datetime.now(UTC) + timedelta(minutes=minutes))
    title = refused(answer, 401, "unauthenticated")
    assert f"seconds {words} the broker's" in title
    assert "clock" in answer.json()["detail"]


@pytest.mark.parametrize("seconds", [-60, 60])
def test_a_clock_that_is_off_by_a_minute_is_tolerated(scene: Scene, seconds: int) -> None:
    now = datetime.now(UTC) + timedelta(seconds=seconds)
    assert scene.ask(holder(scene), "GET", scene.path, now=now).status_code == 200


def test_a_body_that_was_changed_after_signing_is_refused(scene: Scene) -> None:
    request = scene.request(holder(scene), "PUT", f"{scene.path}/contributions/south", b"signed")
    changed = httpx.Request(request.method, request.url, headers=request.headers, content=b"signeD")
    assert refused(send(changed), 422, "refused") == "The body is not the one that was signed."


@pytest.mark.parametrize("part", ["method", "path", "query", "digest"])
def test_what_the_signature_covers_cannot_be_changed(scene: Scene, part: str) -> None:
    request = scene.request(holder(scene), "GET", f"{scene.path}/contributions/south")
    method, url, headers = request.method, str(request.url), dict(request.headers)
    if part == "method":
        method = "PUT"
    elif part == "path":
        url = scene.broker.url + scene.path
    elif part == "query":
        url += "?all=1"
    else:
        headers["content-digest"] = "sha-256=:" + "A" * 43 + "=:"
    refused(send(httpx.Request(method, url, headers=headers)), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signature", "counterfoil=:AAAA:"),
        ("signature", "counterfoil"),
        ("signature", "\x80"),
        ("signature-input", ""),
        ("signature-input", "counterfoil=()"),
        ("signature-input", 'counterfoil=("@method");created=1;expires=2;keyid="x";nonce="y"'),
        ("signature-input", "counterfoil=1, counterfoil=2"),
        ("signature-input", "counterfoil=(;;;)"),
        ("content-digest", "sha-256=:\x80:"),
        ("content-digest", ""),
        ("content-digest", "md5=:AAAA:"),
    ],
)
def test_a_broken_header_is_refused(scene: Scene, name: str, value: str) -> None:
    request = scene.request(holder(scene), "GET", scene.path)
    headers = httpx.Headers({**request.headers, name: value}, encoding="latin-1")
    refused(send(httpx.Request("GET", request.url, headers=headers)), 401, "unauthenticated")


def test_a_body_that_is_too_large_is_refused(scene: Scene) -> None:
    body = bytes((1 << 20) + 1)
    answer = scene.ask(holder(scene), "PUT", f"{scene.path}/contributions/south", body)
    assert refused(answer, 413, "too-large") == "The body is larger than the 1,048,576 bytes that it may have."


def test_unknown_and_forbidden_resources_answer_byte_alike(scene: Scene, make_scene: MakeScene) -> None:
    other = make_scene()
    run, file = "0" * 32, "a" * 64
    caller = holder(scene)
    lead, recipient = scene.cast.ig_leads["north"], scene.cast.recipient
    asked = [
        (caller, "GET", f"/v1/agreements/{'0' * 64}"),  # there is none
        (caller, "GET", "/v1/agreements/x"),
        (caller, "GET", other.path),  # not the caller's
        (caller, "GET", f"/v1/runs/{run}"),
        (caller, "GET", f"/v1/runs/{run}/release"),
        (caller, "POST", f"/v1/runs/{run}/approvals"),
        (caller, "POST", f"{other.path}/runs"),
        (caller, "PUT", f"{other.path}/uploads/{file}"),
        (caller, "PUT", f"{other.path}/uploads/{file}/parts/0"),
        (caller, "POST", f"{other.path}/uploads/{file}/complete"),
        (caller, "GET", f"{other.path}/uploads/{file}/receipt"),
        (caller, "PUT", f"{scene.path}/uploads/{file}/parts/0"),
        (caller, "PUT", f"{scene.path}/uploads/{file}/parts/x"),
        (caller, "POST", f"{scene.path}/uploads/{file}/complete"),
        (caller, "GET", f"{scene.path}/uploads/{file}/receipt"),
        (caller, "PUT", f"{scene.path}/uploads/../x"),
        (caller, "PUT", f"{scene.path}/uploads/{file.upper()}"),
        (caller, "GET", f"{scene.path}/contributions/nobody"),
        (caller, "GET", f"{scene.path}/contributions/north"),  # from itself
        (caller, "GET", f"{scene.path}/secrets"),
        (lead, "POST", f"{scene.path}/runs"),  # not a holder
        (lead, "PUT", f"{scene.path}/uploads/{file}"),
        (lead, "GET", f"{scene.path}/contributions/south"),
        (recipient, "PUT", f"{scene.path}/uploads/{file}"),
        (recipient, "POST", f"{scene.path}/runs"),
    ]
    answers = [scene.ask(*one) for one in asked]
    for answer in answers:
        refused(answer, 404, "not-found")
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert len({said(answer) for answer in answers}) == 1
    own = ("date", "x-request-id")
    assert len({tuple((k, v) for k, v in answer.headers.items() if k not in own) for answer in answers}) == 1


@pytest.mark.parametrize("path", ["/openapi.json", "/docs", "/redoc", "/", "/v1", "/v1/card/", "/healthz/"])
def test_nothing_but_health_and_card_is_there_for_whoever_has_not_signed(scene: Scene, path: str) -> None:
    refused(send(httpx.Request("GET", scene.broker.url + path)), 404, "not-found")


def test_a_method_that_there_is_not_answers_as_a_problem(scene: Scene) -> None:
    refused(scene.ask(holder(scene), "DELETE", scene.path), 405, "method-not-allowed")


def test_the_broker_shows_its_own_card_to_everyone(scene: Scene) -> None:
    answer = send(httpx.Request("GET", f"{scene.broker.url}/v1/card"))
    assert answer.json() == scene.broker.identity.card.to_json()


def test_every_type_of_problem_is_named_once() -> None:
    kinds = [kind for kind, _ in zip(problems.TYPES, problems.TYPES, strict=True)]
    for later, kind in enumerate(kinds):
        assert not any(issubclass(kind, earlier) for earlier in kinds[:later]), "an earlier entry would hide it"


def test_a_request_signed_long_ago_is_refused_even_if_it_never_arrived(scene: Scene) -> None:
    old = signed_request(
        scene.broker, holder(scene), "GET", scene.path, now=datetime.now(UTC) - timedelta(minutes=7, seconds=30)
    )
    refused(send(old), 401, "unauthenticated")


def test_the_page_of_problems_is_the_table() -> None:
    assert pages.PROBLEMS.read_text(encoding="utf-8") == pages.problems()
    assert {kind.name for kind in problems.TYPES.values()} <= set(KINDS)
