"""Uploads: accepted whole with a signed receipt, or refused with the reason and nothing left behind."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from keys.envelope import open_bytes
from keys.layout import release_record
from keys.request import content_digest
from keys.statement import Statement
from services.broker.errors import Refused
from services.broker.uploads.receive import receive
from tests.seen import refused, stored
from tests.stage import MakeScene, Scene, random_records


def kinds(scene: Scene) -> list[str]:
    return [event["event"] for event in scene.events()]


def test_an_upload_is_accepted_with_a_signed_receipt(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north", rows=5)
    answer = scene.put("north", sealed)
    assert answer.status_code == 200
    facts = Statement.from_json(answer.json()).verify(scene.broker.identity.card, kind="receipt")
    assert facts["agreement"] == scene.agreement.id
    assert facts["holder"] == "north"
    assert facts["rows"] == 5
    assert facts["content_digest"] == content_digest(sealed)
    kept = scene.broker.home / "storage" / "agreements" / scene.agreement.id / "uploads" / str(facts["upload"])
    assert hashlib.sha256(kept.read_bytes()).digest() == hashlib.sha256(sealed).digest()


def test_the_same_upload_again_gives_the_same_receipt_and_no_event(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north")
    first, again = scene.put("north", sealed), scene.put("north", sealed)
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert kinds(scene).count("upload accepted") == 1
    assert len([name for name in stored(scene.broker) if scene.agreement.id in name]) == 1


def test_the_same_upload_many_times_at_once_gives_one_receipt(make_scene: MakeScene) -> None:
    scene = make_scene()
    sealed = scene.sealed("north")
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: scene.put("north", sealed), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 6
    assert len({answer.content for answer in answers}) == 1
    assert kinds(scene).count("upload accepted") == 1
    assert len([name for name in stored(scene.broker) if scene.agreement.id in name]) == 1


def test_a_replaced_upload_is_an_event_of_its_own(make_scene: MakeScene) -> None:
    scene = make_scene()
    first, second = scene.sealed("north"), scene.sealed("north")
    assert [scene.put("north", sealed).status_code for sealed in (first, second)] == [200, 200]
    assert kinds(scene)[-2:] == ["upload accepted", "upload replaced"]
    back = scene.put("north", first)
    assert refused(back, 409, "conflict") == "This upload has been replaced by a later one."


def test_a_run_takes_the_newest_upload(make_scene: MakeScene) -> None:
    scene = make_scene()
    for rows in (3, 4):
        assert scene.put("north", scene.sealed("north", rows=rows)).status_code == 200
    assert scene.put("south", scene.sealed("south", rows=5)).status_code == 200
    run = scene.start_run()
    scene.status(run, "matched")
    scene.release(run)
    sealed = scene.door_of("north").get_bytes(f"/v1/runs/{run}/release")
    _, payload = open_bytes(
        sealed,
        kind="release",
        agreement=scene.agreement.id,
        sender=scene.broker.identity.card,
        key=scene.cast.holders["north"].receiving,
    )
    assert len(payload) == 4 * release_record().itemsize


WRONG_MANIFESTS: dict[str, tuple[dict[str, Any], str]] = {
    "another holder's name": ({"holder": "south"}, "it is another holder's"),
    "a row more than there is": ({"rows": 4}, "the records do not have the length that the manifest says"),
    "more rows than there is room for": ({"rows": 400}, "it is shorter than its manifest says"),
    "fewer rows than there are": ({"rows": 2}, "the records do not have the length that the manifest says"),
    "rows beyond any memory": ({"rows": 2**52}, "it is shorter than its manifest says"),
    "rows below zero": ({"rows": -1}, "its number of rows is not valid"),
    "rows that are no number": ({"rows": True}, "its number of rows is not valid"),
    "rows that are half": ({"rows": 2.5}, "its number of rows is not valid"),
    "other match-keys": ({"match_keys": ["nhs-number"]}, "its match-keys are not those of the agreement"),
    "a key check of another form": ({"key_check": "00"}, "its key check is not in the right form"),
    "a digest that is no text": ({"conformance": 5}, "its conformance is not in the right form"),
    "one entry more": ({"names": ["Adebayo"]}, "its manifest is not in the right form"),
}


@pytest.mark.parametrize(("manifest", "why"), WRONG_MANIFESTS.values(), ids=WRONG_MANIFESTS)
def test_an_upload_with_a_wrong_manifest_is_refused(scene: Scene, manifest: dict[str, Any], why: str) -> None:
    refuses(scene, scene.sealed("north", manifest=manifest), f"The upload is not acceptable: {why}.")


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "it ends inside its manifest"),
        (b"\0\0", "it ends inside its manifest"),
        (b"\0\0\0\x09{", "it ends inside its manifest"),
        (b"\xff\xff\xff\xff", "its manifest is too long"),
    ],
)
def test_an_upload_without_a_whole_manifest_is_refused(scene: Scene, payload: bytes, why: str) -> None:
    refuses(scene, scene.sealed("north", payload=payload), f"The upload is not acceptable: {why}.")


@pytest.mark.parametrize("manifest", [b"[]", b"5", b"{", b"\xff", b"{}"])
def test_a_manifest_that_is_not_one_is_refused(scene: Scene, manifest: bytes) -> None:
    refuses(scene, scene.sealed("north", payload=len(manifest).to_bytes(4, "big") + manifest))


def test_a_handle_that_stands_twice_is_refused(scene: Scene) -> None:
    records = random_records(scene, "north", 4)
    records["handle"][3] = records["handle"][2]
    refuses(scene, scene.sealed("north", records=records), "The upload is not acceptable: a handle stands in it twice.")


def test_a_handle_that_stands_twice_is_refused_where_a_chunk_of_the_envelope_ends_between(scene: Scene) -> None:
    with scene.broker.office() as office:
        holder, key = scene.agreement.holders()[0], office.receiving_key(scene.agreement.id)
    edge = (1 << 20) // random_records(scene, "north", 0).itemsize
    records, starts = random_records(scene, "north", edge + 100), set[int]()
    for twice in (None, *range(edge - 8, edge + 7)):
        changed = records.copy()
        if twice is not None:
            changed["handle"][twice] = changed["handle"][twice - 1]
        sealed = io.BytesIO(scene.sealed("north", records=changed))
        blocks = receive(sealed, agreement=scene.agreement, holder=holder, key=key).blocks()
        if twice is None:
            starts.add(len(next(blocks)))
        else:
            with pytest.raises(Refused, match="a handle stands in it twice"):
                list(blocks)
    assert starts <= set(range(edge - 8, edge + 7))


def test_records_that_are_not_in_the_order_of_their_handles_are_refused(scene: Scene) -> None:
    """In this order it takes no memory to see that none stands there twice, however many there are."""
    records = random_records(scene, "north", 4)[[0, 2, 1, 3]]
    sealed = scene.sealed("north", records=records)
    refuses(scene, sealed, "The upload is not acceptable: its records are not in the order of their handles.")


def test_a_flag_that_is_neither_0_nor_1_is_refused(scene: Scene) -> None:
    records = random_records(scene, "north", 4)
    records["present/nhs-number"][2] = 2
    refuses(scene, scene.sealed("north", records=records), "The upload is not acceptable: a flag is neither 0 nor 1.")


def test_an_encoding_that_is_said_to_be_absent_is_refused(scene: Scene) -> None:
    records = random_records(scene, "north", 4)
    records["present/nhs-number"][2] = 0
    refuses(
        scene, scene.sealed("north", records=records), "The upload is not acceptable: an absent encoding is not empty."
    )


def test_records_of_another_width_are_refused(scene: Scene) -> None:
    records = random_records(scene, "north", 4)
    wider = np.zeros(4, dtype=[*records.dtype.descr, ("more", np.uint8)])
    refuses(scene, scene.sealed("north", records=wider))


def test_an_upload_below_the_agreed_minimum_is_refused(make_scene: MakeScene) -> None:
    scene = make_scene(minimum_rows=100)
    refuses(
        scene,
        scene.sealed("north", rows=99),
        "The upload has fewer rows than the agreement's minimum of 100.",
    )
    assert scene.put("north", scene.sealed("north", rows=100)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"counterfoil envelope 1\n", b"counterfoil envelope 1\n\xff\xff\xff\xff", b"x" * 500]
)
def test_what_is_no_envelope_is_refused(scene: Scene, body: bytes) -> None:
    refuses(scene, body)


def refuses(scene: Scene, sealed: bytes, what: str | None = None) -> None:
    before, log = stored(scene.broker), scene.events()
    answer = scene.put("north", sealed)
    assert answer.status_code == 422
    title = refused(answer, 422, answer.json()["type"].rsplit(":", 1)[1])
    assert what is None or title == what
    assert not stored(scene.broker) - before
    assert scene.events() == log
