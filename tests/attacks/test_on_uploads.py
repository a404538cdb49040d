"""Attacks on uploads, each by its name. All fail: refused with the reason, and nothing is changed or left behind."""

from __future__ import annotations

import io
import secrets
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.canonical import canonical, parse
from keys.envelope import MAGIC, read_header
from tests.parts import announce, complete, upload_path
from tests.seen import refused, said, stored
from tests.stage import MakeScene, Scene, children, send

pytestmark = pytest.mark.apart_from_database


@pytest.fixture(scope="module")
def sealed(scene: Scene) -> bytes:
    return scene.sealed("north", rows=20)


def fails(scene: Scene, body: bytes, kind: str, what: str = "", holder: str = "north") -> None:
    before, log = stored(scene.broker), scene.events()
    title = refused(scene.put(holder, body), 422, kind)
    assert what in title
    assert not stored(scene.broker) - before
    assert scene.events() == log


def test_replayed_upload_request(scene: Scene, sealed: bytes) -> None:
    north, file = scene.cast.holders["north"], sealed[:-1]
    log = scene.events()
    for method, path, body in (
        ("PUT", upload_path(scene, file), canonical({"bytes": len(file)})),
        ("PUT", f"{upload_path(scene, file)}/parts/0", file),
        ("POST", f"{upload_path(scene, file)}/complete", b"{}"),
    ):
        request = scene.request(north, method, path, body)
        assert send(request).status_code in (200, 201, 202, 422)
        assert refused(send(request), 401, "unauthenticated") == "This very request has been received before."
    assert scene.events() == log


def test_replayed_upload_of_a_holder_by_another(scene: Scene, sealed: bytes) -> None:
    fails(scene, sealed, "envelope-refused", "for another sender", holder="south")


def test_upload_for_another_agreement(scene: Scene, make_scene: MakeScene) -> None:
    elsewhere = make_scene()
    fails(scene, elsewhere.sealed("north"), "envelope-refused", "for another agreement")


def test_upload_for_another_agreement_of_the_same_parties(scene: Scene) -> None:
    fails(scene, scene.sealed("north", agreement="0" * 64), "envelope-refused", "for another agreement")


def test_upload_for_another_brokers_key(scene: Scene, make_scene: MakeScene) -> None:
    _, other = make_scene().holder("north").workspace.load_agreement()
    fails(scene, scene.sealed("north", receiver=other), "envelope-refused", "for another receiver")


def test_upload_sealed_to_the_brokers_card_in_place_of_the_agreements_key(scene: Scene) -> None:
    fails(scene, scene.sealed("north", receiver=scene.broker.identity.card.receiving), "envelope-refused", "receiver")


def test_upload_in_the_name_of_another_holder(scene: Scene) -> None:
    forged = scene.sealed("north", manifest={"holder": "south"})
    fails(scene, forged, "envelope-refused", "for another sender", holder="south")
    fails(scene, forged, "refused", "it is another holder's")


def test_another_holders_upload_slot(scene: Scene, sealed: bytes) -> None:
    """There is no way to name a slot: the signature alone says whose upload it is."""
    for identity in (scene.cast.ig_leads["north"], scene.cast.recipient, scene.cast.broker):
        before = stored(scene.broker)
        refused(announce(scene, identity, sealed), 404, "not-found")
        assert not stored(scene.broker) - before


def test_part_of_another_holders_upload(make_scene: MakeScene) -> None:
    """What south does at the address of north's upload is about an upload of its own, which there is not."""
    scene, elsewhere = make_scene(), make_scene()
    north, sealed = scene.cast.holders["north"], scene.sealed("north", rows=100)
    announce(scene, north, sealed)
    before, path = stored(scene.broker), upload_path(scene, sealed)
    others = (scene.cast.holders["south"], elsewhere.cast.holders["north"], scene.cast.ig_leads["north"])
    answers = [
        scene.ask(other, method, path + more, body)
        for other in others
        for method, more, body in (
            ("PUT", "/parts/0", sealed[: 64 << 10]),
            ("POST", "/complete", b"{}"),
        )
    ]
    unknown = complete(scene, north, b"never announced")
    for answer in (*answers, unknown):
        refused(answer, 404, "not-found")
    assert {said(answer) for answer in answers} == {said(unknown)}
    assert not stored(scene.broker) - before
    fails(scene, sealed, "envelope-refused", "for another sender", holder="south")
    assert announce(scene, north, sealed).json()["parts"] == []


def test_contribution_in_place_of_an_upload(scene: Scene) -> None:
    contribution = (scene.root / "north" / "contribution-to-south.sealed").read_bytes()
    fails(scene, contribution, "envelope-refused", "for another kind")


def test_downgraded_suite(scene: Scene, sealed: bytes) -> None:
    header = parse(sealed[27 : 27 + int.from_bytes(sealed[23:27], "big")], where="header")
    rest = sealed[27 + int.from_bytes(sealed[23:27], "big") :]
    assert sealed.startswith(MAGIC)
    changed = canonical({**header, "suite": "HPKE-X25519-HKDF_SHA256-AES_128_GCM"})
    downgraded = MAGIC + len(changed).to_bytes(4, "big") + changed + rest
    fails(scene, downgraded, "envelope-refused", "not one of this version and suite")


@pytest.mark.parametrize("kept", [0, 1, 23, 26, 27, 100, -1, -64, -65, -1000])
def test_truncated_upload(scene: Scene, sealed: bytes, kept: int) -> None:
    fails(scene, sealed[:kept], "envelope-refused")


@pytest.mark.parametrize("more", [b"\0", b"x" * 64, b"y" * 5000])
def test_extended_upload(scene: Scene, sealed: bytes, more: bytes) -> None:
    fails(scene, sealed + more, "envelope-refused", "cut off or extended")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_bit_flipped_upload(scene: Scene, sealed: bytes, place: float, bit: int) -> None:
    damaged = bytearray(sealed)
    damaged[int(place * len(sealed))] ^= 1 << bit
    answer = scene.put("north", bytes(damaged))
    assert answer.status_code == 422
    refused(answer, 422, answer.json()["type"].rsplit(":", 1)[1])
    assert not [name for name in stored(scene.broker) if "quarantine" in name or scene.agreement.id in name]


@pytest.mark.parametrize("context", ["ab", 5, None, ["a"], {"a": 2**60}])
@pytest.mark.parametrize("name", ["context", "padded", "wrapped", "kind"])
def test_header_of_another_form(scene: Scene, sealed: bytes, name: str, context: Any) -> None:
    size = int.from_bytes(sealed[23:27], "big")
    header = parse(sealed[27 : 27 + size], where="header")
    try:
        changed = canonical({**header, name: context})
    except Exception:  # noqa: BLE001 - RFC 8785 has no such number: send it all the same
        changed = sealed[27 : 27 + size].replace(b'"context":{}', b'"context":{"a":1152921504606846976}')
    forged = MAGIC + len(changed).to_bytes(4, "big") + changed + sealed[27 + size :]
    answer = scene.put("north", forged)
    assert answer.status_code == 422, answer.text


def test_a_length_that_only_the_header_has(scene: Scene, sealed: bytes) -> None:
    header = read_header(io.BytesIO(sealed))
    size = int.from_bytes(sealed[23:27], "big")
    document = parse(sealed[27 : 27 + size], where="header")
    for padded in (2**50, header.padded - 1, 8, 0, -1):
        changed = canonical({**document, "padded": padded})
        forged = MAGIC + len(changed).to_bytes(4, "big") + changed + sealed[27 + size :]
        fails(scene, forged, "envelope-refused")


def test_probe_with_a_single_row(make_scene: MakeScene) -> None:
    scene = make_scene(minimum_rows=100)
    fails(scene, scene.sealed("north", rows=1), "refused", "fewer rows than the agreement's minimum of 100")


def test_probe_by_starting_a_second_run_while_one_waits(make_scene: MakeScene) -> None:
    scene = make_scene()
    for name in ("north", "south"):
        assert scene.put(name, scene.sealed(name)).status_code == 200
    scene.status(scene.start_run(), "matched")
    assert scene.put("north", scene.sealed("north")).status_code == 200
    answer = scene.ask(scene.cast.holders["north"], "POST", f"{scene.path}/runs")
    assert refused(answer, 409, "conflict") == "A run of this agreement is under way."


def test_wrong_secret_at_one_holder(make_scene: MakeScene, tmp_path: Any) -> None:
    """South encodes with a secret of its own: nobody matches, and that must not look like no overlap."""
    scene = make_scene()
    both = children(10, seed=1)
    rows = both + children(15, seed=2)
    scene.upload("north", both + children(15, seed=3))
    south = scene.holder("south")
    right = south.workspace.recall("linkage secret", agreement=scene.agreement.id, identity=south.identity)
    options: dict[str, Any] = {
        "agreement": scene.agreement.id,
        "identity": south.identity,
        "random": secrets.token_bytes,
    }
    south.workspace.keep("linkage secret", secrets.token_bytes(32), **options)
    scene.upload("south", rows)
    log, before = scene.events(), stored(scene.broker)
    answer = scene.ask(scene.cast.holders["north"], "POST", f"{scene.path}/runs")
    assert refused(answer, 422, "refused") == "The key check of north and south differs."
    assert "another linkage secret" in answer.json()["detail"]
    assert (scene.events(), stored(scene.broker) - before) == (log, set())
    south.workspace.keep("linkage secret", right, **options)
    scene.upload("south", rows)
    assert scene.status(scene.start_run(), "matched")["outcome"]["links"] == 10
