"""Uploads in parts: whatever is cut, repeated, mixed up or done at once, the whole is accepted once or not at all."""

from __future__ import annotations

import hashlib
import json
import secrets
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keys.canonical import canonical
from keys.identity import Identity
from services.broker.uploads.incoming import AT_ONCE
from tests.parts import announce, checked, complete, hand_in, parts_of, put_part, put_whole, upload_path
from tests.seen import refused, stored
from tests.stage import MakeScene, Scene, send, signed_request

PART = 64 << 10
ROWS = 900
"""Of some 293 bytes each, which makes five parts or more."""


def north(scene: Scene) -> Identity:
    return scene.cast.holders["north"]


def here(scene: Scene, sealed: bytes) -> list[int]:
    """The parts of an upload that has been announced."""
    found: list[int] = announce(scene, north(scene), sealed).json()["parts"]
    return found


def in_storage(scene: Scene) -> list[str]:
    return sorted(name.split("/", 2)[2] for name in stored(scene.broker) if scene.agreement.id in name)


def test_an_announced_upload_says_what_it_waits_for(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    first, again = (announce(scene, north(scene), sealed) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json() == {"receipt": None, "part_bytes": PART, "parts": []}
    assert put_part(scene, north(scene), sealed, 2, parts_of(sealed, PART)[2]).json() == {"part": 2}
    assert here(scene, sealed) == [2]
    assert len(in_storage(scene)) == 1


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_i6_parts_in_any_order_and_any_number_of_times_make_one_upload(
    make_scene: MakeScene, data: st.DataObject
) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    parts = parts_of(sealed, PART)
    order = data.draw(st.permutations(range(len(parts)))) + data.draw(
        st.lists(st.integers(0, len(parts) - 1), max_size=3)
    )
    announce(scene, north(scene), sealed)
    for number in order:
        assert put_part(scene, north(scene), sealed, number, parts[number]).status_code == 200
    accepted = complete(scene, north(scene), sealed)
    assert accepted.status_code == 200
    (kept,) = in_storage(scene)
    assert kept == f"uploads/{accepted.json()['body']['upload']}"
    whole = (scene.broker.home / "storage" / "agreements" / scene.agreement.id / kept).read_bytes()
    assert hashlib.sha256(whole).digest() == hashlib.sha256(sealed).digest()
    assert [event["event"] for event in scene.events()].count("upload accepted") == 1


def test_an_accepted_upload_answers_with_its_receipt_at_every_door(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    receipt = put_whole(scene, north(scene), sealed).json()
    again = complete(scene, north(scene), sealed)
    assert (again.status_code, again.json()) == (200, receipt)
    assert announce(scene, north(scene), sealed).json() == {"receipt": receipt}
    refused(put_part(scene, north(scene), sealed, 0, sealed[:PART]), 404, "not-found")


def test_a_replaced_upload_is_not_taken_up_again(make_scene: MakeScene) -> None:
    scene = make_scene()
    old = scene.sealed("north")
    for sealed in (old, scene.sealed("north")):
        assert put_whole(scene, north(scene), sealed).status_code == 200
    for ask in (announce, complete):
        assert "replaced by a later one" in refused(ask(scene, north(scene), old), 409, "conflict")


def test_an_upload_with_missing_parts_is_not_complete_and_keeps_what_it_has(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    parts = parts_of(sealed, PART)
    announce(scene, north(scene), sealed)
    put_part(scene, north(scene), sealed, 1, parts[1])
    before = in_storage(scene)
    title = refused(complete(scene, north(scene), sealed), 409, "conflict")
    assert title == f"{len(parts) - 1} of {len(parts)} parts are missing."
    assert in_storage(scene) == before


def test_an_upload_that_is_handed_in_is_being_checked(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    receipt = f"{upload_path(scene, sealed)}/receipt"
    assert "has not been handed in" in refused(scene.ask(north(scene), "GET", receipt), 409, "conflict")
    for number, part in enumerate(parts_of(sealed, PART)):
        put_part(scene, north(scene), sealed, number, part)
    answer = hand_in(scene, north(scene), sealed)
    assert (answer.status_code, answer.json()) == (202, {"state": "checking"})
    assert (answer.headers["location"], answer.headers["retry-after"]) == (receipt, "1")
    accepted = checked(scene, north(scene), answer)
    assert accepted.json()["body"]["rows"] == ROWS
    assert scene.ask(north(scene), "GET", receipt).content == accepted.content
    for other in (scene.cast.holders["south"], scene.cast.ig_leads["north"], scene.cast.recipient):
        refused(scene.ask(other, "GET", receipt), 404, "not-found")


def test_other_bytes_for_a_part_that_is_here_are_refused(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    put_part(scene, north(scene), sealed, 0, sealed[:PART])
    before = in_storage(scene)
    other = secrets.token_bytes(PART)
    assert "Other bytes" in refused(put_part(scene, north(scene), sealed, 0, other), 409, "conflict")
    assert in_storage(scene) == before


def test_parts_that_make_another_file_are_refused_and_forgotten(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    log = scene.events()
    for number, part in enumerate(parts_of(sealed, PART)):
        put_part(scene, north(scene), sealed, number, part if number else part[::-1])
    assert "do not make the file" in refused(complete(scene, north(scene), sealed), 422, "refused")
    assert in_storage(scene) == []
    assert scene.events() == log
    assert "do not make the file" in refused(complete(scene, north(scene), sealed), 422, "refused"), "as often as asked"
    refused(put_part(scene, north(scene), sealed, 0, sealed[:PART]), 404, "not-found")
    assert put_whole(scene, north(scene), sealed).status_code == 200, "nothing stands in the way of sending it again"


@pytest.mark.parametrize(
    ("length", "status", "kind"), [(0, 422, "refused"), (PART - 1, 422, "refused"), (PART + 1, 413, "too-large")]
)
def test_a_part_of_another_length_is_refused(scene: Scene, length: int, status: int, kind: str) -> None:
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    refused(put_part(scene, north(scene), sealed, 0, bytes(length)), status, kind)
    assert here(scene, sealed) == []


@pytest.mark.parametrize("number", [-1, 99, 10**7])
def test_a_part_that_there_is_not_is_refused(scene: Scene, number: int) -> None:
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    refused(put_part(scene, north(scene), sealed, number, sealed[:PART]), 404, "not-found")


def test_a_part_that_was_changed_on_the_way_is_not_kept(scene: Scene) -> None:
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    signed = scene.request(north(scene), "PUT", f"{upload_path(scene, sealed)}/parts/0", sealed[:PART])
    other = sealed[: PART - 1] + bytes([sealed[PART - 1] ^ 1])
    changed = httpx.Request("PUT", signed.url, headers=signed.headers, content=other)
    refused(send(changed), 422, "refused")
    assert here(scene, sealed) == []


@pytest.mark.parametrize("size", [-1, 1.5, True, None, "5"])
def test_an_announcement_of_no_size_is_refused(scene: Scene, size: object) -> None:
    path = upload_path(scene, b"anything")
    answer = scene.ask(north(scene), "PUT", path, canonical({"bytes": size}))
    assert answer.status_code == 422
    for body in (b"{}", b"[]", b"", b'{"bytes":1,"more":2}'):
        assert scene.ask(north(scene), "PUT", path, body).status_code == 422


def test_an_upload_beyond_the_limit_is_refused_before_it_is_sent(scene: Scene) -> None:
    limit = scene.broker.settings.maximum_upload_mb
    body = canonical({"bytes": (limit << 20) + 1})
    answer = scene.ask(north(scene), "PUT", upload_path(scene, b"large"), body)
    assert f"limit of {limit} MiB" in refused(answer, 413, "too-large")


def test_an_upload_cannot_grow_after_it_was_announced(scene: Scene) -> None:
    sealed = scene.sealed("north")
    announce(scene, north(scene), sealed)
    answer = scene.ask(north(scene), "PUT", upload_path(scene, sealed), canonical({"bytes": len(sealed) + 1}))
    assert "another size" in refused(answer, 409, "conflict")


def test_two_uploads_of_one_holder_at_once_do_not_mix(make_scene: MakeScene) -> None:
    scene = make_scene()
    files = [scene.sealed("north", rows=ROWS + more) for more in range(2)]
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda sealed: put_whole(scene, north(scene), sealed), files))
    # Whoever is accepted first may be replaced before it asks for its receipt.
    assert sorted(answer.status_code for answer in answers) in ([200, 200], [200, 409])
    rows = {answer.json()["body"]["rows"] for answer in answers if answer.is_success}
    assert rows <= {ROWS, ROWS + 1}
    assert len(rows) == sum(answer.is_success for answer in answers)
    assert sorted(event["event"] for event in scene.events())[-2:] == ["upload accepted", "upload replaced"]


def test_one_upload_sent_twice_at_once_gives_one_receipt(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: announce(scene, north(scene), sealed), range(4)))
        numbered = [*enumerate(parts_of(sealed, PART))] * 4
        sent = list(pool.map(lambda one: put_part(scene, north(scene), sealed, *one), numbered))
        assert {answer.status_code for answer in sent} == {200}
        answers = list(pool.map(lambda _: complete(scene, north(scene), sealed), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 200]
    assert len({answer.content for answer in answers}) == 1
    assert len(in_storage(scene)) == 1


def test_a_new_upload_drops_the_one_that_nobody_has_touched_longest(make_scene: MakeScene) -> None:
    scene = make_scene()
    files = [scene.sealed("north", rows=ROWS) for _ in range(AT_ONCE + 1)]
    for sealed in files[:-1]:
        announce(scene, north(scene), sealed)
        put_part(scene, north(scene), sealed, 0, sealed[:PART])
    put_part(scene, north(scene), files[0], 1, parts_of(files[0], PART)[1])
    announce(scene, north(scene), files[-1])
    assert [complete(scene, north(scene), sealed).status_code for sealed in files] == [409, 404, 409, 409, 409]
    assert len(in_storage(scene)) == AT_ONCE


def test_a_connection_that_is_cut_leaves_nothing(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=ROWS)
    announce(scene, north(scene), sealed)
    before, log = stored(scene.broker), (scene.broker.home / "broker.log").read_text()
    path = f"{upload_path(scene, sealed)}/parts/0"
    request = signed_request(scene.broker, north(scene), "PUT", path, sealed[:PART])
    address = urlsplit(scene.broker.url)
    head = f"PUT {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((str(address.hostname), address.port or 0)) as cut:
        cut.sendall(head.encode() + b"\r\n" + sealed[: PART // 2])
        deadline = time.monotonic() + 30
        while not stored(scene.broker) - before and time.monotonic() < deadline:
            time.sleep(0.01)
        assert stored(scene.broker) - before, "it is on its way"
    while stored(scene.broker) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not stored(scene.broker) - before
    assert here(scene, sealed) == []
    said = (scene.broker.home / "broker.log").read_text().removeprefix(log)
    assert {json.loads(line)["event"] for line in said.splitlines()} <= {"request"}
