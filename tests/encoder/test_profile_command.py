"""``counterfoil profile`` on files that people have: what it writes, what it says, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from keys.canonical import canonical
from keys.errors import CounterfoilError
from tests.doors import HOLDERS, children, folder, signed, small_terms
from tests.encoder.test_encode_command import COLUMNS, HEADER
from tests.encoder.test_read import BAD
from tests.stage import agreement_text, csv_text, write_file

Profile = Callable[..., Result]


@pytest.fixture
def profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    """Run the command in an empty folder, with the columns file of the bad inputs unless told otherwise."""
    folder = tmp_path / "here"
    folder.mkdir()
    (tmp_path / "columns.toml").write_text(COLUMNS, encoding="utf-8")
    monkeypatch.chdir(folder)

    def run(file: Path, *options: str) -> Result:
        named = () if "--columns" in options else ("--columns", str(tmp_path / "columns.toml"))
        return CliRunner().invoke(app, ["profile", str(file), *named, *options])

    return run


@pytest.fixture
def people(tmp_path: Path) -> tuple[Path, Path]:
    """A file of forty children, and its columns file."""
    files = write_file(tmp_path / "given", "people", children(40), HOLDERS["council"])
    return files.file, files.columns_file


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_page_and_figures_are_named_for_the_file_and_put_here(
    profile: Profile, people: tuple[Path, Path], tmp_path: Path
) -> None:
    file, columns = people
    done = profile(file, "--columns", str(columns))
    assert done.exit_code == 0
    assert names(tmp_path / "here") == {"people-profile.html", "people-profile.json"}
    assert names(file.parent) == {"people.csv", "people.toml"}
    assert "Nothing stands out" in done.stdout
    assert "Read as comma-separated text in UTF-8." in done.stderr
    assert "Counts are exact" in done.stderr
    assert str(file.parent) not in (tmp_path / "here" / "people-profile.html").read_text(encoding="utf-8")


def test_json_prints_the_figures_that_are_in_the_file(
    profile: Profile, people: tuple[Path, Path], tmp_path: Path
) -> None:
    file, columns = people
    done = profile(file, "--columns", str(columns), "--json", "--out", str(tmp_path / "r.html"))
    assert json.loads(done.stdout) == json.loads((tmp_path / "r.json").read_bytes())
    assert json.loads(done.stdout)["file"] == "people.csv"
    assert names(tmp_path / "here") == set()


def test_what_stands_already_is_refused_before_the_file_is_read(
    profile: Profile, people: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "r.json").write_text("older")
    done = profile(tmp_path / "missing.csv", "--out", str(tmp_path / "r.html"))
    assert isinstance(done.exception, CounterfoilError)
    assert "exists already" in str(done.exception)
    assert (tmp_path / "r.json").read_text() == "older"
    assert not (tmp_path / "r.html").exists()


def test_an_agreement_adds_the_rows_of_its_match_keys(
    profile: Profile, people: tuple[Path, Path], tmp_path: Path
) -> None:
    file, columns = people
    terms = tmp_path / "agreement.toml"
    terms.write_text(agreement_text(HOLDERS), encoding="utf-8")
    common = ("--columns", str(columns), "--agreement", str(terms))
    done = profile(file, *common, "--holder", "council", "--json")
    assert done.exit_code == 0
    agreed = json.loads(done.stdout)["agreed"]
    assert (agreed["holder"], agreed["minimum_rows"], agreed["without"]) == ("council", 100, 0)
    assert {one["name"]: one["rows"] for one in agreed["keys"]}["nhs-number"] == 40
    assert json.loads(done.stdout)["verdicts"][0]["blocks"]
    for wrong, said in (((), "belong together"), (("--holder", "nobody"), "not a holder in this agreement")):
        refused = profile(file, *common, *wrong, "--out", "other.html")
        assert said in str(refused.exception)


def test_the_agreement_that_the_holder_has_will_do_in_each_of_its_forms(
    profile: Profile, people: tuple[Path, Path], tmp_path: Path
) -> None:
    file, columns = people
    agreement = signed(small_terms())
    frozen, kept = tmp_path / "frozen.json", folder(tmp_path / "kept", agreement).agreement
    frozen.write_bytes(canonical(agreement.to_json()))
    found = []
    for place, form in enumerate((frozen, kept)):
        options = ("--agreement", str(form), "--holder", "council", "--json", "--out", f"{place}.html")
        found.append(json.loads(profile(file, "--columns", str(columns), *options).stdout)["agreed"])
    assert found[0] == found[1]
    assert (found[0]["holder"], found[0]["minimum_rows"]) == ("council", 2)
    refused = profile(file, "--columns", str(columns), "--agreement", str(columns), "--holder", "council")
    assert isinstance(refused.exception, CounterfoilError)


def test_columns_that_lack_what_the_agreement_asks_for_are_refused(profile: Profile, tmp_path: Path) -> None:
    files = write_file(tmp_path / "given", "people", children(40), ("surname", "date_of_birth"))
    terms = tmp_path / "agreement.toml"
    terms.write_text(agreement_text(HOLDERS), encoding="utf-8")
    options = ("--columns", str(files.columns_file), "--agreement", str(terms), "--holder", "icb")
    done = profile(files.file, *options)
    assert "The agreement asks icb for" in str(done.exception)
    assert names(tmp_path / "here") == set()


@pytest.mark.parametrize("name", ["mixed-date-orders.csv", "excel-serial-date.csv", "unreadable-date.csv"])
def test_dates_that_encode_refuses_are_reported(profile: Profile, tmp_path: Path, name: str) -> None:
    done = profile(BAD / name)
    assert done.exit_code == 0
    assert "Stops the file." in done.stdout
    assert "The report is made without dates of birth." in done.stderr
    assert f"{Path(name).stem}-profile.html" in names(tmp_path / "here")


@pytest.mark.parametrize("name", ["short-row.csv", "windows-1252.csv", "empty.csv", "header-only.csv"])
def test_a_file_that_cannot_be_read_leaves_nothing_behind(profile: Profile, tmp_path: Path, name: str) -> None:
    done = profile(BAD / name)
    assert isinstance(done.exception, CounterfoilError)
    assert done.exit_code == 1
    assert names(tmp_path / "here") == set()


def test_options_say_what_a_file_leaves_open_and_formats_are_those_of_encode(profile: Profile) -> None:
    assert profile(BAD / "windows-1252.csv", "--encoding=windows-1252").exit_code == 0
    assert profile(BAD / "excel-workbook.csv").exit_code == 0
    assert profile(BAD / "numbers-as-fractions.parquet").exit_code == 0


def test_a_second_file_gives_what_the_first_lacks(profile: Profile, tmp_path: Path) -> None:
    pupils = children(12)
    first, second = tmp_path / "census.csv", tmp_path / "addresses.csv"
    first.write_text(csv_text([{k: v for k, v in one.items() if k != "postcode"} for one in pupils]), encoding="utf-8")
    second.write_text(csv_text([{"id": one["id"], "postcode": one["postcode"]} for one in pupils]), encoding="utf-8")
    columns = tmp_path / "census.toml"
    columns.write_text('id = "id"\nsurname = "surname"\n[other]\non = "id"\npostcode = "postcode"\n', encoding="utf-8")
    done = profile(first, "--columns", str(columns), "--with", str(second), "--json")
    assert done.exit_code == 0
    fields = {one["field"]: one["usable"] for one in json.loads(done.stdout)["fields"]}
    assert fields == {"surname": 12, "postcode": 12}


def test_what_is_shown_names_no_child_and_fits_any_code_page(profile: Profile, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    rows = ["A1,Zo\u00c3\u00ab,Quill,F,01/05/2015,PL1 9ZZ,943476591,", "A2,Ben,Marsh,M,30/05/2015,,9.43E+09,"]
    path.write_text(HEADER + "\n".join(rows) + "\n", encoding="utf-8")
    done = profile(path)
    assert done.exit_code == 0
    assert done.stdout.isascii()
    assert "2 NHS numbers were spoilt" in done.stdout
    written = "".join(one.read_text(encoding="utf-8") for one in (tmp_path / "here").iterdir())
    for cell in ("Quill", "Marsh", "PL1", "943476591", "9.43", "A1", "2015-05-01", "01/05/2015"):
        assert cell not in done.output + written


def test_names_in_other_scripts_follow_the_agreement_or_else_the_template(profile: Profile, tmp_path: Path) -> None:
    people = children(40)
    people[1]["surname"] = "\N{CYRILLIC SMALL LETTER HARD SIGN}"  # nothing is left of it in Latin letters
    files = write_file(tmp_path / "given", "people", people, HOLDERS["council"])
    usable = []
    for rule in (None, "keep", "transliterate"):
        options = ["--columns", str(files.columns_file), "--json", "--out", f"{rule}.html"]
        if rule is not None:
            terms = tmp_path / f"{rule}.toml"
            terms.write_text(agreement_text(HOLDERS, other_scripts=f'"{rule}"'), encoding="utf-8")
            options += ["--agreement", str(terms), "--holder", "council"]
        fields = json.loads(profile(files.file, *options).stdout)["fields"]
        usable += [one["usable"] for one in fields if one["field"] == "surname"]
    assert usable == [39, 40, 39]
