"""Through the proxies and certificates that councils have: what works, and what is said where it does not."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from socket import create_server
from threading import Thread

import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.door import Door
from encoder.errors import BrokerRefused, InputError, Unreachable
from encoder.network import open_client
from encoder.patience import Patience
from encoder.upload import upload
from tests.broker import Broker
from tests.doors import drawn, identity
from tests.proxies import Proxy, running
from tests.stage import MakeScene
from tests.tls import DAY, Authority

pytestmark = pytest.mark.apart_from_database

BROKER = "https://broker.example"
MakeProxy = Callable[..., Proxy]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the machine's proxies nor its certificates."""
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "inspector")


@pytest.fixture
def make_proxy(broker: Broker, authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakeProxy]:
    """A proxy that is set and, unless said otherwise, whose authority IT has installed."""
    with ExitStack() as stack:

        def make(*, trusted: bool = True, user: str = "", password: str = "", status: str = "") -> Proxy:
            upstream = broker.url.removeprefix("http://")
            proxy = stack.enter_context(running(Proxy(authority, upstream, "broker.example", password, status)))
            monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", f"http://{user}"))
            if trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
            return proxy

        yield make


@pytest.fixture
def ask() -> Iterator[Callable[[str], object]]:
    """A request of a stranger: whatever the broker says to it, it has arrived."""
    doors: list[Door] = []

    def send(url: str = BROKER) -> object:
        doors.append(
            Door(
                url,
                identity=identity("council"),
                broker=identity("broker").card.fingerprint,
                now=lambda: datetime.now(UTC),
                random=drawn("network"),
                timeout=20,
            )
        )
        return doors[-1].get("/v1/card")

    yield send
    for door in doors:
        door.close()


Ask = Callable[..., object]


def test_an_upload_goes_through_a_proxy_that_looks_into_tls(make_proxy: MakeProxy, make_scene: MakeScene) -> None:
    """It sees ciphertext and adds lines of its own; signatures over method, path and digest survive that."""
    scene = make_scene()
    workspace = scene.holder("north").workspace
    workspace.upload.write_bytes(scene.sealed("north", rows=1_850))
    proxy = make_proxy()
    door = replace(scene, broker=replace(scene.broker, url=BROKER)).door_of("north")
    told: list[str] = []
    said = upload(
        workspace,
        door,
        agreement=scene.agreement,
        identity=scene.cast.holders["north"],
        patience=Patience(lambda seconds: None, told.append),
    )
    assert (said["rows"], told) == (1_850, [])
    assert proxy.asked[0] == "CONNECT broker.example:443 HTTP/1.1"
    assert any(line.startswith("PUT ") and "/parts/4 " in line for line in proxy.asked)
    assert proxy.passed > workspace.upload.stat().st_size


def test_a_proxy_whose_authority_is_not_installed_is_explained(make_proxy: MakeProxy, ask: Ask) -> None:
    make_proxy(trusted=False)
    with pytest.raises(BrokerRefused, match="certificate is not trusted") as caught:
        ask()
    assert not isinstance(caught.value, Unreachable), "trying again does not help"
    assert "root certificate into the system's trust store" in caught.value.remedy
    assert "SSL_CERT_FILE" in caught.value.remedy
    assert "counterfoil doctor --broker" in caught.value.remedy


def test_a_proxy_that_wants_a_password_is_explained_without_showing_one(make_proxy: MakeProxy, ask: Ask) -> None:
    make_proxy(password="hunter2", user="analyst:wrong-one@")
    with pytest.raises(BrokerRefused, match="407") as caught:
        ask()
    assert not isinstance(caught.value, Unreachable)
    assert "HTTPS_PROXY" in caught.value.remedy
    assert "wrong-one" not in str(caught.value)


def test_a_proxy_gets_the_password_that_is_in_its_address(make_proxy: MakeProxy, ask: Ask) -> None:
    make_proxy(password="hunter2", user="analyst:hunter2@")
    assert ask() is not None


@pytest.mark.parametrize(("status", "later"), [("403 Forbidden", False), ("502 Bad Gateway", True), ("503 Busy", True)])
def test_a_proxy_that_does_not_let_through_is_explained(
    make_proxy: MakeProxy, ask: Ask, status: str, later: bool
) -> None:
    make_proxy(status=status)
    with pytest.raises(BrokerRefused) as caught:
        ask()
    assert isinstance(caught.value, Unreachable) is later
    assert ("IT department to allow" in caught.value.remedy) is not later


def test_a_proxy_is_gone_round_where_no_proxy_says_so(
    make_proxy: MakeProxy, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = make_proxy()
    with pytest.raises(BrokerRefused):
        ask("https://127.0.0.2:9")
    assert len(proxy.asked) == 1
    monkeypatch.setenv("NO_PROXY", "127.0.0.2")
    with pytest.raises(Unreachable):
        ask("https://127.0.0.2:9")
    assert len(proxy.asked) == 1


def test_no_proxy_stands_before_this_computer(make_proxy: MakeProxy, broker: Broker, ask: Ask) -> None:
    proxy = make_proxy()
    assert ask(broker.url) is not None
    assert proxy.asked == []


@pytest.fixture
def server() -> Iterator[Callable[[ssl.SSLContext], str]]:
    """Something at an address of this network that shows a certificate and then says nothing."""
    with ExitStack() as stack:

        def serve(context: ssl.SSLContext) -> str:
            listening = stack.enter_context(create_server(("127.0.0.2", 0)))

            def once() -> None:
                near, _ = listening.accept()
                try:
                    context.wrap_socket(near, server_side=True).close()
                except OSError:
                    near.close()

            thread = Thread(target=once, daemon=True)
            thread.start()
            stack.callback(thread.join)
            return f"https://127.0.0.2:{listening.getsockname()[1]}"

        yield serve


@pytest.mark.parametrize(("since", "until"), [(-2 * DAY, -DAY), (DAY, 2 * DAY)], ids=["over", "to come"])
def test_a_certificate_of_another_time_points_to_the_clock(
    server: Callable[[ssl.SSLContext], str],
    authority: Authority,
    ask: Ask,
    since: timedelta,
    until: timedelta,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with pytest.raises(BrokerRefused, match="certificate is not trusted") as caught:
        ask(server(authority.context("127.0.0.2", since=since, until=until)))
    assert "clock" in caught.value.remedy


def test_a_certificate_for_another_host_is_not_trusted(
    server: Callable[[ssl.SSLContext], str], authority: Authority, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    with pytest.raises(BrokerRefused, match="certificate is not trusted"):
        ask(server(authority.context("elsewhere.example")))


def test_a_file_of_certificates_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    with pytest.raises(InputError, match="no certificate in the file") as caught:
        open_client(BROKER, timeout=1)
    assert caught.value.where == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("trusted", [True, False])
def test_doctor_goes_the_same_way(make_proxy: MakeProxy, tmp_path: Path, trusted: bool) -> None:
    proxy = make_proxy(trusted=trusted)
    said = CliRunner().invoke(app, ["doctor", "--broker", BROKER, "--folder", str(tmp_path)]).stdout
    assert proxy.asked
    assert (f"ok    {'broker':<26}{BROKER}/healthz answers" in said) is trusted
    assert ("its root certificate into the system's trust store" in said) is not trusted
