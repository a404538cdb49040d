"""``counterfoil identity`` as its users meet it: keys are made once, locked, shown without secrets, replaced."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from keys.canonical import parse
from keys.identity import Card, Identity
from keys.statement import Statement
from keys.words import WORDS, words_of

PASSPHRASE = "correct horse battery staple"


def counterfoil(
    *arguments: str, cwd: Path, stdin: str = "", pass_fds: tuple[int, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from encoder.cli import main; main()", "identity", *arguments],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        pass_fds=pass_fds,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identity")
    (folder / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
    made = counterfoil("create", "--name", "Example Council", "--passphrase-file", "passphrase", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert "lost passphrase is final" in made.stderr
    return folder


def test_the_identity_file_is_for_its_owner_alone_and_opens_with_the_passphrase(home: Path) -> None:
    path = home / "identity.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert Identity.unlock(path.read_bytes(), PASSPHRASE, where="file").card.name == "Example Council"


def test_identity_and_card_show_the_same_fingerprint_and_words(home: Path) -> None:
    assert counterfoil("card", "identity.json", "--output", "one.card.json", cwd=home).returncode == 0
    shown = [
        json.loads(counterfoil("show", name, "--json", cwd=home).stdout) for name in ("identity.json", "one.card.json")
    ]
    card = Card.from_json(parse((home / "one.card.json").read_bytes(), where="card"))
    assert shown[0] == shown[1]
    assert shown[0]["fingerprint"] == card.fingerprint
    assert shown[0]["words"] == words_of(card.fingerprint)
    assert len(shown[0]["words"].split()) == WORDS


def test_rotation_is_vouched_for_by_the_old_keys(home: Path) -> None:
    done = counterfoil("rotate", "identity.json", "--output", "two.json", "--passphrase-file", "passphrase", cwd=home)
    assert done.returncode == 0, done.stderr
    old = Identity.unlock((home / "identity.json").read_bytes(), PASSPHRASE, where="old").card
    new = Identity.unlock((home / "two.json").read_bytes(), PASSPHRASE, where="new").card
    statement = Statement.from_json(parse((home / "two.rotation.json").read_bytes(), where="statement"))
    assert statement.verify(old, kind="rotation") == {"old": old.fingerprint, "new": new.to_json()}
    assert new.fingerprint != old.fingerprint


def test_the_other_party_checks_a_rotation_and_gets_the_new_card(home: Path, tmp_path: Path) -> None:
    for name in ("identity.json", "passphrase"):
        (tmp_path / name).write_bytes((home / name).read_bytes())
    assert counterfoil("card", "identity.json", "--output", "old.card.json", cwd=tmp_path).returncode == 0
    arguments = ("--output", "next.json", "--passphrase-file", "passphrase")
    rotated = counterfoil("rotate", "identity.json", *arguments, cwd=tmp_path)
    assert "next.rotation.json" in rotated.stderr
    check = ("check-rotation", "next.rotation.json", "--card")
    done = counterfoil(*check, "old.card.json", "--output", "new.card.json", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "read the words" in done.stderr
    shown = json.loads(done.stdout)
    old, new = (
        Card.from_json(parse((tmp_path / name).read_bytes(), where=name)) for name in ("old.card.json", "new.card.json")
    )
    assert new == Identity.unlock((tmp_path / "next.json").read_bytes(), PASSPHRASE, where="next").card
    for card, facts in ((old, shown["old"]), (new, shown["new"])):
        assert facts == {"name": card.name, "fingerprint": card.fingerprint, "words": words_of(card.fingerprint)}
        assert facts["words"] in counterfoil(*check, "old.card.json", cwd=tmp_path).stdout
    again = counterfoil(*check, "old.card.json", "--output", "new.card.json", cwd=tmp_path)
    assert (again.returncode, again.stdout) == (1, "")
    assert "exists already" in again.stderr
    wrong = counterfoil(*check, "new.card.json", "--output", "other.card.json", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert "not a rotation signed with the keys" in wrong.stderr
    assert not (tmp_path / "other.card.json").exists()


def test_passphrase_from_a_file_descriptor_and_from_stdin(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, PASSPHRASE.encode() + b"\n")
    os.close(write)
    by_descriptor = counterfoil(
        "create", "--name", "a", "--output", "a.json", "--passphrase-fd", str(read), cwd=tmp_path, pass_fds=(read,)
    )
    os.close(read)
    by_stdin = counterfoil("create", "--name", "b", "--output", "b.json", cwd=tmp_path, stdin=PASSPHRASE + "\n")
    for done, name in ((by_descriptor, "a"), (by_stdin, "b")):
        assert done.returncode == 0, done.stderr
        assert Identity.unlock((tmp_path / f"{name}.json").read_bytes(), PASSPHRASE, where=name).card.name == name


@pytest.mark.parametrize(
    ("arguments", "stdin", "what"),
    [
        (["create", "--name", "x", "--output", "new.json"], "short\n", "fewer than 12 characters"),
        (["create", "--name", "x", "--output", "new.json"], "", "no passphrase"),
        (["create", "--name", "", "--output", "new.json"], PASSPHRASE, "not a card"),
        (["create", "--name", "x", "--output", "identity.json"], PASSPHRASE, "exists already"),
        (["rotate", "identity.json", "--output", "new.json"], "another passphrase\n", "does not open"),
        (["show", "passphrase"], "", "not"),
        (["show", "missing.json"], "", "cannot be read: there is no such file"),
        (["show", "."], "", "cannot be read: it is a folder"),
    ],
)
def test_every_refusal_says_what_to_do_and_leaves_nothing(
    home: Path, arguments: list[str], stdin: str, what: str
) -> None:
    before = sorted(home.iterdir())
    done = counterfoil(*arguments, cwd=home, stdin=stdin)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ")
    assert what in done.stderr
    assert "Traceback" not in done.stderr
    assert stdin.strip() == "" or stdin.strip() not in done.stderr
    assert sorted(home.iterdir()) == before
