"""The OpenAPI document: it is what the code says, its examples fit, and no answer is one that it does not name."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from pydantic import BaseModel
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from encoder.witness import witness
from keys.identity import Identity
from services.broker.api.openapi import document
from services.broker.api.v1 import answers
from services.broker.app import create_app
from services.broker.front.problem_types import KINDS, PREFIX
from services.broker.office import Office
from tests.services import pages
from tests.stage import MakeScene, Scene, children, send, signed_request

DOCUMENT = document()
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
MAY_BE_LATE = {("/v1/runs/{run}/cancellation", "post")}
"""A run whose links are decided by then cannot be cancelled any more."""
BOTH = children(60, seed=1)


def test_the_document_is_what_the_routes_say() -> None:
    assert pages.OPENAPI.read_text(encoding="utf-8") == pages.openapi()


@pytest.mark.parametrize(
    "model",
    [one for one in vars(answers).values() if isinstance(one, type) and issubclass(one, BaseModel)][1:],
    ids=lambda model: model.__name__,
)
def test_every_example_is_what_it_is_an_example_of(model: type[BaseModel]) -> None:
    (example,) = model.model_json_schema()["examples"]
    model.model_validate_json(json.dumps(example), strict=True)


def test_every_problem_that_is_named_is_of_the_table_and_of_its_status() -> None:
    for path, method in OPERATIONS:
        responses = DOCUMENT["paths"][path][method]["responses"]
        for status, response in responses.items():
            assert response["description"], (path, method, status)
            examples = response["content"].get("application/problem+json", {}).get("examples", {})
            assert (int(status) >= 400) == bool(examples)
            assert {KINDS[name].status for name in examples} <= {int(status)}
    for name, example in DOCUMENT["components"]["examples"].items():
        assert example["value"]["type"] == PREFIX + name


def test_every_operation_has_a_name_and_only_one_needs_no_signature() -> None:
    operations = [DOCUMENT["paths"][path][method] for path, method in OPERATIONS]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names) == 22
    assert [one["operationId"] for one in operations if not one["security"]] == ["card"]


@pytest.fixture(scope="module")
def linked(make_scene: MakeScene) -> tuple[Scene, str]:
    """A linkage whose links are decided and whose control rows are not opened yet, and its run."""
    scene = linkage(make_scene)
    run = scene.start_run()
    scene.status(run, "matched")
    return scene, run


def linkage(make_scene: MakeScene) -> Scene:
    """Two holders that have uploaded."""
    scene = make_scene(control={"rows": 20}, repeats_percent=100)
    for name, seed in (("north", 2), ("south", 3)):
        scene.upload(name, BOTH + children(20, seed=seed))
    return scene


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response]:
    """Every answer that anybody gets meanwhile."""
    found: list[httpx.Response] = []
    really = httpx.Client.send

    def kept(client: httpx.Client, request: httpx.Request, **words: Any) -> httpx.Response:
        found.append(really(client, request, **words))
        return found[-1]

    monkeypatch.setattr(httpx.Client, "send", kept)
    return found


def operation_of(request: httpx.Request) -> tuple[str, str]:
    """The path as the document has it, and the method."""
    for path, method in OPERATIONS:
        if method.upper() == request.method and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), request.url.path):
            return path, method
    raise AssertionError(f"{request.method} {request.url.path} is in no document")


def test_whatever_a_linkage_is_answered_is_as_the_document_says(
    answered: list[httpx.Response], make_scene: MakeScene
) -> None:
    scene = linkage(make_scene)
    send(httpx.Request("GET", f"{scene.broker.url}/v1/card"))
    run = scene.start_run()
    scene.status(run, "matched")
    scene.open_controls(run=run)
    scene.check_controls("north", run)
    scene.release(run)
    assert scene.links(run)
    lead = scene.cast.ig_leads["north"]
    scene.door(lead).get(f"/v1/runs/{run}/quality")
    witness(scene.holder("north").workspace, scene.door(lead), agreement=scene.agreement, identity=lead)
    scene.door(lead).get(f"{scene.path}/log")
    scene.door(lead).get(f"{scene.path}/runs")
    handed_in = next(path for answer in answered if (path := answer.request.url.path).endswith("/complete"))
    scene.door_of("north").get(handed_in.replace("/complete", "/receipt"))
    refused_one = scene.start_run()
    scene.status(refused_one, "matched")
    scene.refuse("south", refused_one)
    scene.ask(lead, "POST", f"/v1/runs/{scene.start_run()}/cancellation", b"{}")
    for answer in answered:
        path, method = operation_of(answer.request)
        SCHEMA[path][method].validate_response(answer)
    assert {operation_of(answer.request) for answer in answered if answer.is_success} >= set(OPERATIONS) - MAY_BE_LATE


class Asked:
    """A broker in this process, in the office of the one that runs beside it."""

    def __init__(self, scene: Scene, run: str, office: Office) -> None:
        self.scene, self.run = scene, run
        application = httpx.ASGITransport(create_app(office), raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=application)
        self._runner = asyncio.Runner()

    def close(self) -> None:
        self._runner.run(self._http.aclose())
        self._runner.close()

    def send(self, request: httpx.Request) -> httpx.Response:
        return self._runner.run(self._http.send(request))

    def check(self, case: schemathesis.Case[Any], identity: Identity) -> None:
        """Send it, signed, and compare the answer with what the document says."""
        sent = requests.Request(**case.as_transport_kwargs(base_url=self.scene.broker.url)).prepare()
        body: Any = sent.body.encode() if isinstance(sent.body, str) else sent.body or b""
        answer = self.send(signed_request(self.scene.broker, identity, str(sent.method), sent.path_url, body))
        case.validate_response(answer, checks=CHECKS)


@pytest.fixture(scope="module")
def asked(linked: tuple[Scene, str]) -> Iterator[Asked]:
    scene, run = linked
    many = {"party_requests_at_once": 1_000_000, "unsigned_requests_at_once": 1_000_000}
    with scene.broker.office(**many) as office, closing(Asked(scene, run, office)) as made:
        yield made


@SCHEMA.parametrize()
@settings(max_examples=5, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
def test_nothing_that_is_asked_breaks_the_broker_or_is_answered_otherwise_than_it_says(
    asked: Asked, case: schemathesis.Case[Any]
) -> None:
    """Whatever an operation is sent, by each party of a real linkage: for anything, and for that linkage."""
    if case.method != case.operation.method.upper():
        return  # test_every_problem asks for methods that there are not
    cast = asked.scene.cast
    known = {"agreement": asked.scene.agreement.id, "run": asked.run, "other": "south"}
    asked.check(case, cast.holders["north"])
    case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
    for identity in (cast.holders["north"], cast.ig_leads["north"], cast.recipient):
        asked.check(case, identity)
