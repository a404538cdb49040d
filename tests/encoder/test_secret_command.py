"""``counterfoil secret`` for three holders at a real broker: each sees what is done and who is awaited."""

import json
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from encoder import ceremony
from encoder.cli import app
from encoder.errors import BrokerRefused, InputError
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.derive import key_check
from keys.errors import SecretError
from keys.kinds import Declared
from keys.statement import declare
from keys.words import words_of
from services.rehearsal.party import agree
from tests.stage import MakeScene, Scene

pytestmark = pytest.mark.apart_from_database

PASSPHRASE = "correct horse battery staple"
NAMES = ("council", "social-care", "icb")

Command = Callable[..., tuple[str, str]]


@pytest.fixture
def scene(make_scene: MakeScene, tmp_path: Path) -> Scene:
    """Three holders whose agreement the broker has, and nothing more."""
    scene = make_scene(*NAMES, opened=False)
    scene.root = tmp_path
    (tmp_path / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
    for name, identity in scene.cast.holders.items():
        workspace = Workspace(tmp_path / name)
        workspace.root.mkdir()
        workspace.identity.write_bytes(identity.lock(PASSPHRASE, random=secrets.token_bytes))
        receiving = scene.door(identity).post("/v1/agreements", scene.agreement.to_json())
        workspace.save_agreement(Agreement.from_json(scene.agreement.to_json()), receiving)
    return scene


@pytest.fixture
def secret(scene: Scene) -> Command:
    def run(step: str, name: str, *more: str, broker: bool = True) -> tuple[str, str]:
        """What the command says to its reader and to the next program; errors of ours are raised."""
        options = ["--folder", str(scene.root / name)]
        if broker:
            options += ["--broker", scene.broker.url, "--passphrase-file", str(scene.root / "passphrase")]
        done = CliRunner().invoke(app, ["secret", step, *options, *more])
        if done.exception is not None:
            raise done.exception
        return done.stdout, done.stderr

    return run


def test_three_holders_make_one_secret_and_compare_it_on_the_phone(scene: Scene, secret: Command) -> None:
    _, told = secret("contribute", "council")
    assert "sealed to social-care and icb" in told
    with pytest.raises(SecretError, match="social-care and icb have not contributed yet"):
        secret("receive", "council")
    secret("contribute", "icb")
    with pytest.raises(SecretError, match=": social-care has not contributed yet") as caught:
        secret("receive", "council")
    assert "counterfoil secret contribute" in caught.value.remedy

    shown, _ = secret("status", "council")
    assert shown.splitlines() == [
        "contributed  yes",
        "received     no",
        "social-care: has not contributed yet",
        "icb: has contributed",
        "next: wait for the others",
    ]
    assert secret("status", "social-care")[0].splitlines()[-1] == "next: counterfoil secret contribute"
    secret("contribute", "social-care")
    assert secret("status", "council")[0].splitlines()[-1] == "next: counterfoil secret receive"

    told_checks = {secret("receive", name)[0] for name in NAMES}
    (made,) = {
        ceremony.recall_secret(Workspace(scene.root / name), agreement=scene.agreement, identity=identity)
        for name, identity in scene.cast.holders.items()
    }
    check = key_check(made)
    assert told_checks == {f"key check    {check[:16]}\nin words     {words_of(check)}\n"}
    facts = json.loads(secret("status", "icb", "--json")[0])
    assert facts == {
        "contributed": True,
        "received": True,
        "others": {"council": True, "social-care": True},
        "key_check": check,
        "words": words_of(check),
    }
    assert words_of(check) in secret("status", "icb")[0]


def test_without_a_broker_status_asks_nobody(secret: Command) -> None:
    assert secret("status", "council", broker=False)[0].splitlines() == ["contributed  no", "received     no"]
    secret("contribute", "council")
    facts = json.loads(secret("status", "council", "--json", broker=False)[0])
    assert facts == {"contributed": True, "received": False}


def test_receiving_first_says_to_contribute(secret: Command) -> None:
    with pytest.raises(InputError, match="Contribute first"):
        secret("receive", "icb")


def test_an_agreement_that_the_broker_does_not_have_is_nobodys_delay(scene: Scene, secret: Command) -> None:
    """The broker knows the parties from an earlier agreement, so it answers as for anything that is not there."""
    later = agree(scene.agreement.terms.model_copy(update={"title": "The year after"}), scene.cast)
    workspace = Workspace(scene.root / "council")
    _, receiving = workspace.load_agreement()
    body = {"agreement": later.id, "receiving": receiving.to_json()}
    workspace.save_agreement(later, declare(scene.broker.identity, Declared.RECEIVING_KEY, body).to_json())
    with pytest.raises(BrokerRefused, match="does not have this agreement"):
        secret("status", "council")
