"""The page of metrics is on a port of its own, on this machine or behind a token."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest
from prometheus_client import CollectorRegistry, Counter
from pydantic import ValidationError

from services.broker.errors import BrokerError
from services.broker.watch.port import load_token, metrics_served
from services.broker.watch.settings import WatchSettings
from services.rehearsal.server import free_port
from tests.stage import Scene

TOKEN = "t" * 31 + "!"


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def registry() -> CollectorRegistry:
    made = CollectorRegistry()
    Counter("counterfoil_things", "Things.", registry=made).inc()
    return made


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


def ask(url: str, **headers: str) -> httpx.Response:
    with httpx.Client(trust_env=False) as http:
        return http.get(url, headers=headers)


def test_it_is_served_on_this_machine_while_it_is_wanted(port: int, registry: CollectorRegistry) -> None:
    url = f"http://127.0.0.1:{port}"
    with metrics_served(WatchSettings(metrics_port=port), registry):
        answer = ask(f"{url}/metrics")
        assert answer.status_code == 200
        assert "counterfoil_things_total 1.0" in answer.text
        assert answer.headers["server"] == "counterfoil"
        for path in ("/", "/metrics/", "/v1/card", "/healthz"):
            assert (ask(url + path).status_code, ask(url + path).content) == (404, b"")
    with pytest.raises(httpx.TransportError):
        ask(f"{url}/metrics")


def test_only_who_shows_the_token_reads(port: int, registry: CollectorRegistry, token_file: Path) -> None:
    url = f"http://127.0.0.1:{port}/metrics"
    with metrics_served(WatchSettings(metrics_port=port, metrics_token_file=token_file), registry):
        for shown in ("", "Bearer", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", TOKEN, f"bearer {TOKEN}"):
            answer = ask(url, **({"Authorization": shown} if shown else {}))
            assert (answer.status_code, answer.content) == (401, b"")
        assert ask(url, Authorization=f"Bearer {TOKEN}").status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "broker.example"])  # noqa: S104 - refused
def test_another_address_needs_a_token(host: str, token_file: Path) -> None:
    with pytest.raises(BrokerError, match="open to whoever"):
        load_token(WatchSettings(metrics_host=host))
    assert load_token(WatchSettings(metrics_host=host, metrics_token_file=token_file)) == TOKEN.encode()


def test_a_short_or_missing_token_is_refused(tmp_path: Path) -> None:
    short = tmp_path / "short"
    short.write_text(f"{TOKEN[1:]}\n")
    with pytest.raises(BrokerError, match="fewer than 32") as caught:
        load_token(WatchSettings(metrics_token_file=short))
    assert TOKEN[1:] not in str(caught.value)
    with pytest.raises(BrokerError, match="cannot be read"):
        load_token(WatchSettings(metrics_token_file=tmp_path / "none"))


def test_a_port_that_is_taken_is_said(port: int, registry: CollectorRegistry) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with (
            pytest.raises(BrokerError, match="cannot be opened"),
            metrics_served(WatchSettings(metrics_port=port), registry),
        ):
            pass


def test_without_a_port_there_is_nothing(registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket.socket, "bind", lambda *_: pytest.fail("nothing was to be bound"))
    with metrics_served(WatchSettings(), registry):
        pass


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_is_one(port: int) -> None:
    with pytest.raises(ValidationError):
        WatchSettings(metrics_port=port)


def test_the_port_of_the_parties_has_no_metrics(scene: Scene) -> None:
    assert ask(f"{scene.broker.url}/metrics").status_code == 404
    assert scene.ask(scene.cast.holders["north"], "GET", "/metrics").status_code == 404
