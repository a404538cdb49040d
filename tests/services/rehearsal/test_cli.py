"""Wrong input to a rehearsal: one clear error, nothing on stdout, nothing left behind, nobody's data in the message."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from encoder.cli.running import run as run_command
from services import cli
from tests.stage import IDENTIFIERS, agreement_text, children, csv_text, write_file

ROWS = children(12, seed=1)
VALUES = {value for row in ROWS for name, value in row.items() if name not in ("id", "sex")}


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder with two good holders' files, and the command run on them."""

    folder: Path
    run: Callable[[Sequence[str]], Said]

    @property
    def out(self) -> Path:
        return self.folder / "out"

    def file(self, name: str) -> Path:
        return self.folder / name

    def rehearse(self, *more: str, holders: Sequence[str] = ("north", "south")) -> Said:
        words = ["rehearse"]
        for name in holders:
            words += ["--holder", f"{name}={self.file(name)}.csv", "--columns", f"{name}={self.file(name)}.toml"]
        return self.run([*words, "--json", "--out", str(self.out), *more])

    def refuses(self, *more: str, what: str, where: str = "", holders: Sequence[str] = ("north", "south")) -> Said:
        """That the rehearsal ends as wrong input must: told once on stderr, and no trace of it anywhere."""
        before = everything(self.folder)
        said = self.rehearse(*more, holders=holders)
        assert said.code == 1
        assert said.out == ""
        assert said.err.startswith("Error: ")
        assert "Traceback" not in said.err
        assert what in said.err
        assert where in said.err
        remedy = said.err.rstrip("\n").split("\n")[-1]
        assert len(remedy) > 10
        assert remedy.endswith(".")
        assert not [value for value in VALUES if value in said.err]
        assert everything(self.folder) == before
        return said


def everything(folder: Path) -> dict[str, bytes | None]:
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for name in ("north", "south"):
        write_file(tmp_path, name, ROWS)

    def run(words: Sequence[str]) -> Said:
        monkeypatch.setattr(sys, "argv", ["counterfoil-broker", *words])
        with pytest.raises(SystemExit) as ended:
            run_command(cli.app)
        out, err = capfd.readouterr()
        assert not list(temporary.iterdir())
        return Said(int(ended.value.code or 0), out, err)

    return Desk(tmp_path, run)


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def agreement(desk: Desk, *names: str, **choices: str) -> str:
    """An agreement file of north and south, or others."""
    path = desk.file("agreement.toml")
    path.write_text(agreement_text(dict.fromkeys(names or ("north", "south"), IDENTIFIERS), **choices))
    return str(path)


def test_a_missing_column_is_named(desk: Desk) -> None:
    rewrite(desk.file("south.toml"), 'surname = "surname"', 'surname = "family name"')
    desk.refuses(what="has no column 'family name'", where="south.csv, row 1")


def test_an_unreadable_date_is_named_by_row_and_column(desk: Desk) -> None:
    rewrite(desk.file("north.csv"), ROWS[4]["date_of_birth"], "Quentinsday")
    said = desk.refuses(what="not a date in a form that can be read", where="north.csv, row 6, column 'date_of_birth'")
    assert "Quentinsday" not in said.err


def test_an_ambiguous_date_column_asks_for_the_order(desk: Desk) -> None:
    rows = [{**row, "date_of_birth": f"0{1 + number % 9}/11/2010"} for number, row in enumerate(ROWS)]
    desk.file("south.csv").write_text(csv_text(rows))
    said = desk.refuses(what="could have the day or the month first", where="south.csv, row 2, column 'date_of_birth'")
    assert "date_order" in said.err
    assert "/11/2010" not in said.err


def test_an_empty_file_is_named(desk: Desk) -> None:
    desk.file("north.csv").write_text("")
    desk.refuses(what="The file is empty.", where="north.csv")


def test_a_header_without_rows_is_named(desk: Desk) -> None:
    desk.file("north.csv").write_text(csv_text(ROWS).split("\n", 1)[0] + "\n")
    desk.refuses(what="a header but no rows", where="north.csv")


def test_a_file_with_only_rejected_rows_is_named(desk: Desk) -> None:
    nothing = dict.fromkeys(("forename", "surname", "date_of_birth", "postcode", "nhs_number"), "")
    desk.file("south.csv").write_text(csv_text([{**row, **nothing} for row in ROWS]))
    desk.refuses(what="No row has an identifier that can link.", where="south.csv")


def test_a_missing_file_is_named(desk: Desk) -> None:
    desk.file("north.csv").unlink()
    desk.refuses(what="There is no such file.", where="north.csv")


def test_a_missing_columns_file_is_named(desk: Desk) -> None:
    desk.file("south.toml").unlink()
    desk.refuses(what="The columns file cannot be read.", where="south.toml")


def test_a_broken_columns_file_is_named_by_line(desk: Desk) -> None:
    desk.file("south.toml").write_text('id = "id"\nsurname = surname"\n')
    desk.refuses(what="not valid TOML", where="south.toml, line 2")


def test_a_broken_agreement_is_named(desk: Desk) -> None:
    path = agreement(desk, title='"unfinished')
    desk.refuses("--agreement", path, what="not a valid TOML file", where="agreement.toml")


def test_a_missing_agreement_is_named(desk: Desk) -> None:
    desk.refuses("--agreement", str(desk.file("none.toml")), what="cannot be read", where="none.toml")


def test_an_agreement_without_a_choice_says_which(desk: Desk) -> None:
    path = agreement(desk)
    rewrite(Path(path), 'release = "blind"\n', "")
    desk.refuses("--agreement", path, what="release: Field required", where="agreement.toml")


def test_an_agreement_for_other_holders_says_whose(desk: Desk) -> None:
    path = agreement(desk, "north", "west")
    desk.refuses("--agreement", path, what="between north, west, but the holders given are north, south")


def test_an_agreement_that_asks_for_a_column_that_is_not_named_says_which(desk: Desk) -> None:
    path = agreement(desk)
    rewrite(desk.file("south.toml"), 'postcode = "postcode"\n', "")
    desk.refuses("--agreement", path, what="asks south for postcode", where="south.toml")


def test_an_expired_agreement_is_refused(desk: Desk) -> None:
    path = agreement(desk, expires='"2021-12-31T00:00:00+00:00"', minimum_rows="1")
    desk.refuses("--agreement", path, what="The agreement expired at 2021-12-31")


def test_too_few_rows_for_the_agreement_are_refused(desk: Desk) -> None:
    desk.refuses("--agreement", agreement(desk), what="There are 12 rows; the agreement asks for at least 100.")


def test_an_existing_folder_that_is_not_ours_is_left_alone(desk: Desk) -> None:
    desk.out.mkdir()
    (desk.out / "thesis.txt").write_text("years of work")
    desk.refuses(what="exists already and is not an earlier rehearsal", where=str(desk.out))


def test_an_existing_file_in_place_of_the_folder_is_left_alone(desk: Desk) -> None:
    desk.out.write_text("years of work")
    desk.refuses(what="exists already and is not an earlier rehearsal", where=str(desk.out))


def test_an_earlier_rehearsal_stays_when_this_one_fails(desk: Desk) -> None:
    desk.out.mkdir()
    (desk.out / ".counterfoil-rehearsal").touch()
    (desk.out / "report.json").write_text("{}")
    desk.file("north.csv").write_text("")
    desk.refuses(what="The file is empty.")


@pytest.mark.parametrize("place", ["north.csv/out", "nowhere/out"])
def test_a_folder_that_cannot_be_made_is_named(desk: Desk, place: str) -> None:
    desk.refuses("--out", str(desk.folder / place), what="The folder cannot be made", where=place)


def test_a_truth_file_without_the_columns_says_which(desk: Desk) -> None:
    desk.file("truth.csv").write_text("north,id_b\n1,2\n")
    desk.refuses("--truth", str(desk.file("truth.csv")), what="has no column id_a", where="truth.csv")


def test_a_truth_of_other_rows_is_refused(desk: Desk) -> None:
    desk.file("truth.csv").write_text("id_a,id_b\nnobody,no one\nelse,either\n")
    desk.refuses("--truth", str(desk.file("truth.csv")), what="None of the truth's pairs is of rows in the files.")


def test_a_missing_truth_file_is_named(desk: Desk) -> None:
    desk.refuses("--truth", str(desk.file("truth.csv")), what="There is no such file.", where="truth.csv")


def test_a_truth_file_for_three_holders_is_refused(desk: Desk) -> None:
    write_file(desk.folder, "west", ROWS)
    desk.file("truth.csv").write_text("id_a,id_b\n")
    more = ("--truth", str(desk.file("truth.csv")))
    desk.refuses(*more, what="A truth file is for two holders.", holders=("north", "south", "west"))


def test_one_holder_alone_is_refused(desk: Desk) -> None:
    desk.refuses(what="A linkage needs two holders or more.", holders=("north",))


def test_columns_for_an_unknown_name_are_refused(desk: Desk) -> None:
    more = ("--columns", f"west={desk.file('south')}.toml")
    desk.refuses(*more, what="west has a file or a columns file, but not both.")


def test_a_holder_named_twice_is_refused(desk: Desk) -> None:
    desk.refuses(what="--holder takes NAME=FILE, each name once.", holders=("north", "north"))


@pytest.mark.parametrize("words", ["north", "=north.csv", "north="])
def test_a_holder_without_name_or_file_is_refused(desk: Desk, words: str) -> None:
    desk.refuses("--holder", words, what="--holder takes NAME=FILE")


@pytest.mark.parametrize("name", ["broker", "recipient", "linked.csv", "links.csv", "quality.html"])
def test_a_holder_with_a_name_of_ours_is_refused(desk: Desk, name: str) -> None:
    write_file(desk.folder, name, ROWS)
    desk.refuses(what=f"No holder may be called {name}", holders=("north", name))


@pytest.mark.parametrize("name", ["../north", "north south", "é"])
def test_a_holder_with_a_name_that_no_agreement_takes_is_refused(desk: Desk, name: str) -> None:
    more = ("--holder", f"{name}={desk.file('north')}.csv", "--columns", f"{name}={desk.file('north')}.toml")
    desk.refuses(*more, what="holders.1.name", holders=("south",))


def test_holders_that_share_nothing_to_link_by_are_refused(desk: Desk) -> None:
    desk.file("north.toml").write_text('id = "id"\nsex = "sex"\n')
    desk.file("south.toml").write_text('id = "id"\nsex = "sex"\n')
    desk.refuses(what="share too few identifiers for any match-key")


def test_wrong_usage_has_an_exit_code_of_its_own(desk: Desk) -> None:
    said = desk.run(["rehearse", "--holder", "north=x.csv"])
    assert said.code == 2
    assert said.out == ""
    assert "--columns" in said.err


def test_serving_without_an_identity_is_refused(desk: Desk) -> None:
    said = desk.run(["serve", "--home", str(desk.folder)])
    assert said.code == 1
    assert "There is no identity of a broker here." in said.err
