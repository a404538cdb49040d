"""``counterfoil encode`` shows and asks before it writes, and a refusal leaves everything as it was."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import pty
import select
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from encoder.cli.ask import NobodyToAsk, NotAgreed
from encoder.package import recall_handles
from encoder.workspace import Workspace
from keys.errors import CounterfoilError
from tests.doors import children, identity
from tests.holder import agreement_for_ever, content, make_home, write_rows

AGREEMENT = agreement_for_ever()
ROOT = Path(__file__).parents[2]
MAIN = "from encoder.cli import main; main()"

Encode = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return make_home(tmp_path / "home", AGREEMENT)


def people() -> list[dict[str, str]]:
    made = children(9)
    made[1] |= {"nhs_number": "9434765918", "forename": "baby"}
    made[4] |= dict.fromkeys(("forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"), "")
    return made


@pytest.fixture
def file(home: Path) -> Path:
    return write_rows(home / "in.csv", people())


def words(home: Path, file: Path, *more: str | Path) -> list[str]:
    given = ["encode", file, "--columns", home / "columns.toml", "--folder", home]
    return [str(word) for word in (*given, "--passphrase-file", home / "passphrase", *more)]


def encode(home: Path, file: Path, *more: str | Path, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, words(home, file, *more), input=answer)


def at_a_terminal(home: Path, arguments: list[str], answer: str, *, stdout_too: bool = False) -> tuple[int, str, str]:
    """Answer at a terminal, to which stderr goes; the exit code, what the terminal showed, and stdout if elsewhere."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=home,
        stdin=theirs,
        stdout=theirs if stdout_too else subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200", "TERM": "dumb"},
        start_new_session=True,
    ) as process:
        os.close(theirs)
        screen = b""
        answered = False
        while select.select([ours], [], [], 60)[0]:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # the terminal is gone with the process
                break
            screen += part
            if screen.rstrip().endswith(b"[y/N]:") and not answered:
                os.write(ours, answer.encode())
                answered = True
        os.close(ours)
        out = process.stdout.read() if process.stdout is not None else b""
        return process.wait(60), screen.decode(), out.decode()


def shows_a_person(text: str) -> bool:
    return any(
        one[field].casefold() in text.casefold()
        for one in people()
        for field in ("forename", "surname", "nhs_number", "upn")
        if one[field]
    )


def test_at_a_terminal_five_rows_are_shown_and_no_means_no(home: Path, file: Path) -> None:
    before = content(home)
    code, screen, out = at_a_terminal(home, words(home, file), "n\n")
    assert code == 1
    assert out == ""
    assert content(home) == before
    listed = (
        screen.split("As they are compared, on this screen only:")[1].split("Encode and seal 9 rows")[0].splitlines()
    )
    rows = [line.split() for line in listed if line.strip()]
    assert rows[0] == ["row", "forename", "surname", "postcode", "nhs_number", "date_of_birth"]
    assert [row[0] for row in rows[1:]] == ["2", "3", "4", "5", "7"]  # row 6 cannot link
    first = people()[0]
    assert rows[1][1:] == [
        first["forename"].lower(),
        first["surname"].lower(),
        first["postcode"].replace(" ", ""),
        first["nhs_number"],
        first["date_of_birth"],
    ]
    assert rows[2][1] == "-"
    assert people()[8]["surname"].lower() not in screen


def test_yes_at_a_terminal_writes_and_rows_never_reach_a_redirected_stream(home: Path, file: Path) -> None:
    code, screen, out = at_a_terminal(home, words(home, file), "y\n")
    assert code == 0
    assert "on this screen only" in screen
    assert not shows_a_person(out)
    assert (home / "upload.sealed").exists()
    for name, data in content(home).items():
        if Path(name).name not in ("in.csv",):
            assert not shows_a_person(data.decode("latin-1"))


@pytest.mark.parametrize("more", [("--json",), ("--yes",), ("--yes", "--json")])
def test_nobody_is_shown_who_is_not_asked_about_or_goes_into_json(
    home: Path, file: Path, more: tuple[str, ...]
) -> None:
    code, screen, out = at_a_terminal(home, words(home, file, *more), "y\n", stdout_too="--json" not in more)
    assert code == 0
    assert not shows_a_person(screen + out)
    if "--json" in more:
        assert json.loads(out)["rows"] == 9


@pytest.mark.usefixtures("somebody")
def test_nobody_is_shown_where_stderr_is_no_terminal(home: Path, file: Path) -> None:
    done = encode(home, file, answer="y\n")
    assert done.exit_code == 0
    assert "on this screen only" not in done.output
    assert not shows_a_person(done.output)


def test_without_a_terminal_and_without_yes_it_says_so_and_does_nothing(home: Path, file: Path) -> None:
    before = content(home)
    for answer in (None, "y\n"):
        done = encode(home, file, answer=answer)
        assert isinstance(done.exception, NobodyToAsk)
        assert "--yes" in done.exception.remedy
        assert content(home) == before


def test_what_is_shown_before_is_what_is_written(home: Path, file: Path) -> None:
    done = encode(home, file, "--yes", "--json")
    facts = json.loads(done.stdout)
    upload = home / "upload.sealed"
    assert f"{upload.stat().st_size:,} bytes, padded and sealed to the broker" in done.stderr
    assert (facts["bytes"], facts["sha256"]) == (
        upload.stat().st_size,
        hashlib.sha256(upload.read_bytes()).hexdigest(),
    )
    assert (facts["rows"], facts["rejected"], facts["excluded"]) == (9, 1, 0)
    assert facts["identifiers"]["nhs_number"] == {"given": 7, "missing": 1, "placeholder": 0, "invalid": 1}
    assert facts["identifiers"]["forename"] == {"given": 7, "missing": 1, "placeholder": 1, "invalid": 0}
    for line in ("Rows 9", "  1 with no identifier that can link: uploaded without any encoding, too"):
        assert line in done.stderr.splitlines()
    told = done.stderr.split("Match-keys")[1].splitlines()[1 : 1 + len(facts["match_keys"])]
    assert dict(map(str.split, told)) == {name: str(rows) for name, rows in facts["match_keys"].items()}
    assert "What does not leave: identifiers, row ids," in done.stderr


def test_what_is_left_out_is_listed_for_the_holder_alone(home: Path, file: Path) -> None:
    facts = json.loads(encode(home, file, "--yes", "--json").stdout)
    path = home / "rejected.csv"
    assert (facts["rejected_file"], facts["rejected_lines"]) == (str(path), 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["row"], line["row_id"], line["field"]) for line in lines] == [
        ("3", people()[1]["id"], "nhs_number"),
        ("6", people()[4]["id"], ""),
    ]
    write_rows(file, children(9))
    assert json.loads(encode(home, file, "--yes", "--json").stdout)["rejected_lines"] == 0
    assert path.read_bytes().count(b"\n") == 1
    elsewhere = home / "elsewhere.csv"
    assert json.loads(encode(home, file, "--yes", "--json", "--rejected", elsewhere).stdout)["rejected_file"] == str(
        elsewhere
    )
    assert elsewhere.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["upload.sealed", "handles.sealed"])
def test_the_list_is_not_lost_under_the_name_of_the_upload(home: Path, file: Path, name: str) -> None:
    before = content(home)
    done = encode(home, file, "--yes", "--rejected", home / name)
    assert isinstance(done.exception, CounterfoilError)
    assert content(home) == before


def test_excluded_rows_are_counted_and_not_told(home: Path, file: Path) -> None:
    out = [people()[number]["id"] for number in (0, 1, 4)]
    (home / "adopted.csv").write_text("id\n" + "\n".join(out) + "\n", encoding="utf-8")
    (home / "opted out.txt").write_text(f"{people()[7]['id']}\nsomebody-else\n", encoding="utf-8")
    lists = ("--exclude", home / "adopted.csv", "--exclude", home / "opted out.txt")
    code, screen, shown = at_a_terminal(home, words(home, file, *lists), "y\n")
    assert code == 0
    assert "(0 cannot link, 4 excluded)" in shown
    assert "  4 excluded by list: uploaded without any encoding, with a token like any other" in screen
    assert f"{home / 'adopted.csv'}: 3 ids, 3 of them in the file." in screen
    assert "1 id is of no row, first in row 2 of the list" in screen
    told = [line.split()[0] for line in screen.split("on this screen only:")[1].splitlines()[2:7]]
    assert told == ["4", "5", "7", "8", "10"]
    for row_id in (*out, people()[7]["id"], "somebody-else"):
        assert row_id not in screen + shown
    assert (home / "rejected.csv").read_bytes().count(b"\n") == 1
    _, row_ids = recall_handles(Workspace(home), agreement=AGREEMENT, identity=identity("council"))
    assert sorted(row_ids) == sorted(one["id"] for one in people())
    facts = json.loads(encode(home, file, *lists, "--yes", "--json").stdout)
    assert (facts["rows"], facts["excluded"], facts["excluded_ids_of_no_row"]) == (9, 4, 1)
    assert max(facts["match_keys"].values()) == 5


REFUSALS = {
    "list with nobody of the file": ["--exclude", "nobody.txt"],
    "list that is not there": ["--exclude", "no-such-list.csv"],
    "list of another column": ["--exclude", "named.csv"],
    "column of no list": ["--exclude-column", "id"],
    "rejected rows over the file": ["--rejected", "in.csv"],
    "rejected rows over the identity": ["--rejected", "identity.json"],
    "rejected rows over the upload": ["--rejected", "upload.sealed"],
    "rejected rows over a link": ["--rejected", "link.csv"],
    "rejected rows into a file": ["--rejected", "in.csv/rejected.csv"],
    "rejected rows into no folder": ["--rejected", "no-such-folder/rejected.csv"],
    "rejected rows as a folder": ["--rejected", "a-folder"],
    "rejected rows where nobody writes": ["--rejected", "/proc/self/rejected.csv"],
    "rejected rows under a long name": ["--rejected", f"{'x' * 300}.csv"],
    "too few rows": ["--exclude", "nearly-all.txt"],
    "another sheet": ["--sheet", "Pupils"],
    "no folder": ["--folder", "no-such-folder"],
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_leaves_everything_as_it_was(
    home: Path, file: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert encode(home, file, "--yes").exit_code == 0
    (home / "rejected.csv").rename(home / "older.csv")
    (home / "nobody.txt").write_text("elsewhere\n", encoding="utf-8")
    (home / "named.csv").write_text("child,why\nrow-0-1,adopted\n", encoding="utf-8")
    (home / "nearly-all.txt").write_text("\n".join(one["id"] for one in people()[:-1]), encoding="utf-8")
    (home / "link.csv").symlink_to(home / "identity.json")
    (home / "a-folder").mkdir()
    before = content(home)
    monkeypatch.chdir(home)
    done = encode(home, file, "--yes", *REFUSALS[name])
    assert isinstance(done.exception, CounterfoilError), done.output
    assert done.exception.remedy
    assert (done.exit_code, done.stdout) == (1, "")
    assert content(home) == before
    assert sorted(path.name for path in home.iterdir() if path.is_dir()) == ["a-folder"]


@pytest.mark.usefixtures("somebody")
def test_no_leaves_an_earlier_upload_and_its_list(home: Path, file: Path) -> None:
    assert encode(home, file, "--yes").exit_code == 0
    before = content(home)
    done = encode(home, file, answer="n\n")
    assert isinstance(done.exception, NotAgreed)
    assert content(home) == before


@pytest.mark.parametrize("limit", [0, 60, 2000, 4000])
def test_a_full_disk_leaves_everything_as_it_was(home: Path, file: Path, limit: int) -> None:
    """No file may grow beyond the limit: of the list, the table of handles, the older one, and the upload, in turn."""
    assert encode(home, file, "--yes").exit_code == 0
    before = content(home)
    script = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit})); {MAIN}"
    done = subprocess.run(
        [sys.executable, "-c", script, *words(home, file, "--yes")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "The file cannot be written: it would be larger than this disk or your account allows." in done.stderr
    assert content(home) == before


def test_a_link_in_the_way_of_the_list_or_the_upload_is_not_followed(home: Path, file: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    (home / "upload.sealed").symlink_to(theirs)
    assert encode(home, file, "--yes").exit_code == 0
    assert theirs.read_bytes() == b"theirs"
    assert not (home / "upload.sealed").is_symlink()


def test_one_row_is_one_row(tmp_path: Path) -> None:
    home = make_home(tmp_path / "alone", agreement_for_ever(minimum_rows=1))
    done = encode(home, write_rows(home / "in.csv", children(1)), "--yes")
    assert done.exit_code == 0
    assert "upload.sealed: 1 row (0 cannot link, 0 excluded)" in done.stdout
    assert "1 rows" not in done.output
