"""An upload sent by hand, request by request."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import httpx

from keys.canonical import canonical
from keys.identity import Identity

if TYPE_CHECKING:
    from tests.stage import Scene


def upload_path(scene: Scene, sealed: bytes) -> str:
    return f"{scene.path}/uploads/{hashlib.sha256(sealed).hexdigest()}"


def announce(scene: Scene, identity: Identity, sealed: bytes) -> httpx.Response:
    return scene.ask(identity, "PUT", upload_path(scene, sealed), canonical({"bytes": len(sealed)}))


def put_part(scene: Scene, identity: Identity, sealed: bytes, number: int, part: bytes) -> httpx.Response:
    return scene.ask(identity, "PUT", f"{upload_path(scene, sealed)}/parts/{number}", part)


def complete(scene: Scene, identity: Identity, sealed: bytes) -> httpx.Response:
    """What the broker says once it has checked the whole."""
    return checked(scene, identity, hand_in(scene, identity, sealed))


def hand_in(scene: Scene, identity: Identity, sealed: bytes) -> httpx.Response:
    """The answer to the last request by somebody who waits for nothing."""
    return scene.ask(identity, "POST", f"{upload_path(scene, sealed)}/complete", b"{}", prefer="respond-async")


def checked(scene: Scene, identity: Identity, answer: httpx.Response) -> httpx.Response:
    """Follow an answer, if it says that the upload is being checked, until it has been."""
    while answer.status_code == 202:
        assert answer.json() == {"state": "checking"}
        answer = scene.ask(identity, "GET", answer.headers["location"], prefer="respond-async, wait=1")
    return answer


def put_whole(scene: Scene, identity: Identity, sealed: bytes) -> httpx.Response:
    """All of it: the first answer that is no success, or the last."""
    answer = announce(scene, identity, sealed)
    if answer.is_success and answer.json()["receipt"] is None:
        for number, part in enumerate(parts_of(sealed, answer.json()["part_bytes"])):
            answer = put_part(scene, identity, sealed, number, part)
            if not answer.is_success:
                break
    # A part is not there any more when somebody else has completed the same upload.
    return complete(scene, identity, sealed) if answer.is_success or answer.status_code == 404 else answer


def parts_of(sealed: bytes, size: int) -> list[bytes]:
    return [sealed[start : start + size] for start in range(0, len(sealed), size)]
