"""Whatever is asked of any route, what is refused is a problem whose type has a name, with the status of that type."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest

from keys.canonical import canonical
from keys.identity import Identity
from services.broker.app import create_app, open_office
from services.broker.front.auth import SMALL_BODY
from services.broker.front.problem_types import KINDS, PREFIX
from services.broker.office import Office
from services.broker.settings import Settings
from services.rehearsal.party import gather
from tests.asgi import answers_of
from tests.broker import Broker
from tests.postgres import NewDatabase
from tests.seen import refused
from tests.stage import Scene, signed_request

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"}
OPEN = {"/healthz", "/readyz", "/v1/card"}
"""Whatever body these are sent, they do not read it."""


@dataclass(frozen=True, repr=False)
class At:
    """An office with one agreement in force, and every address of its application -> the methods that it has."""

    office: Office
    scene: Scene
    routes: dict[str, set[str]]

    @property
    def holder(self) -> Identity:
        return self.scene.cast.holders["north"]

    def signed(self, method: str, path: str, body: bytes = b"") -> httpx.Request:
        return signed_request(self.scene.broker, self.holder, method, path, body)

    def ask(self, *requests: httpx.Request) -> list[httpx.Response]:
        return answers_of(self.office, *requests)

    def every(self) -> list[tuple[str, str]]:
        return [(method, path) for path, methods in self.routes.items() for method in methods]


@pytest.fixture(scope="module")
def at(database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[At]:
    folder = tmp_path_factory.mktemp("at")
    with ExitStack() as stack:
        settings = {"home": folder, "unsigned_requests_at_once": 10_000, **new_database(database)}
        office = open_office(Settings.model_validate(settings), gather([]).broker)
        stack.callback(office.store.close)
        scene = Scene.of(Broker(office.identity, office.settings, "http://broker.example"), folder / "scene")
        values = {"agreement": scene.agreement.id, "other": "south", "run": "0" * 32, "sha256": "a" * 64, "number": "0"}
        routes = {
            path.format(**values): {method.upper() for method in methods}
            for path, methods in create_app(office).openapi()["paths"].items()
        }
        found = At(office, scene, routes)
        (answer,) = found.ask(found.signed("POST", "/v1/agreements", canonical(scene.agreement.to_json())))
        assert answer.status_code == 201
        yield found


def is_problem(answer: httpx.Response) -> str:
    """That the answer is a problem of the table; its name."""
    name = str(answer.json()["type"]).removeprefix(PREFIX)
    refused(answer, KINDS[name].status, name)
    assert 400 <= answer.status_code < 500, name
    return name


def test_there_are_routes(at: At) -> None:
    assert len(at.every()) >= 20


def test_what_is_not_there_is_not_found(at: At) -> None:
    for answer in at.ask(*[httpx.Request(method, f"http://broker.example{path}/x/y") for method, path in at.every()]):
        assert is_problem(answer) == "not-found"


def test_another_method_is_not_allowed(at: At) -> None:
    asked = [(path, method) for path, methods in at.routes.items() for method in sorted(METHODS - {"HEAD"} - methods)]
    answers = at.ask(*[httpx.Request(method, f"http://broker.example{path}") for path, method in asked])
    for (path, _), answer in zip(asked, answers, strict=True):
        assert is_problem(answer) == "method-not-allowed"
        assert answer.headers["allow"], path


@pytest.mark.parametrize(
    "body", [b"{", b"\xff", b"[" * 100_000, b'"a"', b"null", b'{"bytes": -1}', b'{"a": "\\ud800"}']
)
def test_a_body_that_makes_no_sense_is_refused(at: At, body: bytes) -> None:
    asked = [(method, path) for method, path in at.every() if method != "GET"]
    answers = at.ask(*[at.signed(method, path, body) for method, path in asked])
    for (_, path), answer in zip(asked, answers, strict=True):
        if not path.endswith(("/runs", "/complete")):  # these take nothing of the body
            assert is_problem(answer), path


def test_a_body_that_is_too_large_is_refused(at: At) -> None:
    body = bytes(SMALL_BODY + 1)
    asked = [(method, path) for method, path in at.every() if path not in OPEN]
    answers = at.ask(*[at.signed(method, path, body) for method, path in asked])
    for (_, path), answer in zip(asked, answers, strict=True):
        # A part has the size that was announced, and of this upload nothing was.
        assert is_problem(answer) == ("not-found" if path.endswith("/parts/0") else "too-large"), path


def test_who_has_not_signed_is_refused_everywhere(at: At) -> None:
    asked = [(method, path) for method, path in at.every() if path not in OPEN]
    for answer in at.ask(*[httpx.Request(method, f"http://broker.example{path}") for method, path in asked]):
        assert is_problem(answer) in {"unauthenticated", "document-refused"}  # an agreement brings who signs


@pytest.mark.parametrize("nul", ["%00", "a%00b"])
def test_a_nul_byte_is_refused_wherever_it_stands(at: At, nul: str) -> None:
    """PostgreSQL takes none in a text, SQLite does."""
    paths = [f"/v1/agreements/{nul}", f"/v1/runs/{nul}", f"{at.scene.path}/contributions/{nul}"]
    paths += [f"{at.scene.path}/uploads/{nul}/parts/{nul}"]
    paths += [f"{at.scene.path}/log/checkpoint?since={nul}", f"{at.scene.path}?{nul}"]
    for answer in at.ask(*[at.signed("PUT" if "uploads" in path else "GET", path) for path in paths]):
        assert is_problem(answer) == "bad-request"


def test_no_kind_is_there_for_nothing() -> None:
    """Statuses are those of errors, names are words, and each says what to do."""
    for kind in KINDS.values():
        assert 400 <= kind.status < 600
        assert kind.name.replace("-", "").isalpha()
        assert kind.means.endswith(".")
        assert kind.to_do.endswith(".")
