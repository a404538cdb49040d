"""What a holder does with its file needs no network: the commands run where every socket is an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doors import children
from tests.holder import agreement_for_ever, make_home, write_rows

ROOT = Path(__file__).parents[2]
GUARDED = """
import sys
asked = []
def guard(event, arguments):
    if event.partition(".")[0] in ("socket", "urllib", "http"):
        asked.append(event)
        raise RuntimeError(f"no network here: {event}")
sys.addaudithook(guard)
def check():
    sys.stderr.write(f"ASKED {asked}\\n")
import atexit
atexit.register(check)
"""
MAIN = f"{GUARDED}from encoder.cli import main; main()"


def guarded(cwd: Path, script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = make_home(tmp_path_factory.mktemp("home"), agreement_for_ever())
    rows = children(30)
    write_rows(home / "in.csv", rows)
    (home / "out.txt").write_text(rows[3]["id"], encoding="utf-8")
    return home


@pytest.mark.parametrize(
    "words",
    [
        ("encode", "in.csv", "--columns", "columns.toml", "--exclude", "out.txt", "--yes", "--json", "--workers", "2"),
        ("profile", "in.csv", "--columns", "columns.toml", "--out", "report.html", "--json"),
        ("columns", "in.csv", "--json"),
    ],
    ids=lambda words: words[0],
)
def test_no_socket_is_ever_asked_for(home: Path, words: tuple[str, ...]) -> None:
    more = ("--passphrase-file", "passphrase") if words[0] == "encode" else ()
    done = guarded(home, MAIN, *words, *more)
    assert done.returncode == 0, done.stderr
    assert "ASKED []" in done.stderr
    assert json.loads(done.stdout)
    assert (home / "upload.sealed").exists() or words[0] != "encode"


@pytest.mark.parametrize(
    "attempt",
    [
        "import socket; socket.socket()",
        "import socket; socket.getaddrinfo('localhost', 80)",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import httpx; httpx.get('http://127.0.0.1:9')",
    ],
)
def test_the_guard_would_notice(tmp_path: Path, attempt: str) -> None:
    done = guarded(tmp_path, GUARDED + attempt)
    assert done.returncode == 1
    assert "no network here" in done.stderr
    assert "ASKED []" not in done.stderr
