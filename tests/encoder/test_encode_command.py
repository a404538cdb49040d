"""``counterfoil encode`` with files that people have: what it shows, and that a refused file leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from keys.errors import CounterfoilError
from tests.doors import children
from tests.encoder.test_read import BAD, REFUSED, WARNED
from tests.holder import agreement_for_ever, make_home, write_rows

AGREEMENT = agreement_for_ever()
COLUMNS = """id = "id"
forename = "forename"
surname = "surname"
sex = "sex"
date_of_birth = "dob"
postcode = "postcode"
nhs_number = "nhs"
upn = "upn"
"""
HEADER = "id,forename,surname,sex,dob,postcode,nhs,upn\n"

Encode = Callable[..., Result]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A holder's folder, ready to encode."""
    root = make_home(tmp_path_factory.mktemp("holder"), AGREEMENT)
    (root / "columns.toml").write_text(COLUMNS, encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def encode(home: Path) -> Encode:
    def run(file: Path, *options: str) -> Result:
        given = ["--columns", str(home / "columns.toml"), "--folder", str(home), "--yes"]
        return CliRunner().invoke(
            app, ["encode", str(file), *given, "--passphrase-file", str(home / "passphrase"), *options]
        )

    return run


def content(root: Path) -> Mapping[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_file_leaves_everything_as_it_was(home: Path, encode: Encode, name: str) -> None:
    before = content(home), content(BAD)
    done = encode(BAD / name)
    assert isinstance(done.exception, CounterfoilError)
    assert (done.exit_code, done.stdout) == (1, "")
    assert (content(home), content(BAD)) == before
    for cell in ("Ada", "Quill", "Ben", "Marsh", "Dell", "9434765919"):
        assert cell not in done.stderr


def test_an_earlier_upload_stays_when_a_file_is_refused(home: Path, encode: Encode, tmp_path: Path) -> None:
    assert encode(BAD / "hidden-rows.xlsx").exit_code == 0
    before = content(home)
    assert "upload.sealed" in before
    assert encode(BAD / "short-row.csv").exit_code == 1
    assert content(home) == before


def test_it_says_what_a_file_was_read_as(encode: Encode, tmp_path: Path) -> None:
    for name, told in {
        "composed-and-decomposed.csv": "Read as comma-separated text in UTF-8.",
        "utf-16.csv": "Read as comma-separated text in UTF-16.",
        "excel-workbook.csv": "Read as an Excel workbook, sheet 'Pupils'.",
        "numbers-as-fractions.parquet": "Read as Parquet.",
    }.items():
        done = encode(BAD / name, "--json")
        assert done.exit_code == 0
        assert told in done.stderr
        assert json.loads(done.stdout)["rejected"] == 0


def test_it_counts_damage_without_showing_a_value(encode: Encode, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    rows = ["A1,Zo\u00c3\u00ab,Quill,F,,,943476591,", "A2,Ben,Marsh,M,,,9.43E+09,", "A3,Cy,Dell,M,,,943476592,"]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    done = encode(path)
    assert "forename: damaged characters: saved in the wrong encoding at some time (row 2)" in done.stderr
    assert "nhs_number: nine digits: a leading zero may be lost (2 rows, first in row 2)" in done.stderr
    assert "nhs_number: rounded by a spreadsheet, as in 4.01E+09 (row 3)" in done.stderr
    assert not [cell for cell in ("Quill", "Zo", "943476591", "9.43") if cell in done.output]


@pytest.mark.parametrize("name", WARNED)
def test_a_warning_comes_before_what_is_encoded(encode: Encode, name: str) -> None:
    done = encode(BAD / name, "--json")
    assert f"WARNING: the {WARNED[name]}" in done.stderr
    assert done.stderr.index("WARNING") < done.stderr.index("What leaves")
    assert "WARNING" not in encode(BAD / "one-row.csv", "--json").stderr


def test_hidden_rows_are_encoded_and_counted(encode: Encode) -> None:
    done = encode(BAD / "hidden-rows.xlsx", "--json")
    assert "Hidden rows of the sheet, perhaps by a filter: 1." in done.stderr
    assert json.loads(done.stdout)["rows"] == 2


def test_options_say_what_a_file_leaves_open(encode: Encode, tmp_path: Path) -> None:
    for name, option in {
        "windows-1252.csv": "--encoding=windows-1252",
        "utf-16-without-mark.csv": "--encoding=utf-16",
        "two-sheets.xlsx": "--sheet=Pupils",
    }.items():
        assert encode(BAD / name).exit_code == 1
        assert encode(BAD / name, option).exit_code == 0
    path = tmp_path / "in.csv"
    path.write_text("forename;sur,name\nAda;Qui,ll\n", encoding="utf-8")
    done = encode(path)
    assert "--delimiter comma" in str(done.exception)
    done = encode(path, "--delimiter=semicolon")
    assert "'forename', 'sur,name'" in str(done.exception)


def test_a_sheet_that_openpyxl_wrote_gives_the_same_rows(encode: Encode, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(HEADER.strip().split(","))
    book.active.append(["A1", "Ada", "Quill", "F", None, None, 9434765919, None])
    book.active.append(["A2", "Ben", "Marsh", "M", None, None, None, None])
    book.save(tmp_path / "in.xlsx")
    facts = json.loads(encode(tmp_path / "in.xlsx", "--json").stdout)
    assert facts["match_keys"]["nhs-number"] == 1


@pytest.mark.parametrize(("rule", "invalid"), [("keep", 0), ("transliterate", 1)])
def test_names_in_other_scripts_are_what_the_agreement_makes_of_them(tmp_path: Path, rule: str, invalid: int) -> None:
    root = make_home(
        tmp_path / "holder", agreement_for_ever(normalisation={"other_scripts": rule, "forename_variants": "join"})
    )
    people = children(3)
    people[1]["surname"] = "\N{CYRILLIC SMALL LETTER HARD SIGN}"  # nothing is left of it in Latin letters
    file = write_rows(tmp_path / "in.csv", people)
    given = ["--columns", str(root / "columns.toml"), "--folder", str(root)]
    done = CliRunner().invoke(
        app, ["encode", str(file), *given, "--passphrase-file", str(root / "passphrase"), "--yes", "--json"]
    )
    assert json.loads(done.stdout)["identifiers"]["surname"]["invalid"] == invalid
