"""What every answer has: a request id, headers that keep browsers and caches out, and a word on readiness."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import httpx
import pytest

from services.broker.app import open_office
from services.broker.front import readiness
from services.broker.front.headers import request_id_of
from services.broker.settings import Settings
from services.broker.store.database import Store
from services.broker.store.schema import new_enough, versions
from services.rehearsal.party import gather
from tests.asgi import answers_of
from tests.broker import Broker
from tests.moved import move
from tests.postgres import postgres
from tests.seen import refused
from tests.stage import Scene, send


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/v1/card", "/v1/runs/x", "/nothing"])
def test_every_answer_keeps_browsers_and_caches_out(broker: Broker, path: str) -> None:
    headers = send(httpx.Request("GET", broker.url + path)).headers
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert headers["referrer-policy"] == "no-referrer"
    assert "strict-transport-security" not in headers, "only where there is TLS"
    assert "server" not in headers


def test_a_signed_answer_has_them_too(scene: Scene) -> None:
    headers = scene.ask(scene.cast.holders["north"], "GET", scene.path).headers
    assert headers["cache-control"] == "no-store"
    assert len(headers["x-request-id"]) == 32


def test_a_request_id_of_the_caller_is_kept(broker: Broker) -> None:
    for given in ("0123456789abcdef" * 2, "123e4567-e89b-12d3-a456-426614174000"):
        answer = send(httpx.Request("GET", f"{broker.url}/nothing", headers={"X-Request-ID": given}))
        assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["9434765919"],  # an NHS number
        ["943 476 5919"],
        ["A801200001001"],  # a UPN
        ["jane.citizen"],
        ["a" * 31],
        ["a" * 33],
        ["A" * 32],
        ["٣" * 32],
        ["a" * 32 + "\n"],
        ["{123e4567-e89b-12d3-a456-426614174000}"],
        ["123e4567e89b-12d3-a456-426614174000"],
        ["a" * 32, "a" * 32],
    ],
)
def test_what_is_not_of_the_one_shape_is_not_taken(given: list[str]) -> None:
    assert request_id_of(given, lambda size: b"\x01" * size) == "01" * 16


def test_a_broker_that_can_serve_says_so(broker: Broker) -> None:
    answer = send(httpx.Request("GET", f"{broker.url}/readyz"))
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


def test_a_broker_whose_storage_cannot_be_written_is_not_ready(broker: Broker) -> None:
    quarantine = broker.home / "storage" / "quarantine"
    aside = quarantine.with_name("aside")
    quarantine.mkdir(parents=True, exist_ok=True)
    quarantine.rename(aside)
    try:
        quarantine.write_bytes(b"")  # a file where a folder must be
        answer = send(httpx.Request("GET", f"{broker.url}/readyz"))
    finally:
        quarantine.unlink()
        aside.rename(quarantine)
    assert refused(answer, 503, "not-ready")
    assert answer.json()["failing"] == ["storage"]
    assert answer.headers["retry-after"] == "5"
    assert str(broker.home) not in answer.text


def test_older_tables_are_not_ready_and_newer_ones_are(store: Store) -> None:
    """While a newer broker takes over, the one that it replaces goes on serving."""
    assert store.answers()
    assert not store.is_migrated()
    store.migrate()
    assert store.is_migrated()
    for older in versions()[:-1]:
        assert not new_enough(older)
    move(store, versions()[-2], up=False)
    assert not store.is_migrated()
    store.migrate()
    with store.transaction("as a later version would") as connection:
        connection.exec_driver_sql("UPDATE schema_version SET version_num = '9999'")
    assert store.is_migrated()


def test_readiness_waits_for_no_writer(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'broker.sqlite'}")
    try:
        store.migrate()
        with store.transaction("hold the write lock"):
            assert store.answers()
            assert store.is_migrated()
    finally:
        store.close()


def test_a_database_that_is_away_or_whose_password_cannot_be_read_is_told_by_name_alone(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("not asked for")
    with postgres() as server:
        settings = {"home": tmp_path, "database_url": server.make_database(), "database_password_file": password}
        office = open_office(Settings.model_validate(settings), gather([]).broker)
        with closing(office.store):
            assert readiness.failing(office) == ["worker"], "nobody is at work in this process"
            server.stop()
            assert readiness.failing(office) == ["database", "migrations", "worker"]
            server.start()
            assert readiness.failing(office) == ["worker"]
            password.unlink()
            office.store.engine.dispose()
            (answer,) = answers_of(office, httpx.Request("GET", "http://broker.example/readyz"))
    assert refused(answer, 503, "not-ready")
    assert answer.json()["failing"] == ["database", "migrations", "worker"]
    assert str(tmp_path) not in answer.text
