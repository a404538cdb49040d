"""The broker of a rehearsal: the real command, started and stopped."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from encoder.workspace import Workspace
from services.broker.errors import BrokerError
from services.rehearsal.party import gather, write_identity
from services.rehearsal.server import running_broker


@pytest.fixture
def home(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "broker")


def test_it_answers_while_it_runs_and_not_afterwards(home: Workspace) -> None:
    identity = gather([]).broker
    passphrase = write_identity(home, identity)
    with httpx.Client(trust_env=False) as http:
        with running_broker(home.root, passphrase=passphrase) as url:
            assert http.get(f"{url}/healthz").json() == {"status": "ok"}
            assert http.get(f"{url}/v1/card").json() == identity.card.to_json()
        with pytest.raises(httpx.TransportError):
            http.get(f"{url}/healthz")
    log = (home.root / "broker.log").read_text()
    said = [line for line in map(json.loads, log.splitlines()) if line["event"] not in ("code ready", "request")]
    assert [line["event"] for line in said] == ["broker started"]
    assert (said[0]["broker"], said[0]["fingerprint"]) == ("broker", identity.card.fingerprint)
    assert passphrase not in log


def test_a_wrong_passphrase_is_said_to_be_wrong(home: Workspace) -> None:
    write_identity(home, gather([]).broker)
    with pytest.raises(BrokerError, match="did not come up") as refusal, running_broker(home.root, passphrase="x" * 20):
        pass
    assert refusal.value.where == str(home.root / "broker.log")
    log = (home.root / "broker.log").read_text()
    assert "The identity does not open: the passphrase is wrong" in log
    assert "Traceback" not in log
    assert not list(home.root.glob("*.sqlite*"))


def test_an_identity_file_that_is_none_is_refused(home: Workspace) -> None:
    home.root.mkdir()
    home.identity.write_text("{}")
    with pytest.raises(BrokerError, match="did not come up"), running_broker(home.root, passphrase="x" * 20):
        pass
    assert "This is not an identity file" in (home.root / "broker.log").read_text()
