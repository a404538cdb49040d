"""A whole linkage with its errors, at the most verbose level: no line, metric or span says what it must not."""

from __future__ import annotations

import io
import json
import logging
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import numpy as np
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from encoder.ceremony import recall_secret
from encoder.workspace import Workspace
from keys.derive import key_check
from services.broker.match import matching
from services.broker.match.deciding import stored_link_ids
from services.broker.match.inputs import Inputs, Shelf, open_inputs
from services.broker.match.spill import Spill
from services.broker.settings import Settings
from services.broker.watch import logs
from services.broker.watch.fields import METHODS, Admitted
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import free_port, launch, launch_worker
from tests.broker import Broker
from tests.postgres import NewDatabase
from tests.services.broker.watch.collector import Collector, attributes, collecting
from tests.services.broker.watch.searching import Secrets, written_on_purpose
from tests.stage import Scene, children, handles_of, send
from tests.wire import disguises

HOLDERS = ("quornwell", "braskmoor")
BOTH = children(97, seed=31)
ROWS = {"quornwell": BOTH + children(76, seed=32), "braskmoor": BOTH + children(114, seed=33)}
COUNTS = {len(BOTH), *(len(rows) for rows in ROWS.values())}
LINE = {"time", "level", "event", "dropped"}


@dataclass(repr=False)
class Said:
    """What the broker and a worker have said, and what they must not have said."""

    log: bytes
    metrics: list[bytes]
    traces: Collector
    secrets: Secrets

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.splitlines()]

    def families(self) -> list[Metric]:
        return [family for page in self.metrics for family in text_string_to_metric_families(page.decode())]


@pytest.fixture(scope="module")
def said(database: str, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Said]:
    with collecting() as collector:
        yield linked_and_failed(tmp_path_factory, collector, new_database(database))


def linked_and_failed(tmp_path_factory: pytest.TempPathFactory, collector: Collector, settings: dict[str, Any]) -> Said:
    home = Workspace(tmp_path_factory.mktemp("watched"))
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    token = home.root / "metrics.token"
    token.write_text(secrets.token_urlsafe(32))
    ports = [free_port(), free_port()]
    with pytest.MonkeyPatch.context() as environment:
        settings |= {"log_level": "debug", "metrics_port": ports[0], "metrics_token_file": token, "part_kb": 64}
        settings |= {"traces_url": collector.url}
        for name, value in settings.items():
            environment.setenv(f"COUNTERFOIL_BROKER_{name.upper()}", str(value))
        launched = launch(home.root, passphrase=passphrase, work=False)
        environment.setenv("COUNTERFOIL_BROKER_METRICS_PORT", str(ports[1]))
        hand = launch_worker(home.root, "hand", passphrase=passphrase)
        broker = Broker(identity, Settings(home=home.root), launched.url)
    scene = Scene.of(broker, tmp_path_factory.mktemp("scene"), *HOLDERS)
    found = Secrets()
    pages = [f"http://127.0.0.1:{port}/metrics" for port in ports]
    try:
        run = link(scene)
        collect(scene, run, found)
        found.add_texts("passphrase", [passphrase])
        found.add_texts("metrics token", [token.read_text()])
        go_wrong(scene, run, pages[0])
        with httpx.Client(trust_env=False) as http:
            metrics = [http.get(page, headers={"Authorization": f"Bearer {token.read_text()}"}) for page in pages]
        assert [answer.status_code for answer in metrics] == [200, 200]
    finally:
        scene.close()
        launched.stop()
        hand.stop()
    log = b"".join((home.root / name).read_bytes() for name in ("broker.log", "hand.log"))
    return Said(log, [answer.content for answer in metrics], collector, found)


def link(scene: Scene) -> str:
    """Undisturbed, to the last token."""
    scene.open()
    for name, rows in ROWS.items():
        scene.upload(name, rows)
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    return run


def collect(scene: Scene, run: str, found: Secrets) -> None:
    """Everything that nobody may read, from the parties' and the broker's own folders."""
    for name, rows in ROWS.items():
        for field in ("id", "forename", "surname", "postcode", "nhs_number", "date_of_birth"):
            found.add_texts("identifier", (row[field] for row in rows[:40] if len(row[field]) >= 5))
        found.add_bytes("handle", *(row.tobytes() for row in handles_of(scene, name)))
        found.add_texts("token", scene.results(name, run).values[:60])
        holder = scene.holder(name)
        secret = recall_secret(holder.workspace, agreement=scene.agreement, identity=holder.identity)
        found.add_bytes("linkage secret", secret._key)
        found.add_bytes("key check", bytes.fromhex(key_check(secret)))
        found.add_texts("party", [name])
    found.add_bytes("run key", scene.run_key(run).key)
    found.add_bytes("agreement id", bytes.fromhex(scene.agreement.id))
    found.add_bytes("run id", bytes.fromhex(run))
    for one in (*scene.cast.holders.values(), *scene.cast.ig_leads.values(), scene.cast.recipient):
        found.add_bytes("fingerprint of a party", bytes.fromhex(one.card.fingerprint))
    with scene.broker.office() as office:
        found.add_bytes("receiving key", office.receiving_key(scene.agreement.id).seeds())
        found.add_bytes("private key of the broker", scene.broker.identity.receiving.seeds())
        inputs = open_inputs(office, run, Shelf(1 << 30))
        collect_of_run(inputs, found)


def collect_of_run(inputs: Inputs, found: Secrets) -> None:
    for upload in inputs.uploads:
        found.add_bytes("upload id", bytes.fromhex(upload))
    for holder in range(2):
        for name in inputs.names(holder):
            bits = inputs.encodings(holder, name).bits
            found.add_bytes("encoding", *(row.tobytes()[:24] for row in bits[:20] if row[:3].all()))
    for ids in stored_link_ids(inputs.office, inputs.run, inputs.agreement.id, 2):
        found.add_bytes("link id", *(row.tobytes() for row in ids))
    spill = Spill(inputs.office, inputs.run, inputs.agreement.id)
    for task in inputs.plan():
        pairs = matching.find(inputs, task, halt=lambda: None)
        for piece in spill.read(task.number, pairs):
            scores = np.unique(piece.similarity)[:200]
            found.add_scores("score", (float(score) for score in scores))


def go_wrong(scene: Scene, run: str, page: str) -> None:
    """Whatever makes programs say more than they should: at the doors, in a run, in the database."""
    first, row = scene.cast.holders[HOLDERS[0]], ROWS[HOLDERS[0]][0]
    assert scene.put(HOLDERS[0], scene.sealed(HOLDERS[0], rows=20)[:-100]).status_code == 422
    assert scene.put(HOLDERS[0], scene.sealed(HOLDERS[0], manifest={"holder": row["surname"]})).status_code == 422
    forged = scene.request(first, "GET", scene.path)
    forged.headers["signature"] = forged.headers["signature"][:-12] + "AAAAAAAAAA=:"
    assert send(forged).status_code == 401
    place = quote(f"/v1/agreements/{row['nhs_number']}/{row['surname']}?postcode={row['postcode']}")
    assert send(httpx.Request("GET", scene.broker.url + place)).status_code == 404
    send(httpx.Request(row["forename"].upper(), f"{scene.broker.url}{scene.path}"))
    send(httpx.Request("GET", f"{scene.broker.url}/healthz", headers={"x-request-id": row["nhs_number"]}))
    shout(scene.broker.url, f"{row['surname']} {row['nhs_number']}\r\n\r\n")
    shout(page, f"GET /metrics?{row['surname']} HTTP/1.1\r\nAuthorization: Bearer {row['nhs_number']}\r\n\r\n")
    shout(page, f"{row['surname']}\r\n\r\n")
    # A run whose upload cannot be opened fails with a message that has the path of it.
    uploads = scene.broker.home / "storage" / "agreements" / scene.agreement.id / "uploads"
    for file in uploads.iterdir():
        file.unlink()
        file.mkdir()
    lost = scene.start_run()
    scene.status(lost, "failed")
    # A table that is gone fails a request with the words of a statement.
    with scene.broker.tables() as connection:
        connection.exec_driver_sql("ALTER TABLE approvals RENAME TO aside")
    assert scene.ask(first, "GET", f"/v1/runs/{run}").status_code == 500


def shout(url: str, words: str) -> None:
    address = urlsplit(url)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as line:
        line.sendall(words.encode())
        while line.recv(4096):
            time.sleep(0)


KINDS = {"identifier", "handle", "token", "linkage secret", "key check", "party", "run key", "agreement id", "run id"}
KINDS |= {"fingerprint of a party", "receiving key", "private key of the broker", "upload id", "encoding", "link id"}
KINDS |= {"score", "passphrase", "metrics token"}


def test_i5_no_line_of_the_log_says_what_it_must_not(said: Said) -> None:
    assert said.secrets.kinds() == KINDS
    assert said.secrets.within(said.log) == set()


def test_i5_no_metric_says_what_it_must_not(said: Said) -> None:
    assert said.secrets.within(b"".join(said.metrics)) == set()


def test_i5_no_span_says_what_it_must_not(said: Said) -> None:
    assert said.secrets.within(b"".join(said.traces.bodies)) == set()
    told = [attributes(span) for span in said.traces.spans()]
    names = {"http.request.method", "http.route", "http.response.status_code", "counterfoil.request_id"}
    assert {name for one in told for name in one} == names
    assert {200, 201, 202, 401, 404, 422, 500} <= {one["http.response.status_code"] for one in told}
    assert {one["counterfoil.request_id"] for one in told} <= {line.get("request_id") for line in said.lines()}


def test_no_metric_is_a_number_of_rows_or_links(said: Said) -> None:
    """But for numbers of requests and lines, which can be any."""
    for family in said.families():
        if not family.name.startswith(("counterfoil_request", "counterfoil_log_lines")):
            assert not {sample.value for sample in family.samples} & COUNTS, family.name


def test_labels_come_from_closed_sets(said: Said) -> None:
    for family in said.families():
        for sample in family.samples:
            assert set(sample.labels) <= {
                *("method", "route", "status", "le", "outcome", "event", "state", "queue", "phase", "duty", "level"),
                *("what", "version", "python"),
            }
            assert sample.labels.get("method", "GET") in METHODS
    asked = [line["route"] for line in said.lines() if line["event"] == "request"]
    assert {"none", "/healthz", "/v1/agreements/{agreement}", "/v1/runs/{run}"} <= set(asked)


def test_everything_that_went_wrong_was_told(said: Said, database: str) -> None:
    """Otherwise nothing would have been looked through."""
    lines = said.lines()
    assert all(set(line) >= {"time", "level", "event"} for line in lines)
    assert {line.get("library") for line in lines} >= {"alembic", "dbos", "sqlalchemy", "uvicorn"}
    statuses = {line["status"] for line in lines if line["event"] == "request"}
    assert {200, 201, 202, 401, 404, 422, 500} <= statuses
    assert any(line["method"] == "other" for line in lines if line["event"] == "request")
    (stopped,) = [line for line in lines if line["event"] == "run stopped"]
    assert stopped["error"] == "IsADirectoryError"
    assert any("broker/files/storage.py" in place for place in stopped["at"])
    (fallen,) = [line for line in lines if line.get("library") == "uvicorn" and line["level"] == "error"]
    wrong = {"sqlite": "OperationalError", "postgresql": "ProgrammingError"}[database]
    assert fallen["error"] == f"sqlalchemy.exc.{wrong}"
    assert not [line for line in lines if "dropped" in line]
    assert not [line for line in lines if "address" in line]
    counted = {
        (sample.name, *sample.labels.values()): sample.value
        for family in said.families()
        for sample in family.samples
        if sample.value
    }
    assert counted["counterfoil_uploads_total", "accepted"] == 2
    assert counted["counterfoil_uploads_total", "refused"] == 2
    assert counted["counterfoil_run_errors_total",] == 1
    assert counted["counterfoil_runs", "failed"] == counted["counterfoil_runs", "released"] == 1
    assert counted["counterfoil_run_seconds_count", "match"] == 1
    assert counted["counterfoil_tasks_done_total",] > 0


@pytest.mark.parametrize("way", ["hex", "short hex", "base64", "decimal", "repr", "list"])
def test_a_secret_that_is_logged_on_purpose_would_be_found(way: str) -> None:
    for value in (secrets.token_bytes(16), secrets.token_bytes(32), secrets.token_bytes(24)):
        found = Secrets()
        found.add_bytes("it", value)
        line = json.dumps({"event": "upload", "what": written_on_purpose(value)[way]})
        assert found.within(line.encode()) == {"it"}
        assert found.within(json.dumps({"event": "upload"}).encode()) == set()


def test_identifiers_and_scores_on_purpose_would_be_found() -> None:
    found = Secrets()
    found.add_texts("identifier", [BOTH[0]["surname"], BOTH[0]["nhs_number"]])
    found.add_scores("score", [0.7342190385])
    for way in disguises(BOTH[0]["surname"]):
        assert found.within(b"x" + way + b"y") == {"identifier"}
    for line in ("sim 0.73421903", "at 73.4219 %", "0.734219"):
        assert found.within(line.encode()) == {"score"}


@pytest.mark.parametrize("open_door", [False, True])
def test_the_same_search_finds_what_comes_through_a_door_that_is_open(
    said: Said, open_door: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is clean because of its table: without it the very same calls would say it all."""
    handle, surname = secrets.token_bytes(16), BOTH[0]["surname"]
    found = replace(said.secrets, spelled=dict(said.secrets.spelled))
    found.add_bytes("handle on purpose", handle)
    if open_door:
        monkeypatch.setattr(logs, "admit", lambda event, fields: Admitted(str(event), fields, 0))
        monkeypatch.setattr(logs, "facts", lambda error: {"error": repr(error)})
    stream = io.StringIO()
    door = logs.Door(stream, people=False)
    logger = logging.getLogger("counterfoil")
    monkeypatch.setattr(logger, "handlers", [door])
    monkeypatch.setattr(logger, "propagate", False)
    logger.setLevel(logging.DEBUG)
    try:
        logs.say("request", route=f"/v1/handles/{handle.hex()}", status=200)
        logs.say("run stopped", ValueError(f"no row of {surname}"))
        logs.say("a handle", handle=handle.hex())
    finally:
        logger.setLevel(logging.NOTSET)
    assert len(stream.getvalue().splitlines()) == 3
    expected = {"handle on purpose", "identifier"} if open_door else set()
    assert found.within(stream.getvalue().encode()) == expected
