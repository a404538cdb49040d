"""``counterfoil doctor``: it names what is wrong on a machine and what to do, and gives no credentials away."""

from __future__ import annotations

import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from encoder.cli import app
from encoder.cli.doctor import OTHERS
from tests.broker import Broker
from tests.imported import packages
from tests.tls import Authority

Told = dict[str, dict[str, str]]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in the folder of the sources, which doctor would say."""
    monkeypatch.chdir(tmp_path)


def doctor(*words: str, code: int = 0) -> Told:
    """What is found, by name."""
    done = CliRunner().invoke(app, ["doctor", *words, "--json"])
    assert done.exit_code == code, done.output
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["well"] is (code == 0)
    return {one["name"]: one for one in told["findings"]}


def test_on_a_good_machine_nothing_is_wrong(tmp_path: Path) -> None:
    found = doctor()
    assert {one["remedy"] for one in found.values()} == {""}
    assert found["numpy"]["found"] == f"{np.__version__} {Path(np.__file__).parent}"
    assert found["encoder"]["found"] == str(Path(__file__).parents[2] / "encoder")
    assert found["working folder"]["found"] == str(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_package_that_the_tool_imports_is_looked_at() -> None:
    strangers = packages(["keys", "encoder"]) - sys.stdlib_module_names - {"_typeshed"}
    assert strangers == {"keys", "encoder", *OTHERS}
    assert strangers <= set(doctor())


def test_the_table_for_people_says_the_same() -> None:
    done = CliRunner().invoke(app, ["doctor"])
    lines = done.stdout.splitlines()
    assert (done.exit_code, lines[-1]) == (0, "Nothing wrong was found.")
    for name, one in doctor().items():
        assert f"ok    {name:<26}{one['found']}" in lines


def test_a_proxy_is_named_without_its_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://analyst:hunter2@proxy.example:8080/path")
    monkeypatch.setenv("http_proxy", "proxy.example")
    found = doctor()
    assert set(found["proxies"]["found"].split(", ")) == {"https: proxy.example:8080", "http: proxy.example"}
    said = CliRunner().invoke(app, ["doctor"]).output
    assert not {"analyst", "hunter2"} & set(said.replace(":", " ").replace("@", " ").split())


@pytest.mark.parametrize("address", ["http://[", "http://user:secret@proxy.example:port", "secret@"])
def test_a_proxy_that_cannot_be_read_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("https_proxy", address)
    assert "secret" not in doctor()["proxies"]["found"]


def test_a_folder_that_cannot_be_written_to_is_wrong(tmp_path: Path) -> None:
    found = doctor("--folder", str(tmp_path / "missing"), code=1)
    assert "Make the folder" in found["working folder"]["remedy"]
    said = CliRunner().invoke(app, ["doctor", "--folder", str(tmp_path / "missing")]).stdout
    assert "WRONG working folder" in said
    assert said.endswith("1 wrong\n")


def test_packages_of_the_folder_that_one_is_in_are_intruders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(np.__file__).parents[1])
    found = doctor("--folder", str(tmp_path), code=1)
    assert "comes from the folder that you are in" in found["numpy"]["remedy"]
    assert found["encoder"]["remedy"] == ""


def test_a_machine_without_certificates_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    assert "ca-certificates" in doctor(code=1)["TLS trust store"]["remedy"]


def test_a_real_broker_answers_and_its_clock_agrees(broker: Broker, tmp_path: Path) -> None:
    found = doctor("--broker", broker.url)
    assert found["broker"]["found"] == f"{broker.url}/healthz answers"
    assert found["clock"]["remedy"] == ""


@contextmanager
def server(*, kind: str, off: timedelta = timedelta(), context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Something that answers every request, with a clock that is ``off``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(b'{"status":"ok"}')

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + off, usegmt=True)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        if context:
            listening.socket = context.wrap_socket(listening.socket, server_side=True)
            listening.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http{'s' if context else ''}://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("hours", "words"), [(1, "3,600 s behind the broker's"), (-2, "7,200 s ahead of the broker's")]
)
def test_a_clock_that_is_off_is_wrong(tmp_path: Path, hours: int, words: str) -> None:
    with server(kind="application/json", off=timedelta(hours=hours)) as url:
        found = doctor("--broker", url, code=1)
    number = int(found["clock"]["found"].split()[0].replace(",", ""))
    assert abs(number - abs(hours) * 3600) < 30
    assert found["clock"]["found"].split(" ", 1)[1] == words.split(" ", 1)[1]
    assert "Set the clock" in found["clock"]["remedy"]


def test_a_page_of_a_proxy_is_not_taken_for_a_broker(tmp_path: Path) -> None:
    with server(kind="text/html") as url:
        found = doctor("--broker", url, code=1)
    assert "answered 200, not as a broker does" in found["broker"]["found"]
    assert "sign in" in found["broker"]["remedy"]
    assert "clock" not in found


def test_a_certificate_that_is_not_trusted_is_said_to_be_that(tmp_path: Path) -> None:
    with server(kind="application/json", context=Authority(tmp_path, "inspector").context("127.0.0.1")) as url:
        found = doctor("--broker", url, code=1)
    assert "ask your IT department to put its root certificate" in found["broker"]["remedy"]


def test_a_broker_that_cannot_be_reached_is_wrong(tmp_path: Path) -> None:
    found = doctor("--broker", "http://127.0.0.1:9", code=1)
    assert "cannot be reached" in found["broker"]["found"]
    assert "Check the address" in found["broker"]["remedy"]


@pytest.mark.parametrize("address", ["broker.example", "http://broker.example", "http://["])
def test_what_is_not_a_brokers_address_is_wrong(tmp_path: Path, address: str) -> None:
    found = doctor("--broker", address, code=1)
    assert found["broker"]["found"] == "This is not a broker's address."
    assert "https://" in found["broker"]["remedy"]
