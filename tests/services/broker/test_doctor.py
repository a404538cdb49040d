"""``counterfoil-broker doctor``: it names what is wrong with a deployment, and leaves everything as it was."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from services.broker.doctor.machine import OTHERS, OURS
from services.broker.store.database import Store
from services.cli import app
from tests.broker import Broker
from tests.doors import drawn, identity
from tests.imported import packages
from tests.s3 import BUCKET, s3_server
from tests.stage import MakeScene
from tests.tls import DAY, Authority

Told = dict[str, dict[str, Any]]
PASSPHRASE = "a passphrase of the tests"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in the folder of the sources, which doctor would say."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A broker's home before its first start."""
    place = tmp_path / "home"
    place.mkdir(mode=0o700)
    (place / "identity.json").write_bytes(identity("broker").lock(PASSPHRASE, random=drawn("lock")))
    (place / "identity.json").chmod(0o600)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    return place


def doctor(home: Path, *words: str, code: int = 0, database: str | None = None) -> Told:
    """What is found, by name; of another database than the one in the home if that is named."""
    named = {} if database is None else {"COUNTERFOIL_BROKER_DATABASE_URL": database}
    done = CliRunner().invoke(app, ["doctor", "--home", str(home), *words, "--json"], env=named)
    assert done.exit_code == code, done.output
    told = json.loads(done.stdout)
    assert told["well"] is (code == 0)
    assert PASSPHRASE not in done.output
    return {one["name"]: one for one in told["findings"]}


def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(home: Path) -> None:
    found = doctor(home, "--passphrase-file", str(home.parent / "passphrase"))
    assert found["identity"]["found"].endswith("it opens")
    assert found["database"]["found"] == "not there yet"
    assert not [path for path in home.rglob("*") if path.is_file() and path.name != "identity.json"]


def test_the_table_for_people_says_the_same(home: Path) -> None:
    lines = CliRunner().invoke(app, ["doctor", "--home", str(home)]).stdout.splitlines()
    found = doctor(home)
    for name, one in found.items():
        mark = ("WRONG" if one["blocks"] else "look") if one["remedy"] else "ok"
        assert f"{mark:<6}{name:<16}{one['found']}" in lines
        assert not one["remedy"] or f"      {one['remedy']}" in lines
    assert lines[-1] == f"0 wrong, {sum(bool(one['remedy']) for one in found.values())} to look at"


def test_a_running_broker_is_well_and_its_identity_is_not_asked_for(broker: Broker, make_scene: MakeScene) -> None:
    make_scene()
    found = doctor(broker.home, database=broker.settings.database_url)
    assert "not opened" in found["identity"]["found"]
    assert found["workers"]["found"] == "1 at work (broker)"
    assert found["tables"]["remedy"] == ""
    assert "every receiving key is here" in found["agreements"]["found"]


def test_a_home_of_another_broker_and_lost_keys_are_found(broker: Broker, make_scene: MakeScene, home: Path) -> None:
    make_scene()
    found = doctor(home, code=1, database=broker.settings.database)
    assert "another broker's card" in found["agreements"]["found"]
    shutil.copyfile(broker.home / "identity.json", home / "identity.json")
    found = doctor(home, code=1, database=broker.settings.database)
    assert "no receiving key here" in found["agreements"]["found"]


def test_files_that_others_can_read_are_wrong(home: Path) -> None:
    (home / "identity.json").chmod(0o604)
    assert "chmod 0600" in doctor(home, code=1)["permissions"]["remedy"]
    (home / "identity.json").chmod(0o640)
    assert doctor(home)["permissions"]["blocks"] is False


@pytest.mark.parametrize("content", [b"{}", b"not json", None])
def test_an_identity_that_does_not_open_is_wrong(home: Path, content: bytes | None) -> None:
    if content is None:
        (home.parent / "passphrase").write_text("another passphrase")
        found = doctor(home, "--passphrase-file", str(home.parent / "passphrase"), code=1)
        assert "passphrase is wrong" in found["identity"]["found"]
    else:
        (home / "identity.json").write_bytes(content)
        assert "identity" in doctor(home, code=1)["identity"]["found"]


def test_settings_that_cannot_be_read_are_named_without_their_values(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COUNTERFOIL_BROKER_MEMORY_MB", "hunter2")
    found = doctor(home, code=1)["settings"]
    assert found["found"].startswith("COUNTERFOIL_BROKER_MEMORY_MB: ")
    assert "hunter2" not in json.dumps(found)


def test_tables_of_another_version_are_told(home: Path) -> None:
    with closing(Store(f"sqlite:///{home / 'broker.sqlite'}")) as store:
        store.engine.connect().close()
        assert doctor(home)["tables"]["found"] == "none yet"
        store.migrate()
        with store.transaction("make older") as connection:
            connection.execute(text("UPDATE schema_version SET version_num = '0001'"))
        assert "upgrade-a-broker" in doctor(home)["tables"]["remedy"]
        with store.transaction("make newer") as connection:
            connection.execute(text("UPDATE schema_version SET version_num = '9999'"))
        assert "does not know" in doctor(home, code=1)["tables"]["found"]


def test_a_database_that_cannot_be_reached_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_URL", "postgresql+psycopg://broker@127.0.0.1:1/broker")
    assert "cannot be used" in doctor(home, code=1)["database"]["found"]
    monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_PASSWORD_FILE", str(home / "missing"))
    assert "cannot be read" in doctor(home, code=1)["database"]["found"]
    monkeypatch.setenv("COUNTERFOIL_BROKER_DATABASE_URL", "postgresql+psycopg://broker:hunter2@127.0.0.1:1/broker")
    assert "holds a password" in doctor(home, code=1)["database"]["found"]


def test_a_disk_without_room_for_one_upload_is_wrong(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERFOIL_BROKER_MAXIMUM_UPLOAD_MB", str(1 << 40))
    assert "less than one upload" in doctor(home, code=1)["room"]["found"]


def test_room_is_looked_for_where_files_lie(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = home.parent / "full"
    full.mkdir()
    monkeypatch.setattr("shutil.disk_usage", lambda of: SimpleNamespace(free=0 if of == full else 1 << 50, total=1))
    assert doctor(home)["room"]["remedy"] == ""
    monkeypatch.setenv("COUNTERFOIL_BROKER_STORAGE_URL", full.as_uri())
    assert "less than one upload" in doctor(home, code=1)["room"]["found"]


def test_an_object_storage_is_tried_and_left_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as bucket:
        monkeypatch.setenv("COUNTERFOIL_BROKER_STORAGE_URL", f"s3://{BUCKET}/broker")
        monkeypatch.setenv("COUNTERFOIL_BROKER_STORAGE_OPTIONS", str(bucket.options(home / "options.toml")))
        assert doctor(home)["storage"]["found"] == "a file was written, read and removed"
        assert any(method == "PUT" for method, _, _ in bucket.asked)
        assert bucket.objects == {}
        bucket.room = 0
        assert doctor(home, code=1)["storage"]["found"] == "it cannot be used"
        bucket.options(home / "options.toml", secret="a wrong secret")
        told = doctor(home, code=1)["storage"]
        assert told["found"] == "it cannot be used"
        assert "wrong secret" not in str(told)
    monkeypatch.setenv("COUNTERFOIL_BROKER_STORAGE_URL", "s3://AKIA:hunter2@bucket/broker")
    told = doctor(home, code=1)["storage"]
    assert "may not hold credentials" in str(told)
    assert "hunter2" not in str(told)


def test_a_storage_that_cannot_be_written_is_wrong(home: Path) -> None:
    (home / "storage").write_text("a file where a folder should be")
    assert doctor(home, code=1)["storage"]["found"] == "it cannot be used"


def test_every_package_that_doctor_looks_at_is_one_that_the_broker_imports() -> None:
    assert set(OTHERS) <= packages(["keys", "matcher", "services/broker"]) - sys.stdlib_module_names
    assert set(OURS) == {"keys", "encoder", "matcher", "services"}


@contextmanager
def door(authority: Authority, *, metrics: int, **valid: timedelta) -> Iterator[str]:
    """Something with TLS that is well but for what is given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(metrics if self.path == "/metrics" else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.socket = authority.context("127.0.0.1", **valid).wrap_socket(listening.socket, server_side=True)
        listening.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"https://127.0.0.1:{listening.server_port}"
        finally:
            listening.shutdown()
            thread.join()


def test_a_certificate_of_the_brokers_own_is_tried(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "own TLS" not in doctor(home), "a proxy has it"
    both = Authority(home.parent, "own").issue("broker.example")
    monkeypatch.setenv("COUNTERFOIL_BROKER_TLS_CERTIFICATE", str(both))
    assert doctor(home, code=1)["own TLS"]["found"] == "TLS needs a certificate and a key."
    monkeypatch.setenv("COUNTERFOIL_BROKER_TLS_KEY", str(home / "missing"))
    assert "cannot be used" in doctor(home, code=1)["own TLS"]["found"]
    monkeypatch.setenv("COUNTERFOIL_BROKER_TLS_KEY", str(both))
    assert doctor(home)["own TLS"]["blocks"] is False


def test_what_is_wrong_with_the_door_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = Authority(home.parent, "authority")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with door(authority, metrics=200, until=29 * DAY) as url:
        assert "not trusted" in doctor(home, "--url", url, code=1)["certificate"]["found"]
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        found = doctor(home, "--url", url, code=1)
    assert "everybody can read" in found["metrics"]["found"]
    assert found["HSTS"]["blocks"] is False
    assert "(28 days)" in found["certificate"]["found"]
    with door(authority, metrics=404, since=-2 * DAY, until=-DAY) as url:
        assert "expired" in doctor(home, "--url", url, code=1)["certificate"]["found"]
    with door(authority, metrics=404, until=60 * DAY) as url:
        assert doctor(home, "--url", url)["certificate"]["remedy"] == ""
    assert "not https" in doctor(home, "--url", "http://broker.example", code=1)["door"]["found"]
