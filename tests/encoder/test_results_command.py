"""``counterfoil results``: what a holder sees and decides before columns go to the recipient, as transcripts.

The broker is a canned answer; the journeys have a real one.
"""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from encoder.errors import ColumnsError, InputError, OutputError
from encoder.sheet import read_sheet
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.envelope import seal_bytes
from keys.errors import CounterfoilError
from keys.files import OutputRefused
from keys.kinds import Sealed
from keys.layout import release_record
from tests.doors import drawn, folder, identity, nhs_number, signed, small_terms
from tests.handed import answer_all_with

pytestmark = pytest.mark.usefixtures("somebody")

PASSPHRASE = "correct horse battery staple"
IDS = [f"row {number}" for number in range(30)]
NEEDS = ("ASD", "SLCN", "SEMH")
COLUMNS = 'id = "ref"\nforename = "first"\nsurname = "last"\n'


def rows(**columns: Any) -> list[dict[str, str]]:
    """A council's file; ``columns`` takes a row's number and gives the cell."""
    return [
        {
            "ref": row_id,
            "first": f"Quill{number}",
            "last": f"Underhay{number}",
            "need": NEEDS[number % 3],
            "plan": "yn"[number % 2],
            **{header: cell(number) for header, cell in columns.items()},
        }
        for number, row_id in enumerate(IDS)
    ]


class Desk:
    """A council's folder, its file, and a broker that has released run 7."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement, run: str = "run-7") -> None:
        self.root = root
        self.asked: list[str] = []
        workspace = folder(root, agreement)
        council = identity("council")
        (root / "identity.json").write_bytes(LOCKED)
        (root / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
        (root / "columns.toml").write_text(COLUMNS, encoding="utf-8")
        handles = np.frombuffer(drawn("handles")(16 * len(IDS)), dtype=np.uint8).reshape(-1, 16)
        handles = handles[np.lexsort(handles.T[::-1])]
        table = len(IDS).to_bytes(8, "big") + handles.tobytes() + canonical(IDS)
        workspace.keep(Sealed.HANDLES, table, agreement=agreement.id, identity=council, random=drawn("keep"))
        records = np.zeros(len(IDS), dtype=release_record())
        records["handle"] = handles
        records["token"] = np.frombuffer(drawn("tokens")(44 * len(IDS)), dtype=np.uint8).reshape(-1, 44)
        sealed = seal_bytes(
            records.tobytes(),
            kind=Sealed.RELEASE,
            agreement=agreement.id,
            sender=identity("broker"),
            receiver=council.card.receiving,
            random=drawn("release"),
            context={"run": run},
        )
        answer_all_with(sealed, monkeypatch, asked=self.asked)

    def write(self, made: list[dict[str, str]]) -> None:
        with (self.root / "sen2.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(made[0]))
            writer.writeheader()
            writer.writerows(made)

    def results(self, *more: str, stdin: str | None = None) -> Result:
        passphrase = ("--passphrase-file", str(self.root / "passphrase"))
        words = [
            "results",
            "run-7",
            "--broker",
            "https://broker.example",
            "--folder",
            str(self.root),
            *passphrase,
            *more,
        ]
        return CliRunner().invoke(app, words, input=stdin)

    def hand_over(self, *more: str, out: str = "out.csv", stdin: str | None = None) -> Result:
        files = ("--file", str(self.root / "sen2.csv"), "--columns", str(self.root / "columns.toml"))
        return self.results("--attributes", str(self.root / out), *files, *more, stdin=stdin)

    @property
    def made(self) -> set[str]:
        ours = {"agreement.json", "identity.json", "passphrase", "columns.toml", "sen2.csv", "handles.sealed"}
        return {path.name for path in self.root.iterdir()} - ours


LOCKED = identity("council").lock(PASSPHRASE, random=drawn("lock"))
FOR_EVER = "9000-01-01T00:00:00+00:00"


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(tmp_path, monkeypatch, signed(small_terms(expires=FOR_EVER)))
    made.write(rows())
    return made


def refused(done: Result, kind: type[CounterfoilError] = InputError) -> CounterfoilError:
    assert isinstance(done.exception, kind), done.output
    assert not isinstance(done.exception, SystemExit)
    return done.exception


def test_results_alone_need_no_file(desk: Desk) -> None:
    done = desk.results()
    assert done.stdout == f"30 rows in {desk.root / 'results.csv'}\n"
    assert done.stderr == ""
    with (desk.root / "results.csv").open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert {row["row_id"] for row in written} == set(IDS)
    assert desk.asked == ["/v1/runs/run-7/release"]


def test_what_goes_is_shown_and_asked_for_before_it_is_written(desk: Desk) -> None:
    done = desk.hand_over(stdin="y\n")
    out = desk.root / "out.csv"
    assert done.stderr.strip() == (
        "Read as comma-separated text in UTF-8.\n"
        f"Columns of {desk.root / 'sen2.csv'}\n"
        "  stay, declared: 'ref', 'first', 'last'\n"
        "  stay, left out: none\n"
        "  handed over: 'need', 'plan'\n"
        f"Hand these columns over in {out}? [y/N]:"
    )
    assert done.stdout == (
        f"30 rows in {desk.root / 'results.csv'}\n"
        f"30 rows for the recipient in {out}\n"
        f"SHA-256 {hashlib.sha256(out.read_bytes()).hexdigest()}\n"
    )
    table = read_sheet(out).table
    assert table.column_names == ["token", "need", "plan"]
    tokens = dict(zip(table.column("token").to_pylist(), table.column("need").to_pylist(), strict=True))
    with (desk.root / "results.csv").open(newline="") as stream:
        assert all(tokens[row["token"]] == NEEDS[IDS.index(row["row_id"]) % 3] for row in csv.DictReader(stream))


def test_who_says_no_has_sent_and_written_nothing(desk: Desk) -> None:
    done = desk.hand_over(stdin="n\n")
    assert done.exit_code == 1
    assert (desk.made, desk.asked) == (set(), [])


def test_columns_that_look_like_identifiers_are_warned_of_without_a_value(desk: Desk) -> None:
    desk.write(
        rows(MC_DOB=lambda n: f"199{n % 10}", note=lambda n: nhs_number(7) if n == 4 else "", other=lambda n: "x")
    )
    done = desk.hand_over(stdin="y\n")
    assert done.exit_code == 0
    assert (
        "WARNING: these columns would be handed over and may identify children:\n"
        "  'MC_DOB': its header looks like a date of birth\n"
        "  'note': it holds what looks like an NHS number, first in row 6\n"
        "Leave a column out with --drop, or name all that are to go with --keep.\n"
    ) in done.stderr
    assert "other" not in done.stderr.split("WARNING")[1]
    assert nhs_number(7) not in done.output
    assert read_sheet(desk.root / "out.csv").table.column_names == ["token", "need", "plan", "MC_DOB", "note", "other"]


def test_nobody_looking_a_doubtful_column_does_not_go(desk: Desk) -> None:
    """An extract that has a new column must not slip through a script that was written before."""
    desk.write(rows(MC_DOB=lambda n: f"199{n % 10}"))
    error = refused(desk.hand_over("--yes"))
    assert error.what == "Nobody has looked at columns that may identify children: 'MC_DOB'."
    assert (desk.made, desk.asked) == (set(), [])
    assert desk.hand_over("--yes", "--drop", "MC_DOB").exit_code == 0
    assert read_sheet(desk.root / "out.csv").table.column_names == ["token", "need", "plan"]
    named = desk.hand_over("--yes", "--keep", "MC_DOB", "--keep", "need")
    assert named.exit_code == 0
    assert "WARNING" in named.stderr
    assert read_sheet(desk.root / "out.csv").table.column_names == ["token", "need", "MC_DOB"]


def test_a_script_gets_one_object_and_asks_nobody(desk: Desk) -> None:
    done = desk.hand_over("--yes", "--json", "--drop", "plan", out="out.parquet")
    out = desk.root / "out.parquet"
    assert json.loads(done.stdout) == {
        "run": "run-7",
        "output": str(desk.root / "results.csv"),
        "rows": 30,
        "attributes": {
            "output": str(out),
            "rows": 30,
            "sha256": hashlib.sha256(out.read_bytes()).hexdigest(),
            "without_token": 0,
            "columns": ["need"],
            "traits": [],
            "doubts": {},
        },
    }
    assert "stay, left out: 'plan'" in done.stderr
    assert read_sheet(out).table.column_names == ["token", "need"]
    assert json.loads(desk.results("--json").stdout) == {
        "run": "run-7",
        "output": str(desk.root / "results.csv"),
        "rows": 30,
    }


def test_the_question_is_not_in_the_way_of_json(desk: Desk) -> None:
    done = desk.hand_over("--json", stdin="y\n")
    assert json.loads(done.stdout)["attributes"]["rows"] == 30


def test_rows_without_a_token_are_counted(desk: Desk) -> None:
    desk.write([*rows(), {**rows()[0], "ref": "row 99"}])
    assert "1 row of the file was not in the upload, so not handed over\n" in desk.hand_over("--yes").stdout


@pytest.mark.parametrize("option", ["--file", "--columns", "--keep", "--drop"])
def test_options_of_an_attribute_file_without_one_are_refused(desk: Desk, option: str) -> None:
    assert "--attributes" in refused(desk.results(option, "sen2.csv")).remedy
    assert (desk.made, desk.asked) == (set(), [])


def test_an_attribute_file_without_its_source_is_refused(desk: Desk) -> None:
    refused(desk.results("--attributes", "out.csv"))
    refused(desk.results("--attributes", "out.csv", "--file", str(desk.root / "sen2.csv")), ColumnsError)
    assert (desk.made, desk.asked) == (set(), [])


def test_without_a_columns_file_one_is_proposed_and_confirmed(desk: Desk) -> None:
    headers = {"ref": "id", "first": "forename", "last": "surname"}
    desk.write([{headers.get(header, header): cell for header, cell in row.items()} for row in rows()])
    words = ("--attributes", str(desk.root / "out.csv"), "--file", str(desk.root / "sen2.csv"), "--keep", "need")
    assert desk.results(*words, stdin="n\n").exit_code == 1
    assert desk.made == set()
    refused(desk.results(*words, "--yes"), ColumnsError)  # made-up names with digits are not sure to be names
    done = desk.results(*words, stdin="y\ny\n")
    assert "Are these the right columns?" in done.stderr
    assert (desk.root / "out.csv").read_text(encoding="utf-8").startswith('"token","need"')


@pytest.mark.parametrize(
    ("words", "out"),
    [((), "sen2.csv"), ((), "results.csv"), ((), "out.xlsx"), (("--output", "sen2.csv"), "out.csv")],
    ids=range(4),
)
def test_no_file_of_the_holder_is_written_over(
    desk: Desk, words: tuple[str, ...], out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk.root)
    before = (desk.root / "sen2.csv").read_bytes()
    refused(desk.hand_over("--yes", *words, out=out), OutputError)
    assert (desk.root / "sen2.csv").read_bytes() == before
    assert (desk.made, desk.asked) == (set(), [])


def test_fetching_twice_changes_nothing(desk: Desk) -> None:
    first = desk.results()
    written = desk.root / "results.csv"
    before = (written.read_bytes(), written.stat().st_mtime_ns)
    again = desk.results()
    assert (again.stdout, again.exit_code) == (first.stdout, 0)
    assert (written.read_bytes(), written.stat().st_mtime_ns) == before


def test_results_of_an_earlier_run_are_not_written_over(desk: Desk) -> None:
    written = desk.root / "results.csv"
    written.write_bytes(b"row_id,token\r\nrow 1,of another run\r\n")
    error = refused(desk.results(), OutputRefused)
    assert error.where == str(written)
    assert "exists already" in error.what
    assert b"of another run" in written.read_bytes()
    assert desk.results("--output", str(desk.root / "results-8.csv")).exit_code == 0


def test_another_runs_release_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, signed(small_terms(expires=FOR_EVER)), run="run-8")
    assert refused(desk.results()).what == "The broker sent the release of another run."
    assert desk.made == set()


def test_an_agreement_that_releases_counts_asks_the_broker_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(tmp_path, monkeypatch, signed(small_terms(expires=FOR_EVER, release="count")))
    assert "counterfoil status" in refused(desk.results()).remedy
    assert (desk.made, desk.asked) == (set(), [])
