"""A passphrase goes from where it is typed into Argon2id and nowhere else.

Real commands in processes of their own, with the passphrase at a terminal, in a file and on a descriptor.
"""

import base64
import os
import pty
import subprocess
import sys
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import encoder.cli
import services.cli
from keys.identity import Identity
from tests.doors import drawn, identity

PASSPHRASE = "verr\u00fcckte Qu\u00e4lgeister 7"
MAIN = "from encoder.cli import main; main()"
FAILING = f"import keys.identity; keys.identity.AESGCM = lambda key: 1 / 0; {MAIN}"
"""The command with a fault of ours, just where the passphrase has been used: it ends in a traceback."""
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUTF8": "1", "COLUMNS": "200"}

Run = Callable[..., tuple[int, bytes]]


def forms(secret: str) -> list[bytes]:
    """How it could be found: in some encoding, or the larger half of it."""
    texts = [secret, unicodedata.normalize("NFD", secret), secret[:10], secret[-10:]]
    encoded = [text.encode(name) for text in texts for name in ("utf-8", "latin-1", "utf-16-le") if fits(text, name)]
    return [one for data in encoded for one in (data, data.hex().encode(), base64.b64encode(data).rstrip(b"="))]


def fits(text: str, name: str) -> bool:
    return name != "latin-1" or max(map(ord, text)) < 256


def assert_absent(data: bytes) -> None:
    assert not [form for form in forms(PASSPHRASE) if form in data]


def test_the_search_would_find_it() -> None:
    for data in (PASSPHRASE.encode(), PASSPHRASE.encode().hex().encode(), base64.b64encode(PASSPHRASE.encode())):
        assert [form for form in forms(PASSPHRASE) if form in b"before " + data + b" after"]


def at_a_terminal(cwd: Path, script: str, *arguments: str, asks: int = 1) -> tuple[int, bytes]:
    """Types the passphrase at each prompt; the second part is all that was shown or written, argv and environment."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        assert process.stdout is not None
        assert process.stderr is not None
        shown = b""
        for asked in range(asks):
            while not shown.endswith(b": " if asked == 0 else b"again: "):
                part = process.stderr.read(1)
                assert part, shown
                shown += part
            if asked:
                shown += b"".join(Path(f"/proc/{process.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
                shown += b"again: "
            os.write(ours, PASSPHRASE.encode() + b"\n")
        rest = process.communicate(timeout=60)
        os.set_blocking(ours, False)
        try:
            echoed = os.read(ours, 1 << 16)
        except OSError:
            echoed = b""
        os.close(ours)
        return process.returncode, shown + b"".join(rest) + echoed


def from_a_file(cwd: Path, script: str, *arguments: str, asks: int = 1) -> tuple[int, bytes]:
    options = ["--passphrase-file", "passphrase"] if asks else []
    return finished(cwd, script, *arguments, *options)


def from_a_descriptor(cwd: Path, script: str, *arguments: str, asks: int = 1) -> tuple[int, bytes]:
    with (cwd / "passphrase").open("rb") as stream:
        options = ["--passphrase-fd", str(stream.fileno())] if asks else []
        return finished(cwd, script, *arguments, *options, pass_fds=(stream.fileno(),))


def finished(cwd: Path, script: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> tuple[int, bytes]:
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=ENVIRONMENT,
        pass_fds=pass_fds,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def cwd(tmp_path: Path) -> Path:
    (tmp_path / "passphrase").write_text(PASSPHRASE + "\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("run", [at_a_terminal, from_a_file, from_a_descriptor])
def test_no_command_shows_or_writes_the_passphrase(cwd: Path, run: Run) -> None:
    steps = [
        (0, MAIN, ["create", "--name", "Example Council"], 2),
        (0, MAIN, ["rotate", "identity.json", "--output", "two.json"], 1),
        (1, FAILING, ["rotate", "identity.json", "--output", "three.json"], 1),
    ]
    if run is at_a_terminal:  # these ask for none, so once is enough
        steps[1:1] = [(0, MAIN, [name, "identity.json"], 0) for name in ("show", "card")]
    for code, script, arguments, asks in steps:
        returned, shown = run(cwd, script, "identity", *arguments, asks=asks)
        assert returned == code, shown
        assert (b"Traceback" in shown) == (script is FAILING), shown
        assert_absent(shown)
    files = sorted(path for path in cwd.iterdir() if path.name not in ("passphrase", "card.json"))
    assert [path.name for path in files] == ["identity.json", "two.json", "two.rotation.json"]
    for path in files:
        assert_absent(path.read_bytes())
    assert Identity.unlock((cwd / "two.json").read_bytes(), PASSPHRASE, where="two").card.name == "Example Council"


@pytest.mark.parametrize("fault", ["keys.identity.Argon2id", "keys.identity.AESGCM", "keys.identity.encode"])
def test_a_fault_of_ours_does_not_tell_the_passphrase(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(fault, fail)
    with pytest.raises(RuntimeError) as caught:
        identity("Alice").lock(PASSPHRASE, random=drawn("lock"))
    assert_absent("".join(traceback.format_exception(caught.value)).encode())


@pytest.mark.parametrize("app", [encoder.cli.app, services.cli.app], ids=["counterfoil", "counterfoil-broker"])
def test_no_option_and_no_variable_takes_a_passphrase(app: typer.Typer) -> None:
    found = list(parameters(typer.main.get_command(app)))
    assert len(found) > 5
    assert not [one.name for one in found if one.envvar]
    named = {name for one in found for name in one.opts if "pass" in name}
    assert named <= {"--passphrase-file", "--passphrase-fd"}
    assert "--passphrase-file" in named


def parameters(command: Any) -> Iterator[Any]:
    """Of a command and of those within it."""
    yield from command.params
    for inner in getattr(command, "commands", {}).values():
        yield from parameters(inner)
