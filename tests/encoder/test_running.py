"""How commands end: every fault becomes a message and a documented exit code, in any code page."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from encoder.cli.ask import NobodyToAsk, NotAgreed, ask
from tests.doors import drawn, identity

ROOT = Path(__file__).parents[2]
MAIN = "from encoder.cli import main; main()"
PASSPHRASE = "correct horse battery staple"


def counterfoil(
    cwd: Path, *words: str, script: str = MAIN, page: str = "utf-8", stdout: int = subprocess.PIPE
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": page, "COLUMNS": "200"},
        timeout=60,
        check=False,
    )


def failing(raised: str) -> str:
    """The command, with ``counterfoil agreement new`` raising something in its midst."""
    return f"import encoder.cli.agreement as a\ndef fail(*_): {raised}\na.write_whole = fail\n{MAIN}"


@pytest.mark.parametrize(
    ("raised", "code", "message"),
    [
        (
            "raise OSError(28, 'No space left on device', 'out')",
            1,
            "Error: out: This computer does not allow it: the disk is full.\nFree some space,",
        ),
        ("raise PermissionError(13, 'Permission denied')", 1, "Error: This computer does not allow it: permission"),
        ("raise OSError(5, 'Input/output error')", 1, "does not allow it: Input/output error."),
        ("raise KeyboardInterrupt", 130, "Error: Interrupted.\nWhat was not finished has been undone"),
    ],
    ids=["disk full", "permission", "unknown", "interrupted"],
)
def test_every_fault_has_a_message_and_an_exit_code(tmp_path: Path, raised: str, code: int, message: str) -> None:
    done = counterfoil(tmp_path, "agreement", "new", script=failing(raised))
    assert done.returncode == code
    assert message in done.stderr.decode()
    assert b"Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interruption_while_the_tool_is_loaded_ends_it_as_any_other(tmp_path: Path) -> None:
    """Ctrl-C in the moment in which Python reads the modules of the commands."""
    script = """
import sys

class Interrupted:
    def find_spec(self, name, path=None, target=None):
        if name == "encoder.cli.linkage":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from encoder.start import main
main()
"""
    done = counterfoil(tmp_path, "agreement", "new", script=script)
    assert done.returncode == 130
    assert done.stderr.decode() == "Error: Interrupted.\nNothing was begun; start again when you like.\n"
    assert not list(tmp_path.iterdir())


def test_a_fault_of_ours_is_not_hidden(tmp_path: Path) -> None:
    done = counterfoil(tmp_path, "agreement", "new", script=failing("1 / 0"))
    assert done.returncode == 1
    assert b"ZeroDivisionError" in done.stderr


def test_wrong_usage_is_two(tmp_path: Path) -> None:
    done = counterfoil(tmp_path, "agreement", "new", "--no-such-option")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"No such option" in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_command_that_is_told_to_end_undoes_what_is_half_done(tmp_path: Path, number: int, code: int) -> None:
    script = f"""
import os, signal
from encoder.cli import app, main
from keys.files import whole_file
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts tests in the background ignores it
@app.command()
def half():
    with whole_file(Path("out")) as stream:
        stream.write(bytes(1 << 20))
        os.kill(os.getpid(), {int(number)})
        os.read(os.pipe()[0], 1)
main()
"""
    done = counterfoil(tmp_path, "half", script=script)
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_output_that_cannot_be_written_is_a_refusal(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = counterfoil(tmp_path, "doctor", "--json", stdout=full.fileno())
    assert done.returncode == 1
    assert done.stderr.decode().startswith("Error: This computer does not allow it: the disk is full.")
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_a_reader_that_has_seen_enough_is_no_fault(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = counterfoil(tmp_path, "doctor", "--json", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


ODD = "Zo\u00eb \u0141ukasz \u674e"


@pytest.mark.parametrize("page", ["cp1252", "cp437", "ascii:strict"])
def test_any_name_can_be_shown_in_any_code_page(tmp_path: Path, page: str) -> None:
    """Names of parties, folders and files hold letters that a Windows code page lacks."""
    home = tmp_path / ODD
    home.mkdir()
    (home / "identity.json").write_bytes(identity(ODD).lock(PASSPHRASE, random=drawn("lock")))
    encoding = page.split(":")[0]
    shown = ODD.encode(encoding, "backslashreplace")
    done = counterfoil(home, "identity", "show", "identity.json", page=page)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shown in done.stdout
    for words, code in {
        ("identity", "card", "identity.json", "--output", f"{ODD}.json"): 0,
        ("agreement", "check", f"{ODD}.toml"): 1,
        ("columns", f"{ODD}.csv"): 1,
        ("encode", f"{ODD}.csv", "--folder", str(home)): 1,
        ("log", "verify", f"{ODD}.json"): 1,
    }.items():
        done = counterfoil(home, *words, page=page)
        assert (done.returncode, b"Traceback" in done.stderr) == (code, False), done.stderr
        assert shown in done.stdout + done.stderr
        (done.stdout + done.stderr).decode(encoding)
    done = counterfoil(home, "doctor", page=page)
    assert b"Traceback" not in done.stderr
    assert shown in done.stdout


def typed(data: bytes) -> tuple[int, bytes]:
    """What ``ask`` makes of what is typed at a terminal: the exit code, and stderr."""
    ours, theirs = pty.openpty()
    os.write(ours, data)
    done = subprocess.run(
        [sys.executable, "-c", "from encoder.cli.ask import ask; ask('Shall I?')"],
        stdin=theirs,
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.stdout == b""
    return done.returncode, done.stderr


def test_only_yes_at_a_terminal_is_yes() -> None:
    for answer in (b"y\n", b"YES\n"):
        assert typed(answer) == (0, b"Shall I? [y/N]: ")
    for answer in (b"\n", b"n\n", b"yesterday\n"):
        code, shown = typed(answer)
        assert code == 1
        assert b"NotAgreed: You did not say yes." in shown
    code, shown = typed(b"\4")
    assert code == 1
    assert b"NobodyToAsk" in shown


def test_without_a_terminal_nothing_is_taken_for_an_answer(capfd: pytest.CaptureFixture[str]) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"y\n")
    with os.fdopen(reading, encoding="utf-8") as piped:
        sys.stdin, before = piped, sys.stdin
        try:
            with pytest.raises(NobodyToAsk, match="--yes"):
                ask("Shall I?")
        finally:
            sys.stdin = before
    os.close(writing)
    assert capfd.readouterr().err == ""


def test_a_no_has_an_exit_code_of_a_refusal() -> None:
    assert NotAgreed("x", remedy="y").exit_code == NobodyToAsk("x", remedy="y").exit_code == 1
