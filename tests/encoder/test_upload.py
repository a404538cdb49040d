"""An upload goes on where it stopped, and only a receipt that the agreement's broker signed for exactly this file, and
that stands in the log, is a receipt."""

from __future__ import annotations

import hashlib
import secrets
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from encoder.door import Door, Pending
from encoder.errors import BrokerRefused, InputError, NothingThere, Unreachable
from encoder.patience import LONGEST, Patience
from encoder.upload import upload
from encoder.workspace import Workspace
from keys.canonical import canonical, parse
from keys.checkpoint import Checkpoint, sign_checkpoint
from keys.errors import LogError, SignatureError
from keys.identity import Identity
from keys.log import origin_of
from keys.merkle import leaf_hash
from keys.request import digest_header
from keys.statement import declare
from tests.doors import identity, signed, small_terms

AGREEMENT = signed(small_terms())
PART = 30
Facts = dict[str, Any]
Answer = Callable[[str], Any]


def receipt(digest: str, *, signer: str = "broker", kind: str = "receipt", **changes: Any) -> Any:
    facts = {"agreement": AGREEMENT.id, "holder": "council", "content_digest": digest, "upload": "1", "entry": 1}
    return declare(identity(signer), kind, {**facts, **changes}).to_json()


@dataclass
class Broker:
    """Keeps parts in memory. ``faults`` are raised, one at each request, until there are no more; None is none.

    For ``checks`` requests after the last part it says that it is checking.
    """

    answer: Answer = receipt
    part_bytes: int = PART
    parts: dict[int, bytes] = field(default_factory=dict)
    faults: list[Exception | None] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    logged: Facts | None = None
    countersigned: list[str] = field(default_factory=list)
    accepted: Any = None
    state: Any = None
    keeps: bool = True
    checks: int = 0
    retry_after: float = 3

    def door(self) -> Door:
        return InMemory(self)


class InMemory(Door):
    """A door without a network."""

    def __init__(self, broker: Broker) -> None:
        self._at = broker
        self.url = "https://broker.example"

    def _asked(self, method: str, path: str) -> None:
        self._at.asked.append(f"{method} {path.removeprefix(f'/v1/agreements/{AGREEMENT.id}/')}")
        if self._at.faults and (fault := self._at.faults.pop(0)) is not None:
            raise fault

    def put(self, path: str, document: Any) -> Any:
        self._asked("PUT", path.split("/uploads/")[0])
        assert document.keys() == {"bytes"}
        if self._at.state is not None:
            return self._at.state
        if self._at.accepted:
            return {"receipt": self._at.accepted}
        return {"receipt": None, "part_bytes": self._at.part_bytes, "parts": sorted(self._at.parts)}

    def put_bytes(self, path: str, body: bytes) -> Any:
        number = int(path.rsplit("/", 1)[1])
        self._asked("PUT", f"part {number}")
        assert number not in self._at.parts, "what is there is not sent again"
        self._at.parts[number] = body if self._at.keeps else b""
        return {}

    def post(self, path: str, document: Any) -> Any:
        assert path.endswith("/countersignatures")
        self._at.countersigned.append(document["note"])
        return {}

    def outcome(self, method: Literal["GET", "POST"], path: str, *, wait: int) -> Any:
        self._asked(method, "complete" if method == "POST" else "receipt")
        assert path.endswith("/complete" if method == "POST" else "/receipt")
        whole = b"".join(part for _, part in sorted(self._at.parts.items()))
        assert not self._at.keeps or f"/uploads/{hashlib.sha256(whole).hexdigest()}/" in path
        if self._at.checks:
            self._at.checks -= 1
            return Pending(self._at.retry_after)
        self._at.accepted = self._at.answer(digest_header(bytes.fromhex(path.split("/")[-2])))
        return self._at.accepted

    def get(self, path: str) -> Any:
        facts = self._at.logged or self._at.accepted["body"]
        leaf = leaf_hash(canonical(facts))
        checkpoint = sign_checkpoint(Checkpoint(origin_of(AGREEMENT.id), 1, leaf), identity("broker"))
        assert path.endswith("&entry=1")
        return {"checkpoint": checkpoint.note(), "consistency": [], "facts": facts, "inclusion": []}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.upload.write_bytes(secrets.token_bytes(100))
    return made


@dataclass
class Sender:
    """The holder at the keyboard: what was told and how long was waited."""

    told: list[str] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)
    shown: list[tuple[int, int]] = field(default_factory=list)

    def send(self, workspace: Workspace, broker: Broker, who: Identity | None = None) -> Any:
        return upload(
            workspace,
            broker.door(),
            agreement=AGREEMENT,
            identity=who or identity("council"),
            patience=Patience(self.waited.append, self.told.append),
            progress=lambda done, total: self.shown.append((done, total)),
        )


def away(retry_after: float | None = None) -> Unreachable:
    return Unreachable("The broker cannot be reached.", remedy="Check the network.", retry_after=retry_after)


def test_the_file_goes_in_parts_and_the_receipt_is_kept(workspace: Workspace) -> None:
    broker, sender = Broker(), Sender()
    said = sender.send(workspace, broker)
    assert said["upload"] == "1"
    assert [len(part) for _, part in sorted(broker.parts.items())] == [30, 30, 30, 10]
    assert sender.shown == [(0, 100), (30, 100), (60, 100), (90, 100), (100, 100)]
    assert sender.told == []
    assert parse(workspace.receipt.read_bytes(), where="receipt")["body"] == dict(said)


def test_the_holder_countersigns_the_log_that_holds_the_upload(workspace: Workspace) -> None:
    broker = Broker()
    Sender().send(workspace, broker)
    assert broker.countersigned == [workspace.checkpoint.read_text()]


def test_a_log_that_says_something_else_is_not_countersigned(workspace: Workspace) -> None:
    broker = Broker(logged={"upload": "2"})
    with pytest.raises(LogError, match="does not say what"):
        Sender().send(workspace, broker)
    assert broker.countersigned == []
    assert workspace.receipt.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(there=st.sets(st.integers(0, 3)))
def test_only_what_is_missing_is_sent(workspace: Workspace, there: set[int]) -> None:
    data = workspace.upload.read_bytes()
    broker = Broker(parts={number: data[number * PART : (number + 1) * PART] for number in there})
    sender = Sender()
    sender.send(workspace, broker)
    assert broker.asked[1:-1] == [f"PUT part {number}" for number in range(4) if number not in there]
    done = sum(30 if number < 3 else 10 for number in there)
    assert sender.told == ([f"Resuming at {done} %."] if there else [])
    assert sender.shown[0] == (done, 100)


def test_what_was_accepted_is_not_sent_again(workspace: Workspace) -> None:
    broker, sender = Broker(), Sender()
    first = sender.send(workspace, broker)
    broker.asked.clear()
    assert sender.send(workspace, broker) == first
    assert len(broker.asked) == 1
    assert sender.shown[-1] == (100, 100)


def test_a_fault_of_the_network_is_waited_out(workspace: Workspace) -> None:
    broker = Broker(faults=[away(), None, away(), away(7), None, None, None, away(900), None])
    sender = Sender()
    sender.send(workspace, broker)
    assert sender.waited == [1, 1, 7, LONGEST]
    assert sender.told[1:] == [
        "The broker cannot be reached. Trying again in 1 s.",
        "The broker cannot be reached. Trying again in 7 s.",
        "The broker cannot be reached. Trying again in 60 s.",
    ]


def test_it_ends_after_a_few_tries_and_says_to_give_the_command_again(workspace: Workspace) -> None:
    sender = Sender()
    broker = Broker(faults=[None, None, *[away() for _ in range(6)]])
    with pytest.raises(Unreachable) as caught:
        sender.send(workspace, broker)
    assert caught.value.remedy == ("Check the network. Then give the same command again: it goes on where it stopped.")
    assert sender.waited == [1, 2, 4, 8, 16]
    assert sorted(broker.parts) == [0]
    again = Sender()
    again.send(workspace, broker)
    assert again.told == ["Resuming at 30 %."]


def test_a_refusal_is_not_tried_again(workspace: Workspace) -> None:
    sender = Sender()
    with pytest.raises(BrokerRefused, match="expired"):
        sender.send(workspace, Broker(faults=[BrokerRefused("The agreement has expired.", remedy="Make a new one.")]))
    assert sender.waited == []


def gone() -> NothingThere:
    return NothingThere("There is nothing here.", remedy="Check.", where="https://broker.example/elsewhere")


def test_an_upload_that_the_broker_lets_go_of_is_told(workspace: Workspace) -> None:
    with pytest.raises(BrokerRefused, match="let go of this upload"):
        Sender().send(workspace, Broker(faults=[None, None, gone(), gone()]))


def test_an_upload_that_another_process_completes_meanwhile_gives_its_receipt(workspace: Workspace) -> None:
    data = workspace.upload.read_bytes()
    broker = Broker(parts={number: data[number * PART : (number + 1) * PART] for number in range(1, 4)})
    broker.faults = [None, gone()]
    broker.parts[0] = data[:PART]
    broker.state = {"receipt": None, "part_bytes": PART, "parts": []}
    assert Sender().send(workspace, broker)["upload"] == "1"
    assert broker.asked[1:] == ["PUT part 0", "POST complete"]


@pytest.mark.parametrize(
    "state",
    [
        [],
        {},
        {"receipt": None},
        {"receipt": None, "part_bytes": 30},
        {"receipt": None, "part_bytes": 0, "parts": []},
        {"receipt": None, "part_bytes": 1 << 40, "parts": []},
        {"receipt": None, "part_bytes": True, "parts": []},
        {"receipt": None, "part_bytes": 30, "parts": [4]},
        {"receipt": None, "part_bytes": 30, "parts": [-1]},
        {"receipt": None, "part_bytes": 30, "parts": ["0"]},
    ],
)
def test_an_answer_that_is_no_brokers_is_refused(workspace: Workspace, state: Any) -> None:
    broker = Broker(state=state or [None])
    with pytest.raises(BrokerRefused, match="not a broker"):
        Sender().send(workspace, broker)
    assert broker.parts == {}


@pytest.mark.parametrize(
    "wrong",
    [
        lambda digest: receipt(digest_header(bytes(32))),
        lambda digest: receipt(digest, holder="icb"),
        lambda digest: receipt(digest, agreement="0" * 64),
        lambda digest: receipt(digest, entry="1"),
    ],
    ids=["another file", "another holder", "another agreement", "no number in the log"],
)
def test_a_receipt_for_something_else_is_refused(workspace: Workspace, wrong: Answer) -> None:
    with pytest.raises(BrokerRefused, match="another file"):
        Sender().send(workspace, Broker(answer=wrong))
    assert not workspace.receipt.exists()


@pytest.mark.parametrize(
    "forged",
    [
        lambda digest: receipt(digest, signer="recipient"),
        lambda digest: receipt(digest, kind="approval"),
        lambda digest: {"status": "accepted"},
        lambda digest: receipt(digest) | {"body": {**receipt(digest)["body"], "rows": 1}},
    ],
    ids=["signed by another party", "another kind of statement", "not a statement", "changed after signing"],
)
def test_a_forged_receipt_is_refused(workspace: Workspace, forged: Answer) -> None:
    with pytest.raises(SignatureError):
        Sender().send(workspace, Broker(answer=forged))
    assert not workspace.receipt.exists()


TWO_AND_A_HALF_MINUTES = [f"The broker has been checking it for {minutes} min." for minutes in (1, 2)]


def test_the_receipt_is_waited_for_while_the_broker_checks(workspace: Workspace) -> None:
    broker, sender = Broker(checks=30), Sender()
    said = sender.send(workspace, broker)
    assert workspace.receipt.exists()
    assert said["entry"] == 1
    assert broker.asked[-31:] == ["POST complete", *["GET receipt"] * 30]
    assert sender.waited == [3] * 30
    assert sender.told == ["All is sent. The broker is checking it.", *TWO_AND_A_HALF_MINUTES]


def test_a_broker_that_asks_for_a_long_wait_is_asked_again_within_a_minute(workspace: Workspace) -> None:
    sender = Sender()
    sender.send(workspace, Broker(checks=1, retry_after=900))
    assert sender.waited == [LONGEST]


def test_a_refusal_that_comes_after_checking_is_the_brokers_own(workspace: Workspace) -> None:
    refusal = BrokerRefused("The upload is not plausible.", remedy="Encode again.")
    broker, sender = Broker(checks=9, faults=[None] * 6 + [away(), refusal]), Sender()
    with pytest.raises(BrokerRefused, match="not plausible"):
        sender.send(workspace, broker)
    assert not workspace.receipt.exists()
    assert sender.told == [
        "All is sent. The broker is checking it.",
        "The broker cannot be reached. Trying again in 1 s.",
    ]


def test_without_an_upload_file_nothing_is_sent(tmp_path: Path) -> None:
    broker = Broker()
    with pytest.raises(InputError, match="no upload"):
        Sender().send(Workspace(tmp_path), broker)
    assert broker.asked == []


def test_memory_holds_one_part_of_a_large_file(tmp_path: Path) -> None:
    workspace, part = Workspace(tmp_path), 1 << 20
    with workspace.upload.open("wb") as stream:
        stream.truncate(64 * part)
    broker = Broker(part_bytes=part, keeps=False)
    tracemalloc.start()
    try:
        Sender().send(workspace, broker)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(broker.parts) == 64
    assert peak < 4 * part
