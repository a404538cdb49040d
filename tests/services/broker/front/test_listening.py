"""How a broker is reached: with TLS of its own, or under a prefix of a proxy that it trusts and nobody else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from keys.canonical import canonical
from keys.errors import CounterfoilError
from services.broker.front.listening import tls_context, words_for_uvicorn
from services.broker.settings import Settings
from tests.broker import Broker, started
from tests.nginx import nginx
from tests.seen import refused
from tests.services import pages
from tests.stage import Scene, contribution, send
from tests.tls import Authority

PREFIX = "/counterfoil"
HTTPS = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "authority")


@pytest.fixture(scope="module")
def with_tls(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("tls")
    both = authority.issue("127.0.0.1", passphrase="Schlüssel 1")
    (folder / "passphrase").write_text("Schlüssel 1\n", encoding="utf-8")
    files = {"tls_certificate": both, "tls_key": both, "tls_key_passphrase_file": folder / "passphrase"}
    trusting = ssl.create_default_context(cafile=str(authority.file))
    with started(folder / "home", work=False, trusting=trusting, **files) as broker:
        yield broker


def test_parties_reach_a_broker_that_speaks_tls_itself(
    with_tls: Broker, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with closing(Scene.of(with_tls, tmp_path)) as scene:
        scene.open()
        assert scene.door_of("north").get(scene.path)["agreement"] == scene.agreement.to_json()


def test_tls_1_2_is_the_oldest_that_is_spoken(with_tls: Broker, authority: Authority) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with httpx.Client(trust_env=False, verify=context) as http:
        answer = http.get(f"{with_tls.url}/healthz")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"
    assert "server" not in answer.headers
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    port = int(with_tls.url.rsplit(":", 1)[1])
    with socket.create_connection(("127.0.0.1", port)) as plain, pytest.raises(ssl.SSLError):
        context.wrap_socket(plain, server_hostname="127.0.0.1")


def test_nothing_plain_is_answered_where_there_is_tls(with_tls: Broker) -> None:
    with httpx.Client(trust_env=False) as http, pytest.raises(httpx.TransportError):
        http.get(with_tls.url.replace("https", "http") + "/healthz")


def locked(authority: Authority, folder: Path) -> Settings:
    both = authority.issue("locked.example", passphrase="right")
    return Settings(home=folder, tls_certificate=both, tls_key=both)


def wrongly_unlocked(authority: Authority, folder: Path) -> Settings:
    (folder / "passphrase").write_text("wrong")
    both = authority.issue("locked.example", passphrase="right")
    return Settings(home=folder, tls_certificate=both, tls_key=both, tls_key_passphrase_file=folder / "passphrase")


def of_another(authority: Authority, folder: Path) -> Settings:
    one, other = authority.issue("one.example"), authority.issue("other.example")
    return Settings(home=folder, tls_certificate=one, tls_key=other)


def missing(authority: Authority, folder: Path) -> Settings:
    both = authority.issue("one.example")
    return Settings(home=folder, tls_certificate=both, tls_key=folder / "missing")


def half(authority: Authority, folder: Path) -> Settings:
    return Settings(home=folder, tls_certificate=authority.issue("one.example"))


def without_passphrase(authority: Authority, folder: Path) -> Settings:
    both = authority.issue("one.example")
    return Settings(home=folder, tls_certificate=both, tls_key=both, tls_key_passphrase_file=folder / "missing")


@pytest.mark.parametrize("made", [locked, wrongly_unlocked, of_another, missing, half, without_passphrase])
def test_a_certificate_that_cannot_be_used_is_said_before_anything_is_served(
    made: Callable[[Authority, Path], Settings], authority: Authority, tmp_path: Path
) -> None:
    with pytest.raises(CounterfoilError) as caught:
        words_for_uvicorn(made(authority, tmp_path))
    assert caught.value.remedy
    assert "right" not in str(caught.value)


def test_without_settings_for_it_there_is_no_tls(tmp_path: Path) -> None:
    assert tls_context(Settings(home=tmp_path)) is None


@pytest.fixture(scope="module")
def behind(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, Broker]]:
    """One broker as parties reach it, under the prefix of a proxy, and as the proxy does."""
    settings: dict[str, Any] = {"root_path": PREFIX, "trusted_proxies": "127.0.0.0/8"}
    settings |= {"unsigned_requests_per_second": 0.001, "unsigned_requests_at_once": 2}
    with (
        started(tmp_path_factory.mktemp("behind"), work=False, **settings) as broker,
        nginx(
            upstream=broker.url.removeprefix("http://"), certificate=authority.issue("127.0.0.1"), prefix=PREFIX
        ) as port,
    ):
        yield Broker(broker.identity, broker.settings, f"https://127.0.0.1:{port}{PREFIX}"), broker


def test_a_broker_under_a_prefix_is_signed_for_and_told_of_with_the_prefix(
    behind: tuple[Broker, Broker], authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    context = ssl.create_default_context(cafile=str(authority.file))
    with closing(Scene.of(behind[0], tmp_path)) as scene, httpx.Client(trust_env=False, verify=context) as http:
        north, south = scene.cast.holders.values()
        request = scene.request(north, "POST", "/v1/agreements", canonical(scene.agreement.to_json()))
        answer = http.send(request)
        assert (answer.status_code, answer.headers["location"]) == (201, PREFIX + scene.path)
        where = httpx.URL(behind[0].url).join(answer.headers["location"])
        assert str(where) == behind[0].url + scene.path
        found = http.send(scene.request(north, "GET", scene.path))
        assert found.json()["agreement"] == scene.agreement.to_json()
        sealed = contribution(scene, north, south)
        assert http.send(scene.request(north, "PUT", f"{scene.path}/contributions/south", sealed)).status_code == 201


def test_a_signature_for_another_path_than_the_whole_is_refused(
    behind: tuple[Broker, Broker], authority: Authority, tmp_path: Path
) -> None:
    context = ssl.create_default_context(cafile=str(authority.file))
    bare = Broker(behind[0].identity, behind[0].settings, behind[0].url.removesuffix(PREFIX))
    with closing(Scene.of(bare, tmp_path)) as scene, httpx.Client(trust_env=False, verify=context) as http:
        signed = scene.request(scene.cast.holders["north"], "GET", scene.path)
        under = httpx.Request("GET", behind[0].url + scene.path, headers=signed.headers)
        refused(http.send(under), 401, "unauthenticated")


def unsigned(broker: Broker, **headers: str) -> httpx.Response:
    return send(httpx.Request("GET", f"{broker.url}/v1/runs/x", headers=headers))


def test_the_word_of_a_trusted_proxy_counts_for_scheme_and_address(behind: tuple[Broker, Broker]) -> None:
    one = {**HTTPS, "X-Forwarded-For": "192.0.2.1"}
    assert "strict-transport-security" in unsigned(behind[1], **one).headers
    refused(unsigned(behind[1], **one), 401, "unauthenticated")
    refused(unsigned(behind[1], **one), 429, "rate-limited")
    refused(unsigned(behind[1], **{"X-Forwarded-For": "198.51.100.7, 192.0.2.1"}), 429, "rate-limited")
    refused(unsigned(behind[1], **{"X-Forwarded-For": "192.0.2.2"}), 401, "unauthenticated")


def test_nobody_elses_word_counts(broker: Broker) -> None:
    assert "strict-transport-security" not in unsigned(broker, **HTTPS).headers


@pytest.mark.parametrize(
    "wrong",
    [
        {"root_path": "counterfoil"},
        {"root_path": "/counterfoil/"},
        {"root_path": "/a b"},
        {"trusted_proxies": "*"},
        {"trusted_proxies": "proxy.example"},
        {"trusted_proxies": "10.0.0.1/8"},
    ],
)
def test_what_is_no_prefix_or_no_address_is_refused(wrong: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(home=tmp_path, **wrong)  # type: ignore[arg-type]


def test_the_page_of_settings_is_the_table() -> None:
    assert pages.SETTINGS.read_text(encoding="utf-8") == pages.settings()
    assert all(field.description for field in Settings.model_fields.values())
