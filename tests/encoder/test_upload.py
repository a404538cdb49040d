"""Only a receipt that the agreement's broker signed for exactly this file is a receipt."""

import hashlib
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from encoder.errors import BrokerRefused, InputError
from encoder.upload import upload
from encoder.workspace import Workspace
from keys.canonical import parse
from keys.errors import SignatureError
from keys.identity import Identity
from keys.request import digest_header
from keys.statement import declare
from keys.template import default_terms
from services.rehearsal.party import agree, gather

CAST = gather(["council", "icb"])
FIELDS = ["forename", "surname", "date_of_birth"]
AGREEMENT = agree(default_terms({"council": FIELDS, "icb": FIELDS}), CAST)
COUNCIL = AGREEMENT.holders()[0]


class Door:
    """Answers every file with what ``answer`` makes of its digest."""

    url = "https://broker.example"

    def __init__(self, answer: Callable[[str], Any]) -> None:
        self._answer = answer

    def put_file(self, path: str, file: Path, *, progress: Callable[[int], None] | None = None) -> Any:
        assert path == f"/v1/agreements/{AGREEMENT.id}/upload"
        return self._answer(digest_header(hashlib.sha256(file.read_bytes()).digest()))


def receipt(digest: str, *, signer: Identity = CAST.broker, kind: str = "receipt", **changes: str) -> Any:
    facts = {"agreement": AGREEMENT.id, "holder": "council", "content_digest": digest, "upload": "1", **changes}
    return declare(signer, kind, facts).to_json()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    made.upload.write_bytes(secrets.token_bytes(100))
    return made


def send(workspace: Workspace, answer: Callable[[str], Any]) -> Any:
    return upload(workspace, Door(answer), agreement=AGREEMENT, holder=COUNCIL)  # type: ignore[arg-type]


def test_a_receipt_for_the_file_is_kept(workspace: Workspace) -> None:
    said = send(workspace, receipt)
    assert said["upload"] == "1"
    assert parse(workspace.receipt.read_bytes(), where="receipt")["body"] == dict(said)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda digest: receipt(digest_header(bytes(32))),
        lambda digest: receipt(digest, holder="icb"),
        lambda digest: receipt(digest, agreement="0" * 64),
    ],
    ids=["another file", "another holder", "another agreement"],
)
def test_a_receipt_for_something_else_is_refused(workspace: Workspace, wrong: Callable[[str], Any]) -> None:
    with pytest.raises(BrokerRefused, match="another file"):
        send(workspace, wrong)
    assert not workspace.receipt.exists()


@pytest.mark.parametrize(
    "forged",
    [
        lambda digest: receipt(digest, signer=CAST.recipient),
        lambda digest: receipt(digest, kind="approval"),
        lambda digest: {"status": "accepted"},
        lambda digest: receipt(digest) | {"body": {**receipt(digest)["body"], "rows": 1}},
    ],
    ids=["signed by another party", "another kind of statement", "not a statement", "changed after signing"],
)
def test_a_forged_receipt_is_refused(workspace: Workspace, forged: Callable[[str], Any]) -> None:
    with pytest.raises(SignatureError):
        send(workspace, forged)
    assert not workspace.receipt.exists()


def test_without_an_upload_file_nothing_is_sent(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no upload"):
        send(Workspace(tmp_path), receipt)
