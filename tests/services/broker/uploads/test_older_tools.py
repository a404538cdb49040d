"""Tools from before uploads were checked in passing: they know no 202, and a newer broker serves them as well."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from encoder.patience import Patience
from keys.agreement import Agreement
from keys.identity import Identity
from services.broker.api.v1 import uploads
from services.broker.app import create_app
from services.broker.uploads.checkers import Checkers
from tests.asgi import answers_by
from tests.broker import Broker
from tests.doors import Clock
from tests.parts import announce, parts_of, put_part, upload_path
from tests.receiving import CAST, DIGEST, FILE, START, add, begin, receiving
from tests.seen import refused
from tests.stage import MakeScene, Scene, signed_request

PART = 64 << 10


def sent(scene: Scene, north: Identity, sealed: bytes) -> str:
    """Announce and send all parts; the path under which to hand in."""
    assert announce(scene, north, sealed).is_success
    for number, part in enumerate(parts_of(sealed, PART)):
        assert put_part(scene, north, sealed, number, part).is_success
    return f"{upload_path(scene, sealed)}/complete"


def test_the_answer_to_the_last_request_is_the_receipt(make_scene: MakeScene) -> None:
    scene = make_scene()
    north, sealed = scene.cast.holders["north"], scene.sealed("north", rows=250)
    path = sent(scene, north, sealed)
    door, told = scene.door_of("north"), list[str]()
    receipt = Patience(lambda seconds: None, told.append).insist(lambda: door.post(path, {}))
    assert (receipt["kind"], receipt["body"]["rows"], told) == ("receipt", 250, [])


def test_or_the_refusal(make_scene: MakeScene) -> None:
    scene = make_scene()
    north = scene.cast.holders["north"]
    path = sent(scene, north, FILE)
    refused(scene.ask(north, "POST", path, b"{}"), 422, "envelope-refused")


def test_or_to_send_it_again_later_while_the_check_takes_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement
) -> None:
    monkeypatch.setattr(uploads, "_LONGEST_WAIT", 0)
    clock = Clock(START)
    with receiving(tmp_path, clock, agreement) as office:
        upload = begin(office, agreement)
        for number in range(upload.parts):
            add(office, upload, number)
        app = create_app(office)
        checkers: Checkers = app.state.checkers
        path = f"/v1/agreements/{agreement.id}/uploads/{DIGEST}/complete"
        broker = Broker(CAST.broker, office.settings, "http://broker.example")

        def ask(prefer: str | None = None) -> httpx.Response:
            request = signed_request(broker, CAST.holders["council"], "POST", path, b"{}", now=clock(), prefer=prefer)
            return answers_by(app, request)[-1]

        with monkeypatch.context() as patch:
            patch.setattr(checkers, "take", lambda id_: None)
            later = ask()
            assert refused(later, 503, "being-checked") == "The upload is being checked."
            assert later.headers["Retry-After"] == "60"
            newer = ask("respond-async, wait=3")
            assert (newer.status_code, newer.json()) == (202, {"state": "checking"})
        refused(ask(), 503, "being-checked")
        checkers.finish()
        refused(ask(), 422, "envelope-refused")


@pytest.mark.parametrize(
    ("prefer", "found"),
    [
        ("", (False, 10)),
        ("wait=3", (False, 10)),
        ("respond-async", (True, 0)),
        ("respond-async, wait=3", (True, 3)),
        ("wait=99999,Respond-Async", (True, 10)),
        ("respond-async, wait=-1", (True, 0)),
        ("respond-async, wait=\N{SUPERSCRIPT TWO}", (True, 0)),
    ],
)
def test_what_a_caller_prefers(prefer: str, found: tuple[bool, float]) -> None:
    assert uploads.preference(prefer) == found
