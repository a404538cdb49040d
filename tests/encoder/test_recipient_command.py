"""``counterfoil open`` and ``join``: the recipient's work as transcripts. The broker is a canned answer."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from encoder.sheet import read_sheet, sha256_of, write_sheet
from keys.agreement import Agreement
from keys.envelope import seal_bytes
from keys.errors import CounterfoilError
from keys.kinds import Sealed
from keys.receiving import encode
from keys.tokens import seal_link_ids
from tests.doors import HOLDERS, drawn, folder, identity, signed, small_terms
from tests.handed import answer_all_with

PASSPHRASE = "correct horse battery staple"
LOCKED = identity("recipient").lock(PASSPHRASE, random=drawn("lock"))
THREE = {**HOLDERS, "school": HOLDERS["council"]}
BLIND, OPEN, COUNT = (
    signed(small_terms(THREE, expires="9000-01-01T00:00:00+00:00", release=release))
    for release in ("blind", "open", "count")
)
SEVERAL, SEVERAL_OPEN = (
    signed(
        small_terms(
            THREE,
            expires="9000-01-01T00:00:00+00:00",
            release=release,
            decision={**BLIND.terms.decision.model_dump(), "rows_of_one_holder": "any number"},
        )
    )
    for release in ("blind", "open")
)
KEY = b"k" * 32


def tokens(*links: str, seed: str) -> list[str]:
    ids = np.array([list(link.encode().ljust(16, b"\0")) for link in links], dtype=np.uint8)
    return [encode(one.tobytes()) for one in seal_link_ids(ids, run_key=KEY, run="run-7", random=drawn(seed))]


class Desk:
    """The recipient's folder with two holders' files, and a broker that answers with the key of ``run``."""

    def __init__(
        self, root: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement = BLIND, run: str = "run-7"
    ) -> None:
        self.root = root
        self.asked: list[str] = []
        folder(root, agreement)
        (root / "identity.json").write_bytes(LOCKED)
        (root / "passphrase").write_text(PASSPHRASE, encoding="utf-8")
        council, icb = tokens("one", "two", "three", seed="council"), tokens("two", "four", seed="icb")
        write_sheet(pa.table({"token": council, "need": ["a", "b", "c"]}), root / "c.csv")
        write_sheet(pa.table({"token": icb, "visits": [3, 4]}), root / "i.parquet")
        sealed = seal_bytes(
            KEY,
            kind=Sealed.RUN_KEY,
            agreement=agreement.id,
            sender=identity("broker"),
            receiver=identity("recipient").card.receiving,
            random=drawn("run key"),
            context={"run": run},
        )
        answer_all_with(sealed, monkeypatch, asked=self.asked)
        monkeypatch.chdir(root)

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(app, [*words, "--passphrase-file", "passphrase"])

    def open(self) -> Result:
        return self.run("open", "run-7", "--broker", "https://broker.example")

    def join(self, *more: str) -> Result:
        return self.run("join", "run-7", "--file", "council=c.csv", "--file", "icb=i.parquet", *more)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path, monkeypatch)


def refused(done: Result) -> CounterfoilError:
    assert isinstance(done.exception, CounterfoilError), done.output
    return done.exception


def test_a_run_is_opened_once_and_joined(desk: Desk) -> None:
    assert desk.open().stdout == "run run-7 can be joined\n"
    assert desk.asked == ["/v1/runs/run-7/release"]
    done = desk.join()
    assert done.stdout == (
        "council: 3 rows in c.csv, 1 linked, 2 not linked (dropped)\n"
        f"  SHA-256 {sha256_of(Path('c.csv'))}\n"
        "icb: 2 rows in i.parquet, 1 linked, 1 not linked (dropped)\n"
        f"  SHA-256 {sha256_of(Path('i.parquet'))}\n"
        "1 row in linked.csv, 1 of them linked\n"
    )
    assert done.stderr == "No file of school: rows linked with no others count as not linked.\n"
    with Path("linked.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["holders"], row["council.need"], row["icb.visits"]) == ("council icb", "b", "3")
    assert desk.asked == ["/v1/runs/run-7/release"]


def test_a_script_gets_one_object(desk: Desk) -> None:
    desk.open()
    done = desk.join("--unmatched", "keep", "--output", "all.parquet", "--json")
    assert json.loads(done.stdout) == {
        "holders": {
            "council": {
                "file": "c.csv",
                "sha256": sha256_of(Path("c.csv")),
                "rows": 3,
                "linked": 1,
                "not_linked": 2,
                "link_keys_with_several_rows": 0,
            },
            "icb": {
                "file": "i.parquet",
                "sha256": sha256_of(Path("i.parquet")),
                "rows": 2,
                "linked": 1,
                "not_linked": 1,
                "link_keys_with_several_rows": 0,
            },
        },
        "unmatched": "keep",
        "shape": "wide",
        "linked": 1,
        "link_keys": 4,
        "link_keys_with_several_rows": 0,
        "written": 4,
        "output": "all.parquet",
    }
    table = read_sheet(Path("all.parquet")).table
    assert table.schema.field("icb.visits").type == pa.int64()
    assert sorted(row["holders"] for row in table.to_pylist()) == ["council", "council", "council icb", "icb"]


def test_kept_rows_are_told_as_kept(desk: Desk) -> None:
    desk.open()
    done = desk.join("--unmatched", "keep")
    assert "2 not linked (kept)" in done.stdout
    assert done.stdout.endswith("4 rows in linked.csv, 1 of them linked\n")


def test_link_keys_are_the_same_in_every_join_of_the_agreement(desk: Desk) -> None:
    desk.open()
    desk.join()
    desk.join("--output", "again.csv")
    assert Path("again.csv").read_bytes() == Path("linked.csv").read_bytes()


def test_a_file_that_lost_rows_is_noticed_by_its_sha256(desk: Desk) -> None:
    desk.open()
    told = f"council={sha256_of(Path('c.csv'))}"
    assert desk.join("--sha256", told).exit_code == 0
    Path("linked.csv").unlink()
    lines = Path("c.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    Path("c.csv").write_text("".join(lines[:-1]), encoding="utf-8")
    error = refused(desk.join("--sha256", told))
    assert error.what.startswith("This is not the file that council wrote")
    assert error.where == "c.csv"
    assert not Path("linked.csv").exists()


@pytest.mark.parametrize("words", ["council", "council=", "=c.csv", "icb2=c.csv", "council=again.csv"])
@pytest.mark.parametrize("option", ["--file", "--sha256"])
def test_files_are_given_by_holder_each_once(desk: Desk, option: str, words: str) -> None:
    done = desk.join(option, words, *(("--sha256", "council=ab") if option == "--sha256" else ()))
    error = refused(done)
    assert error.what == f"{option} takes NAME=VALUE, each holder once."
    assert error.remedy == "The agreement's holders are: council, icb, school."


def test_a_join_before_the_run_is_opened_says_what_to_do(desk: Desk) -> None:
    error = refused(desk.join())
    assert (error.what, error.remedy) == ("The key of this run is not here.", "First: counterfoil open run-7")


def test_another_runs_key_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, run="../run-8")
    before = set(tmp_path.iterdir())
    assert refused(desk.open()).what == "The broker sent the key of another run."
    assert set(tmp_path.iterdir()) == before


def repeating(root: Path, agreement: Agreement) -> None:
    """The same holders' files with link two twice at the council and three times at the care board."""
    council, icb = ("one", "two", "two"), ("two", "two", "four", "two")
    header = "token" if agreement.terms.release == "blind" else "link_key"

    def values(links: tuple[str, ...], seed: str) -> list[str]:
        if header == "token":
            return tokens(*links, seed=seed)
        return [link.encode().hex().ljust(32, "0") for link in links]

    write_sheet(pa.table({header: values(council, "council"), "need": ["a", "b", "c"]}), root / "c.csv")
    write_sheet(pa.table({header: values(icb, "icb"), "visits": [1, 2, 3, 4]}), root / "i.parquet")


@pytest.mark.parametrize("agreement", [SEVERAL, SEVERAL_OPEN], ids=["blind", "open"])
def test_several_rows_of_a_holder_are_joined_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement
) -> None:
    """As the agreement allows it; children are then not rows of the table."""
    desk = Desk(tmp_path, monkeypatch, agreement)
    repeating(tmp_path, agreement)
    if agreement is SEVERAL:
        desk.open()
    done = desk.join("--unmatched", "keep")
    assert done.stdout == (
        "council: 3 rows in c.csv, 2 linked, 1 not linked (kept); 1 link key has several rows here\n"
        f"  SHA-256 {sha256_of(Path('c.csv'))}\n"
        "icb: 4 rows in i.parquet, 3 linked, 1 not linked (kept); 1 link key has several rows here\n"
        f"  SHA-256 {sha256_of(Path('i.parquet'))}\n"
        "8 rows in linked.csv, of 3 link keys, 1 of them linked\n"
        "Count children by link key, not by row: 1 link key has several rows of a holder\n"
    )
    with Path("linked.csv").open(newline="") as stream:
        both = [(row["council.need"], row["icb.visits"]) for row in csv.DictReader(stream) if " " in row["holders"]]
    assert both == [("b", "1"), ("b", "2"), ("b", "4"), ("c", "1"), ("c", "2"), ("c", "4")]
    facts = json.loads(desk.join("--json").stdout)
    names = ("linked", "link_keys", "link_keys_with_several_rows", "written", "shape")
    assert [facts[name] for name in names] == [1, 1, 1, 6, "wide"]
    assert [one["link_keys_with_several_rows"] for one in facts["holders"].values()] == [1, 1]


def test_each_row_by_itself_says_of_whose_file_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, SEVERAL_OPEN)
    repeating(tmp_path, SEVERAL_OPEN)
    done = desk.join("--shape", "long", "--output", "long.parquet")
    assert "5 rows in long.parquet, of 1 link key, 1 of them linked\n" in done.stdout
    rows = read_sheet(Path("long.parquet")).table.to_pylist()
    assert [(row["holder"], row["council.need"], row["icb.visits"]) for row in rows] == [
        ("council", "b", None),
        ("council", "c", None),
        ("icb", None, 1),
        ("icb", None, 2),
        ("icb", None, 4),
    ]
    assert json.loads(desk.join("--shape", "long", "--json").stdout)["shape"] == "long"


def test_a_table_of_single_rows_is_counted_by_link_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long, where no holder has several rows: there are still more rows than link keys."""
    desk = Desk(tmp_path, monkeypatch)
    desk.open()
    done = desk.join("--shape", "long")
    assert done.stdout.endswith(
        "2 rows in linked.csv, of 1 link key, 1 of them linked\nCount children by link key, not by row\n"
    )


@pytest.mark.parametrize("agreement", [BLIND, OPEN], ids=["blind", "open"])
def test_several_rows_are_refused_where_the_agreement_says_one_per_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agreement: Agreement
) -> None:
    desk = Desk(tmp_path, monkeypatch, agreement)
    repeating(tmp_path, agreement)
    if agreement is BLIND:
        desk.open()
    assert refused(desk.join()).what.startswith("Two rows")
    assert not Path("linked.csv").exists()


def test_an_open_release_is_joined_without_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, OPEN)
    assert "counterfoil join" in refused(desk.open()).remedy
    for name in ("c.csv", "i.parquet"):
        write_sheet(pa.table({"link_key": ["ab" * 16], name[0]: ["x"]}), tmp_path / name)
    assert desk.join().exit_code == 0
    assert desk.asked == []
    assert read_sheet(tmp_path / "linked.csv").table.to_pylist() == [
        {"link_key": "ab" * 16, "holders": "council icb", "council.c": "x", "icb.i": "x"}
    ]


def test_counts_leave_nothing_to_open_or_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(tmp_path, monkeypatch, COUNT)
    for done in (desk.open(), desk.join()):
        assert refused(done).what == "The agreement releases counts and no rows."
    assert desk.asked == []


def test_only_the_recipient_opens_and_joins(desk: Desk) -> None:
    Path("identity.json").write_bytes(identity("council").lock(PASSPHRASE, random=drawn("lock council")))
    for done in (desk.open(), desk.join()):
        assert "not a recipient" in refused(done).what
    assert desk.asked == []


def test_the_help_has_examples(desk: Desk) -> None:
    said = " ".join(desk.run("join", "--help").stdout.split())
    assert "[default: drop]" in said
    assert "--unmatched keep --output everyone.parquet" in said
    assert "[default: wide]" in said
