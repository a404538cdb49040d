"""A whole rehearsal with an observer on the wire and in the broker's home: nobody's data pass by, nor do handles."""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from encoder.ceremony import recall_secret
from encoder.control_rows import control_rows
from encoder.package import recall_handles
from encoder.workspace import Workspace
from keys.errors import AgreementError
from keys.identity import Identity
from keys.template import default_terms
from keys.terms import Release
from services.rehearsal import rehearse as module
from services.rehearsal.holder import Holder
from services.rehearsal.rehearse import Outcome, Rehearsal
from services.rehearsal.reporter import Reporter
from services.rehearsal.server import running_broker
from tests.broker import Broker
from tests.services.broker.outcome.test_quality import QUALITY
from tests.stage import IDENTIFIERS, OUTCOME, STATUS, TODAY, Scene, children, nhs_number, write_file
from tests.wire import Wire, disguises, seen, wiretap

FIELDS = (*IDENTIFIERS, "upn")
CONTROL_ROWS = 16
PLANTED: list[dict[str, str]] = [
    {
        "id": f"Rowidquorn{number}",
        "forename": forename,
        "surname": surname,
        "sex": "F",
        "date_of_birth": "23/07/2011",
        "postcode": postcode,
        "nhs_number": nhs_number(77_000_000 + 1000 * number),
        "upn": upn,
    }
    for number, (forename, surname, postcode, upn) in enumerate(
        [
            ("Zyxquorla", "Vorbentrask", "ZE2 9QX", "H801200001001"),
            ("Ummendrith", "Klapsodine", "KW17 2XJ", "R801200003001"),
            ("Ipswickelle", "Trondjavik", "HS9 5YW", "X990819024960"),
        ]
    )
]
VALUES = {row[name] for row in PLANTED for name in ("id", *FIELDS) if name not in ("sex", "date_of_birth")}


@dataclass(repr=False)
class Watched:
    """A rehearsal that has ended, and all that an observer saw of it."""

    outcome: Outcome
    root: Path
    wire: Wire
    broker_files: bytes
    log: str
    handles: dict[str, list[bytes]]
    identities: dict[str, Identity]


@pytest.fixture(scope="module", params=["blind", "open", "blind, control rows"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("watched")
    rows = {
        "north": PLANTED[:2] + [{**row, "upn": ""} for row in children(40, seed=1)],
        "south": PLANTED[1:] + [{**row, "upn": ""} for row in children(30, seed=1)],
    }
    holders = [write_file(folder, name, of_holder, FIELDS) for name, of_holder in rows.items()]
    release, _, control = request.param.partition(", ")
    changes = {"control": {"rows": CONTROL_ROWS}, "repeats_percent": 100} if control else {}
    terms = default_terms(dict.fromkeys(rows, FIELDS), minimum_rows=1, release=release, **changes)
    root = folder / "root"
    root.mkdir()
    kept: dict[str, Any] = {}
    identities: dict[str, Identity] = {}

    @contextmanager
    def overheard(home: Path, *, passphrase: str) -> Iterator[str]:
        with running_broker(home, passphrase=passphrase) as url, wiretap(url) as wire:
            yield wire.url
            # Before the broker stops, so that the write-ahead log of its database is still there.
            shutil.copytree(home, folder / "home")
            kept["wire"] = wire

    keep = Holder.encode

    def encode(holder: Holder, *words: Any, **options: Any) -> Any:
        packed = keep(holder, *words, **options)
        agreement, _ = holder.workspace.load_agreement()
        table, _ = recall_handles(holder.workspace, agreement=agreement, identity=holder.identity)
        identities[holder.files.name] = holder.identity
        kept[holder.files.name] = [row.tobytes() for row in table]
        return packed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "running_broker", overheard)
        patch.setattr(Holder, "encode", encode)
        outcome = Rehearsal(holders, root, terms, TODAY).run(Reporter(Console(stderr=True), quiet=True))
    files = [path for path in sorted((folder / "home").rglob("*")) if path.is_file()]
    assert {"broker.sqlite", "broker.sqlite-wal", "broker.log", "runs.sqlite"} <= {path.name for path in files}
    return Watched(
        outcome,
        root,
        kept["wire"],
        b"\n".join(path.name.encode() + b"\n" + path.read_bytes() for path in files),
        (folder / "home" / "broker.log").read_text(),
        {name: kept[name] for name in rows},
        identities,
    )


def test_the_planted_child_of_both_is_linked(watched: Watched) -> None:
    links = watched.outcome.links
    assert links is not None
    assert {"north": ["Rowidquorn1"], "south": ["Rowidquorn1"]} in links
    assert len(links) == 31


def test_the_observer_finds_what_there_is_to_find(watched: Watched, tmp_path: Path) -> None:
    """Without this the tests below could not fail."""
    source = "\n".join(",".join(row.values()) for row in PLANTED)
    assert seen(VALUES, source.encode()) == VALUES
    assert seen(VALUES, source.lower().encode("utf-16-le")) == VALUES
    for shift in range(3):
        assert seen(VALUES, base64.b64encode(b"x" * shift + source.encode())) == VALUES
    assert seen(VALUES, source.encode().hex().encode()) == VALUES
    everything = watched.wire.everything()
    assert watched.outcome.agreement.id.encode() in everything
    assert b"Zyxquorla"[::-1] in disguises("Zyxquorla")
    assert (watched.root / "north" / "upload.sealed").read_bytes() in everything


def test_i1_no_identifier_is_in_any_byte_between_the_parties_and_the_broker(watched: Watched) -> None:
    assert not seen(VALUES, watched.wire.everything())


def test_i1_no_identifier_is_in_any_file_of_the_broker(watched: Watched) -> None:
    assert not seen(VALUES, watched.broker_files)


def test_i1_no_identifier_is_in_what_the_recipient_gets(watched: Watched) -> None:
    handed = [*(watched.root / "recipient").iterdir(), watched.root / "linked.csv"]
    assert len(handed) == 3
    assert not seen(VALUES, b"\n".join(path.read_bytes() for path in handed))


def test_i1_nobody_but_holders_sees_who_the_control_rows_are(watched: Watched) -> None:
    """Nor does the recipient get one of them."""
    if not watched.outcome.agreement.terms.control.rows:
        assert watched.outcome.controls is None
        return
    workspace = Workspace(watched.root / "north")
    identity, agreement = watched.identities["north"], watched.outcome.agreement
    secret = recall_secret(workspace, agreement=agreement, identity=identity)
    made = control_rows(agreement.terms, "north", secret).columns
    values = {value for name in ("nhs_number", "postcode", "names") for value in made[name].values if len(value) > 6}
    assert len(values) > CONTROL_ROWS
    handed = b"\n".join(path.read_bytes() for path in (watched.root / "recipient").iterdir())
    linked = (watched.root / "linked.csv").read_bytes()
    assert not seen(values, watched.wire.everything() + watched.broker_files + handed + linked)
    assert watched.outcome.controls is not None
    assert watched.outcome.controls.recovery.unexplained == {}
    assert watched.outcome.rows == {"north": 42, "south": 32}


def test_i5_no_handle_is_in_any_byte_on_the_wire_or_at_the_broker(watched: Watched) -> None:
    seen_by_observer = watched.wire.everything() + watched.broker_files
    handles = [handle for of_holder in watched.handles.values() for handle in of_holder]
    assert len(handles) == 74
    for handle in handles:
        for dress in (handle, handle.hex().encode(), base64.urlsafe_b64encode(handle)[:21]):
            assert dress not in seen_by_observer


def test_i5_answers_hold_only_what_they_are_meant_to(watched: Watched) -> None:
    """Every JSON answer, whole: no number but progress and suppressed counts."""
    answers = [
        json.loads(found) for found in re.findall(rb"\r\n\r\n(\{.*?\})(?=HTTP/1\.1 |$)", flat(watched.wire), re.DOTALL)
    ]
    states = [answer for answer in answers if "state" in answer]
    assert states
    for answer in states:
        assert set(answer) == STATUS
        assert set(answer["outcome"] or {}) <= OUTCOME
    judged = [answer["quality"] for answer in answers if "quality" in answer]
    assert judged
    assert all(one is None or set(one) == QUALITY for one in judged)
    kinds = {frozenset(answer) for answer in answers} - {frozenset(states[0])}
    assert kinds <= {
        frozenset({"status"}),
        frozenset({"kind", "body", "signer", "signature"}),
        frozenset({"agreement", "receiving", "destroyed"}),
        frozenset({"agreement", "sender", "receiver"}),
        frozenset({"run", "approved_by"}),
        frozenset({"run", "agreement", "quality"}),
        frozenset({"run", "awaited"}),
        frozenset({"run", "awaited", "shown"}),
        frozenset({"counterfoil", "version", "agreement", "entries", "countersigned"}),
        frozenset({"agreement", "size"}),
        frozenset({"receipt", "part_bytes", "parts"}),
        frozenset({"part"}),
        frozenset({"checkpoint", "consistency", "facts", "inclusion"}),
    }


def flat(wire: Wire) -> bytes:
    return b"".join(bytes(one) for one in wire.answered)


def test_i5_the_log_of_the_process_names_the_broker_and_nothing_else(watched: Watched) -> None:
    """Beside requests, of which it says the template of the path."""
    said = [json.loads(line) for line in watched.log.splitlines()]
    assert (said[0]["event"], said[0]["broker"]) == ("broker started", "broker")
    assert {line["event"] for line in said[1:]} <= {"code ready", "request"}
    assert {name for line in said[1:] for name in line} <= {
        *("time", "level", "event", "request_id", "method", "route", "status", "seconds", "code", "folder")
    }


def test_no_key_or_passphrase_is_in_any_file_of_the_broker_in_the_clear(watched: Watched) -> None:
    """The receiving key is sealed to the broker's identity, and that is locked."""
    kept = watched.broker_files
    assert b"counterfoil envelope 1" in kept
    assert b'"sealed"' in kept
    assert b"PRIVATE KEY" not in kept


def test_a_count_gives_nobody_rows(tmp_path: Path) -> None:
    both = children(30, seed=1)
    holders = [
        write_file(tmp_path, name, both + children(15, seed=seed)) for seed, name in enumerate(("north", "south"), 2)
    ]
    terms = default_terms(dict.fromkeys(("north", "south"), IDENTIFIERS), minimum_rows=1, release="count")
    root = tmp_path / "root"
    root.mkdir()
    outcome = Rehearsal(holders, root, terms, TODAY).run(Reporter(Console(stderr=True), quiet=True))
    assert outcome.agreement.terms.release is Release.COUNT
    assert (outcome.links, outcome.joined, outcome.joined_rows) == (None, None, None)
    assert outcome.status["outcome"]["overlaps"] == [{"holders": ["north", "south"], "links": 30}]
    assert not list(root.rglob("results.csv"))
    assert not (root / "linked.csv").exists()
    judged = json.loads((root / "quality.json").read_text("ascii"))
    assert judged["rates"] == []


def test_children_who_are_on_file_twice_are_linked_and_joined_where_that_is_agreed(tmp_path: Path) -> None:
    both = children(30, seed=1)
    again = [{**child, "id": f"{child['id']}-again"} for child in both[:10]]
    rows = {"north": both + again + children(15, seed=2), "south": both + children(15, seed=3)}
    decision = default_terms(dict.fromkeys(rows, IDENTIFIERS)).decision.model_dump()
    decision |= {"rows_of_one_holder": "any number", "duplicates": "link"}
    terms = default_terms(dict.fromkeys(rows, IDENTIFIERS), minimum_rows=1, repeats_percent=100, decision=decision)
    root = tmp_path / "root"
    root.mkdir()
    holders = [write_file(tmp_path, name, of_holder) for name, of_holder in rows.items()]
    outcome = Rehearsal(holders, root, terms, TODAY).run(Reporter(Console(stderr=True), quiet=True))
    assert outcome.links is not None
    found = {tuple(sorted(link["north"])): link["south"] for link in outcome.links}
    assert found == {
        tuple(sorted({child["id"], *([f"{child['id']}-again"] if child in both[:10] else [])})): [child["id"]]
        for child in both
    }
    assert outcome.joined_rows == 30
    with (root / "linked.csv").open(encoding="utf-8") as file:
        assert len(file.readlines()) == 1 + 40


def test_the_encoder_refuses_an_agreement_that_somebody_has_not_signed(broker: Broker, tmp_path: Path) -> None:
    scene = Scene.of(broker, tmp_path)
    scene.open()
    rows = children(5, seed=1)
    holder = scene.holder("north", rows)
    workspace: Workspace = holder.workspace
    document = json.loads(workspace.agreement.read_bytes())
    unsigned = replace(scene.agreement, signatures=scene.agreement.signatures[1:])
    workspace.agreement.write_text(json.dumps({**document, "agreement": unsigned.to_json()}))
    cohort = holder.read(scene.agreement.terms, today=TODAY)
    with pytest.raises(AgreementError, match="The agreement is not signed by"):
        holder.encode(cohort)
    assert not workspace.upload.exists()
    scene.close()
