"""Whole linkages with the command itself, as a person runs it: files in, one report out."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from keys.agreement import Agreement
from keys.canonical import parse
from services.rehearsal.demo_files import write_demo
from services.rehearsal.holder import HolderFiles
from tests.stage import IDENTIFIERS, agreement_text, children, write_file

COMMAND = Path(sys.executable).with_name("counterfoil-broker")
PROMISED = {
    "holders",
    "links",
    "precision",
    "recall",
    "f1",
    "pairs_compared",
    "seconds",
    "peak_memory_mb",
    "match_keys",
    "threshold",
}
BOTH = children(120, seed=1)


@dataclass
class Ended:
    code: int
    out: str
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one object on stdout; everything else must be silent."""
        assert (self.code, self.err) == (0, "")
        assert self.out.count("\n") == 1
        report: dict[str, Any] = json.loads(self.out)
        return report


def command(folder: Path, *words: str) -> Ended:
    """Run it in ``folder``, with a folder for temporary files that must be empty at the end."""
    temporary = folder / "temporary"
    temporary.mkdir()
    ended = subprocess.run(
        [str(COMMAND), *words],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not list(temporary.iterdir())
    temporary.rmdir()
    return Ended(ended.returncode, ended.stdout, ended.stderr)


def words_for(holders: Sequence[HolderFiles]) -> list[str]:
    words = ["rehearse", "--json"]
    for files in holders:
        words += ["--holder", f"{files.name}={files.file}", "--columns", f"{files.name}={files.columns_file}"]
    return words


def write_truth(path: Path, pairs: Sequence[tuple[str, str]]) -> str:
    path.write_text("id_a,id_b\n" + "".join(f"{a},{b}\n" for a, b in pairs))
    return str(path)


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A blind rehearsal of the made-up council and board under an agreement of their own, kept in a folder."""
    folder = tmp_path_factory.mktemp("kept")
    made = write_demo(folder, seed=3, council_rows=300, icb_rows=500)
    council = HolderFiles("council", made.council, made.council_columns)
    icb = HolderFiles("icb", made.icb, made.icb_columns)
    (folder / "agreement.toml").write_text(
        agreement_text({"council": [*IDENTIFIERS, "upn"], "icb": IDENTIFIERS}, title='"A rehearsal"', release='"blind"')
    )
    more = ("--truth", str(made.truth), "--agreement", "agreement.toml", "--out", "out")
    return folder, command(folder, *words_for([council, icb]), *more).report


def test_the_report_has_everything_that_was_promised(kept: tuple[Path, dict[str, Any]]) -> None:
    _, report = kept
    assert set(report) >= PROMISED
    assert report["holders"] == {"council": {"rows": 300, "rejected": 0}, "icb": {"rows": 500, "rejected": 0}}
    assert set(report["seconds"]) == {"encode", "match", "total"}
    assert all(value > 0 for value in report["seconds"].values())
    assert report["peak_memory_mb"] > 0
    assert report["release"] == "blind"
    assert 0 < report["threshold"] < 1
    assert "nhs-number" in report["match_keys"]
    assert report["pairs_compared"] == 300 * 500, "under one fuzzy match-key"


def test_the_figures_of_the_report_agree_with_each_other(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    true = len(rows_of(folder / "truth.csv"))
    right = report["links"] - report["false_links"]
    assert right == true - report["missed_links"]
    assert report["precision"] == pytest.approx(right / report["links"])
    assert report["recall"] == pytest.approx(right / true)
    assert report["f1"] == pytest.approx(2 * right / (report["links"] + true))
    assert report["f1"] > 0.9


def test_what_each_party_got_and_made_is_kept(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    out = folder / "out"
    assert json.loads((out / "report.json").read_text()) == report
    agreement = Agreement.from_json(parse((out / "agreement.json").read_bytes(), where="agreement"))
    assert agreement.id == report["agreement"]
    assert not agreement.unsigned()
    assert agreement.terms.title == "A rehearsal"
    for name, column in (("council", "childid"), ("icb", "LocalPatientID")):
        results = rows_of(out / name / "results.csv")
        assert sorted(row["row_id"] for row in results) == sorted(
            row[column] for row in rows_of(folder / f"{name}.csv")
        )
        assert len({row["token"] for row in results}) == len(results)
    for path in (out / "council", out / "icb", out / "broker"):
        assert (path / "identity.json").stat().st_mode & 0o077 == 0


def test_the_recipient_gets_attributes_and_no_identifiers(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    linked = rows_of(folder / "out" / "linked.csv")
    assert len(linked) == report["links"]
    columns = {"link_key", "council.ethnicity", "council.primaryneed", "icb.team_type", "icb.referral_date"}
    assert columns <= set(linked[0])
    assert not {"council.surname", "council.upn", "icb.NHSNumber", "icb.LocalPatientID", "council.childid"} & set(
        linked[0]
    )
    assert len({row["link_key"] for row in linked}) == len(linked)


def test_what_is_expected_of_the_links_without_truth_is_left_too(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    found = json.loads((folder / "out" / "quality.json").read_text("ascii"))
    assert found["expected"]["links"] == report["outcome"]["links"]
    assert [one["whole"]["label"] for one in found["rates"]] == ["council", "icb"]
    assert {"Age in years", "Sex", "Names"} <= {by["name"] for by in found["rates"][0]["breakdowns"]}
    assert (folder / "out" / "quality.html").is_file()


def test_a_rehearsal_that_was_kept_is_judged(kept: tuple[Path, dict[str, Any]]) -> None:
    folder, report = kept
    words = ["evaluate", "--rehearsal", "out", "--truth", "truth.csv", "--out", "quality.html"]
    for name in ("council", "icb"):
        words += ["--holder", f"{name}={name}.csv", "--columns", f"{name}={name}.columns.toml"]
    ended = command(folder, *words)
    assert (ended.code, ended.err) == (0, "")
    figures = json.loads((folder / "quality.json").read_text())
    assert len(rows_of(folder / "out" / "links.csv")) == report["links"] == figures["links"]
    assert (figures["missed"], figures["false"]) == (report["missed_links"], report["false_links"])
    for name in ("precision", "recall", "f1"):
        assert figures[name]["value"] == pytest.approx(report[name], abs=1e-4)
    assert figures["below"] == 8


def test_three_holders_are_linked_in_the_open_whatever_their_order(tmp_path: Path) -> None:
    rows = {"north": BOTH + children(30, seed=2), "south": BOTH[:80] + children(50, seed=3), "west": BOTH[60:]}
    (tmp_path / "terms.toml").write_text(
        agreement_text(dict.fromkeys(rows, IDENTIFIERS), release='"open"', minimum_rows="50")
    )
    holders = [write_file(tmp_path, name, rows[name]) for name in ("west", "north", "south")]
    before = set(tmp_path.iterdir())
    report = command(tmp_path, *words_for(holders), "--agreement", "terms.toml").report
    assert set(report) >= PROMISED
    assert list(report["holders"]) == ["west", "north", "south"]
    assert report["links"] == len(BOTH)
    assert (report["precision"], report["recall"], report["f1"]) == (None, None, None)
    assert report["release"] == "open"
    assert set(tmp_path.iterdir()) == before


def test_truth_is_read_in_the_order_of_the_holders_given(tmp_path: Path) -> None:
    """South comes first here and second in the agreement."""
    rows = {"north": BOTH + children(30, seed=2), "south": [{**row, "id": f"s{row['id']}"} for row in BOTH]}
    (tmp_path / "terms.toml").write_text(agreement_text(dict.fromkeys(rows, IDENTIFIERS)))
    holders = [write_file(tmp_path, name, rows[name]) for name in ("south", "north")]
    truth = write_truth(tmp_path / "truth.csv", [(f"s{row['id']}", row["id"]) for row in BOTH])
    report = command(tmp_path, *words_for(holders), "--agreement", "terms.toml", "--truth", truth).report
    assert (report["links"], report["f1"], report["missed_links"], report["false_links"]) == (120, 1.0, 0, 0)


def test_a_holder_without_names_and_truth_that_nobody_has(tmp_path: Path) -> None:
    """A children in need census against community services without names; rows that only the truth knows are missed."""
    few = ("sex", "date_of_birth", "postcode", "nhs_number")
    north = write_file(tmp_path, "north", BOTH + children(100, seed=2))
    bare = [{name: row[name] for name in ("id", *few)} for row in BOTH + children(150, seed=3)]
    south = write_file(
        tmp_path, "south", [{**row, "nhs_number": ""} if n % 10 == 0 else row for n, row in enumerate(bare)], few
    )
    truth = write_truth(tmp_path / "truth.csv", [*((row["id"], row["id"]) for row in BOTH), ("nobody", "no one")])
    report = command(tmp_path, *words_for([north, south]), "--truth", truth).report
    assert report["holders"] == {"north": {"rows": 220, "rejected": 0}, "south": {"rows": 270, "rejected": 0}}
    assert report["missed_links"] >= 1
    assert report["false_links"] == 0
    assert report["recall"] == pytest.approx(report["links"] / 121)
    assert report["links"] >= 108


def test_the_demo_shows_a_table_and_says_where_the_files_are(tmp_path: Path) -> None:
    ended = command(tmp_path, "demo", "--out", "demo", "--council-rows", "300", "--icb-rows", "400")
    assert ended.code == 0
    for words in (
        "rows of council",
        "rows of icb",
        "links",
        "missed links",
        "false links",
        "seconds: match",
        "demo/linked.csv",
        "demo/quality.html",
    ):
        assert words in ended.out
    for words in ("making up two", "encoding 300 rows", "comparing encodings", "joining the attribute files"):
        assert words in ended.err
    report = json.loads((tmp_path / "demo" / "report.json").read_text())
    assert report["holders"]["icb"]["rows"] == 400
    assert report["control_rows"]["proofs"] == "hold"
    assert report["control_rows"]["recall"]["whole"] == 175
    assert "control links found" in ended.out
    assert len(rows_of(tmp_path / "demo" / "linked.csv")) > 0
    (tmp_path / "demo").rename(tmp_path / "shown")
    ended = command(tmp_path, "evaluate", "--rehearsal", "shown", "--out", "quality.html", "--json")
    report = json.loads((tmp_path / "shown" / "report.json").read_text())
    assert (ended.code, ended.err) == (0, "")
    assert json.loads(ended.out)["recall"]["value"] == pytest.approx(report["recall"], abs=5e-5)


def test_the_command_shows_its_commands(tmp_path: Path) -> None:
    ended = command(tmp_path, "--help")
    assert ended.code == 0
    for word in ("serve", "rehearse", "demo"):
        assert word in ended.out
