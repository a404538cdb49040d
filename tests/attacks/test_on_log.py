"""Attacks on the audit log by whoever holds the broker's database, or is the broker. A witness finds each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete, insert, select

from encoder.door import Door
from encoder.errors import BrokerRefused
from encoder.witness import fetch_log, seen, witness
from encoder.workspace import Workspace
from keys.canonical import canonical, parse
from keys.checkpoint import Checkpoint, parse_note, sign_checkpoint
from keys.errors import LogError
from keys.identity import Identity
from keys.log import Log, origin_of, require_one_log, verify_log
from keys.merkle import Tree, leaf_hash
from services.broker.store import tables
from tests.seen import refused, said
from tests.stage import MakeScene, Scene, children

pytestmark = pytest.mark.apart_from_database


@pytest.fixture
def watched(make_scene: MakeScene) -> Scene:
    """Both holders have uploaded; north has seen the log and countersigned it, south has not looked at all."""
    scene = make_scene()
    scene.upload("north", children(5, seed=1))
    assert scene.put("south", scene.encode("south", children(5, seed=1)).read_bytes()).status_code == 200
    fetch(scene, "north")
    return scene


def at(scene: Scene, name: str) -> tuple[Workspace, Door, Identity]:
    return scene.holder(name).workspace, scene.door_of(name), scene.cast.holders[name]


def fetch(scene: Scene, name: str) -> Log:
    workspace, door, identity = at(scene, name)
    return fetch_log(workspace, door, agreement=scene.agreement, identity=identity)[0]


def countersignatures(scene: Scene) -> list[tuple[str, int]]:
    table = tables.countersignatures
    query = select(table.c.signer, table.c.size).where(table.c.agreement == scene.agreement.id)
    with scene.broker.tables() as connection:
        return [(row.signer, row.size) for row in connection.execute(query.order_by(table.c.signer, table.c.size))]


def forget_countersignatures(scene: Scene) -> None:
    """What a broker does that has something to hide."""
    table = tables.countersignatures
    with scene.broker.tables() as connection:
        connection.execute(delete(table).where(table.c.agreement == scene.agreement.id))


def tamper(scene: Scene, change: Callable[[list[bytes]], list[bytes]], *, signed_anew: bool) -> None:
    """Write other entries into the broker's database; with the broker's key if it is the broker itself."""
    table, agreement = tables.events, scene.agreement.id
    with scene.broker.tables() as connection:
        query = select(table.c.leaf, table.c.checkpoint).where(table.c.agreement == agreement).order_by(table.c.number)
        rows = [(row.leaf, row.checkpoint) for row in connection.execute(query)]
        leaves = change([leaf for leaf, _ in rows])
        notes = dict(rows)
        connection.execute(delete(table).where(table.c.agreement == agreement))
        tree = Tree()
        for number, leaf in enumerate(leaves, start=1):
            tree.append(leaf_hash(leaf))
            checkpoint = Checkpoint(origin_of(agreement), number, tree.root())
            own = sign_checkpoint(checkpoint, scene.broker.identity).note()
            note = own if signed_anew else notes.get(leaf, rows[number - 1][1])
            connection.execute(insert(table).values((agreement, number, leaf, note)))


def edited(leaves: list[bytes]) -> list[bytes]:
    facts = parse(leaves[3], where="log")
    return [*leaves[:3], canonical({**facts, "holder": "south", "upload": "0" * 32}), *leaves[4:]]


def deleted(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:3], *leaves[4:]]


def reordered(leaves: list[bytes]) -> list[bytes]:
    return [*leaves[:1], leaves[2], leaves[1], *leaves[3:]]


def cut(leaves: list[bytes]) -> list[bytes]:
    return leaves[:-1]


def retold(leaves: list[bytes]) -> list[bytes]:
    """Allowed by the protocol, but not what happened."""
    facts = parse(leaves[-1], where="log")
    return [*leaves[:-1], canonical({**facts, "upload": "0" * 32})]


CHANGES = {"edited": edited, "deleted": deleted, "reordered": reordered, "cut": cut, "retold": retold}
FIRST_BAD = {"edited": 4, "deleted": 4, "reordered": 2, "cut": 5, "retold": 5}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("signed_anew", [False, True], ids=["in the database", "by the broker itself"])
def test_changed_log_is_found_by_a_holder_that_had_seen_it(watched: Scene, name: str, signed_anew: bool) -> None:
    workspace, door, identity = at(watched, "north")
    before = (seen(workspace), countersignatures(watched))
    tamper(watched, CHANGES[name], signed_anew=signed_anew)
    with pytest.raises(LogError) as error:
        fetch(watched, "north")
    assert str(error.value.where).startswith(str(workspace.log))
    if not signed_anew:
        assert str(error.value.where).endswith(f"entry {FIRST_BAD[name]}")
    if signed_anew:  # otherwise the newest checkpoint is still the true one, and only the entries show the fault
        with pytest.raises((LogError, BrokerRefused)):
            witness(workspace, door, agreement=watched.agreement, identity=identity)
    assert (seen(workspace), countersignatures(watched)) == before
    kept = parse(workspace.log.read_bytes(), where="log")
    assert kept == json.loads(watched.ask(identity, "GET", f"{watched.path}/log").content), "the evidence is kept"


def test_changed_log_is_found_offline_with_the_checkpoint_of_somebody_else(watched: Scene) -> None:
    """South never looked before; what north keeps shows it."""
    tamper(watched, retold, signed_anew=True)
    forget_countersignatures(watched)
    south = fetch(watched, "south")
    kept = parse_note(watched.holder("north").workspace.checkpoint.read_text())
    with pytest.raises(LogError, match="was changed since"):
        verify_log(south, where="south's file", kept=[kept])


def test_changed_log_is_found_by_the_countersignature_of_another_in_the_export(watched: Scene) -> None:
    tamper(watched, retold, signed_anew=True)
    with pytest.raises(LogError, match="was changed since"):
        fetch(watched, "south")


def test_forked_log_is_found_when_two_parties_compare(watched: Scene) -> None:
    """The broker shows one log to north and another to south."""
    workspace = watched.holder("north").workspace
    north = Log.from_json(parse(workspace.log.read_bytes(), where="log"), where="north")
    tamper(watched, retold, signed_anew=True)
    forget_countersignatures(watched)
    south = fetch(watched, "south")
    for log in (north, south):
        verify_log(log, where="file")
    with pytest.raises(LogError, match="two different logs") as error:
        require_one_log(north, south, where="north and south")
    assert str(error.value.where).endswith("entry 5")


def test_upload_that_is_left_out_of_the_log(make_scene: MakeScene) -> None:
    """The broker signs a receipt but shows a log without that upload."""
    scene = make_scene()
    receipt = scene.upload("north", children(5, seed=1))
    workspace, door, identity = at(scene, "north")
    facts = {name: receipt[name] for name in ("agreement", "holder", "upload", "content_digest")}
    options: dict[str, Any] = {"agreement": scene.agreement, "identity": identity, "entry": receipt["entry"]}
    witness(workspace, door, expect=facts, **options)
    with pytest.raises(LogError, match="does not say what"):
        witness(workspace, door, expect={**facts, "upload": "0" * 32}, **options)
    with pytest.raises(LogError, match="does not say what"):
        witness(workspace, door, expect=facts, **{**options, "entry": receipt["entry"] - 1})


def test_approval_that_the_broker_made_up(watched: Scene) -> None:
    """It starts, matches and approves in the log, with a statement that no IG lead signed."""
    lead = watched.cast.ig_leads["south"]
    made_up = {**watched.approval("north", "1" * 32), "signer": lead.card.fingerprint}

    def approved(leaves: list[bytes]) -> list[bytes]:
        uploads = {parse(leaf, where="log")["holder"]: parse(leaf, where="log")["upload"] for leaf in leaves[3:]}
        more: list[dict[str, Any]] = [
            {"event": "run started", "run": "1" * 32, "by": "north", "uploads": uploads},
            {"event": "run changed", "run": "1" * 32, "state": "matched"},
            {"event": "release approved", "run": "1" * 32, "by": "south-ig-lead", "statement": made_up},
        ]
        base = {"at": parse(leaves[-1], where="log")["at"], "agreement": watched.agreement.id}
        return [*leaves, *(canonical({**base, **facts}) for facts in more)]

    tamper(watched, approved, signed_anew=True)
    with pytest.raises(LogError, match="does not allow this entry: release approved") as error:
        fetch(watched, "south")
    assert str(error.value.where).endswith("entry 8")


def test_countersignature_in_the_name_of_another(watched: Scene) -> None:
    note = parse_note(watched.holder("north").workspace.checkpoint.read_text())
    south, path = watched.cast.holders["south"], f"{watched.path}/log/countersignatures"
    before = countersignatures(watched)
    forged = [
        note,
        note.countersigned(south),
        note.without_last(),
        note.without_last().countersigned(watched.cast.holders["north"]),
        sign_checkpoint(Checkpoint(note.checkpoint.origin, 2, bytes(32)), watched.broker.identity).countersigned(south),
        sign_checkpoint(note.checkpoint, south).countersigned(south),
    ]
    for one in forged:
        answer = watched.ask(south, "POST", path, canonical({"note": one.note()}))
        assert refused(answer, 422, answer.json()["type"].rsplit(":", 1)[1])
    for body in (b"{}", b"[]", b'{"note": 7}', b"no"):
        assert watched.ask(south, "POST", path, body).status_code == 422
    assert countersignatures(watched) == before
    good = canonical({"note": note.without_last().countersigned(south).note()})
    assert watched.ask(south, "POST", path, good).status_code == 201
    assert len(countersignatures(watched)) == len(before) + 1


def test_log_of_an_agreement_of_others(watched: Scene, make_scene: MakeScene) -> None:
    other = make_scene()
    nothing = other.ask(other.cast.holders["north"], "GET", "/v1/runs/" + "0" * 32)
    for path in ("log", "log/checkpoint", "log/checkpoint?since=1&entry=1"):
        answer = other.ask(other.cast.holders["north"], "GET", f"{watched.path}/{path}")
        assert said(answer) == said(nothing)
    answer = other.ask(other.cast.holders["north"], "POST", f"{watched.path}/log/countersignatures", b"{}")
    assert said(answer) == said(nothing)
