"""``counterfoil columns``, and ``encode`` without a columns file: shown, confirmed, in scripts only if it is sure."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from encoder.cli import app
from encoder.columns import load_columns
from encoder.profiles import profiles
from keys.errors import CounterfoilError
from tests.doors import children, signed, small_terms
from tests.holder import FOR_EVER, make_home

pytestmark = pytest.mark.usefixtures("somebody")

FIELDS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number")
AGREEMENT = signed(small_terms({"council": FIELDS, "icb": FIELDS}, expires=FOR_EVER))
PEOPLE = children(12)
CHILDREN = {"Child ID": "id", "Forename": "forename", "Surname": "surname", "Sex": "sex", "DOB": "date_of_birth",
            "Postcode": "postcode", "NHS No": "nhs_number"}  # fmt: skip
CENSUS = {"pupilonrolltableid": "id", "upn": "upn", "forename": "forename", "surname": "surname", "sex": "sex",
          "dob": "date_of_birth", "nhs number": "nhs_number"}  # fmt: skip
ADDRESSES = {"pupilonrolltableid": "id", "postcode": "postcode"}


def write(path: Path, header: dict[str, str], *, people: Sequence[dict[str, str]] = PEOPLE) -> Path:
    with path.open("w", encoding="utf-8", newline="") as handle:
        csv.writer(handle).writerows([list(header), *([one[field] for field in header.values()] for one in people)])
    return path


def run(*words: str | Path, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, list(map(str, words)), input=answer)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A holder's folder, ready to encode."""
    return make_home(tmp_path_factory.mktemp("holder"), AGREEMENT)


@pytest.fixture
def encode(home: Path) -> Callable[..., Result]:
    def encode(*words: str | Path, answer: str | None = None) -> Result:
        (home / "upload.sealed").unlink(missing_ok=True)
        return run("encode", *words, "--folder", home, "--passphrase-file", home / "passphrase", answer=answer)

    return encode


def uploaded(home: Path) -> bool:
    return (home / "upload.sealed").exists()


def test_a_proposal_is_shown_and_written_only_when_asked(tmp_path: Path) -> None:
    file = write(tmp_path / "in.csv", CHILDREN)
    done = run("columns", file)
    assert done.exit_code == 0
    assert "date_of_birth  'DOB'  [sure]" in done.stdout
    assert "Profile: none that is known" in done.stdout
    assert "upn lacks upn" in done.stdout
    assert list(tmp_path.iterdir()) == [file]
    out = tmp_path / "columns.toml"
    done = run("columns", file, "--out", out)
    assert f"encode {file} --columns {out}" in done.stdout
    assert load_columns(out).sources == {field: head for head, field in CHILDREN.items() if field != "id"}
    for person in PEOPLE:
        assert not [cell for cell in person.values() if len(cell) > 2 and cell in done.output + out.read_text("utf-8")]


def test_a_columns_file_is_never_overwritten(tmp_path: Path) -> None:
    file, out = write(tmp_path / "in.csv", CHILDREN), tmp_path / "columns.toml"
    out.write_text("mine", encoding="utf-8")
    done = run("columns", file, "--out", out)
    assert isinstance(done.exception, CounterfoilError)
    assert out.read_text(encoding="utf-8") == "mine"


def test_json(tmp_path: Path) -> None:
    first, second = write(tmp_path / "pupils.csv", CENSUS), write(tmp_path / "addresses.csv", ADDRESSES)
    done = run("columns", first, "--with", second, "--json")
    facts = json.loads(done.stdout)
    assert (facts["profile"], facts["sure"], facts["rows"], facts["whole"]) == ("school-census", True, 12, True)
    assert facts["columns"]["other"] == {"on": "pupilonrolltableid", "postcode": "postcode"}
    assert facts["choices"]["upn"]["certainty"] == "sure"
    assert facts["match_keys"]["lacking"] == {}
    assert f"{second}: Read as comma-separated text" in done.stderr


def test_the_known_extracts_are_listed() -> None:
    listed = run("columns", "--profiles").stdout
    assert [one for one in profiles() if f"{one.name}: {one.title}\n" not in listed] == []
    assert [one["name"] for one in json.loads(run("columns", "--profiles", "--json").stdout)] == [
        one.name for one in profiles()
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No file was given"),
        (["in.csv", "--profile", "sen3"], "no profile 'sen3'"),
        (["in.csv", "--with-sheet", "Addresses"], "Give it with --with"),
        (["in.csv", "--sheet", "x"], "of which --sheet says nothing"),
    ],
)
def test_wrong_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in.csv", CHILDREN)
    done = run("columns", *words)
    assert isinstance(done.exception, CounterfoilError)
    assert message in str(done.exception)


def test_a_census_with_its_addresses_from_proposal_to_upload(
    tmp_path: Path, home: Path, encode: Callable[..., Result]
) -> None:
    first = write(tmp_path / "pupils.csv", CENSUS)
    second = write(tmp_path / "addresses.csv", ADDRESSES, people=PEOPLE[1:])
    out = tmp_path / "census.toml"
    assert run("columns", first, "--with", second, "--out", out).exit_code == 0
    done = encode(first, "--columns", out, "--with", second, "--yes", "--json")
    assert json.loads(done.stdout)["rows"] == 12
    assert f"11 of 12 rows have their postcode from {second}." in done.stderr
    assert "1 row has no row there: postcode missing." in done.stderr
    done = encode(first, "--columns", out, "--yes")
    assert "Give that file with --with" in str(done.exception)
    assert not uploaded(home)
    plain = tmp_path / "plain.toml"
    plain.write_text('surname = "surname"', encoding="utf-8")
    done = encode(first, "--columns", plain, "--with", second, "--yes")
    assert "leave --with out" in str(done.exception)


def test_without_a_columns_file_a_person_confirms(tmp_path: Path, home: Path, encode: Callable[..., Result]) -> None:
    file = write(tmp_path / "in.csv", CHILDREN)
    done = encode(file, answer="n\n")
    assert "date_of_birth  'DOB'  [sure]" in done.stderr
    assert done.exit_code == 1
    assert not uploaded(home)
    done = encode(file, answer="y\n" * 5)
    assert done.exit_code == 0
    assert uploaded(home)


def test_without_a_columns_file_a_script_needs_every_field_to_be_sure(
    tmp_path: Path, home: Path, encode: Callable[..., Result]
) -> None:
    file = write(tmp_path / "in.csv", CHILDREN)
    assert encode(file, "--yes").exit_code == 0
    assert uploaded(home)
    file = write(tmp_path / "in.csv", CHILDREN | {"Post Code": "postcode"})
    done = encode(file, "--yes")
    assert "what is proposed is not sure: postcode." in str(done.exception)
    assert f"counterfoil columns {file} --out columns.toml" in str(done.exception)
    assert not uploaded(home)
    header = {"LocalPatientID": "id", "NHSNumber": "nhs_number", "DateOfBirth": "date_of_birth",
              "PersonBirthDate": "date_of_birth", "Postcode": "postcode", "Gender": "sex"}  # fmt: skip
    done = encode(write(tmp_path / "in.csv", header), "--yes")
    assert "date_of_birth" in str(done.exception)


def test_what_the_agreement_asks_for_must_be_there(tmp_path: Path, encode: Callable[..., Result]) -> None:
    header = {head: field for head, field in CHILDREN.items() if field != "postcode"}
    done = encode(write(tmp_path / "in.csv", header), "--yes")
    assert "asks council for postcode" in str(done.exception)


def test_a_second_file_of_which_the_agreement_uses_nothing_is_not_read(
    tmp_path: Path, encode: Callable[..., Result]
) -> None:
    file = write(tmp_path / "in.csv", CHILDREN)
    out = tmp_path / "columns.toml"
    assert run("columns", file, "--out", out).exit_code == 0
    with out.open("a", encoding="utf-8") as stream:
        stream.write('[other]\non = "Child ID"\nupn = "UPN"\n')
    done = encode(file, "--columns", out, "--with", tmp_path / "nowhere.csv", "--yes")
    assert done.exit_code == 0
    assert f"{tmp_path / 'nowhere.csv'} is not read" in done.stderr


def test_a_second_file_without_columns(tmp_path: Path, home: Path, encode: Callable[..., Result]) -> None:
    first, second = write(tmp_path / "pupils.csv", CENSUS), write(tmp_path / "addresses.csv", ADDRESSES)
    assert encode(first, "--with", second, "--yes").exit_code == 0
    assert uploaded(home)
    done = encode(write(tmp_path / "in.csv", CHILDREN), "--with", second, "--yes")
    assert isinstance(done.exception, CounterfoilError)
    assert "--with" in str(done.exception)
    assert not uploaded(home)


def test_the_command_to_go_on_with_names_all_that_was_given(tmp_path: Path) -> None:
    folder = tmp_path / "our files"
    folder.mkdir()
    first, second = write(folder / "on roll.csv", CENSUS), write(tmp_path / "addresses.csv", ADDRESSES)
    second.write_text(second.read_text(encoding="utf-8"), encoding="cp1252")
    given = (first, "--delimiter", "comma", "--with", second, "--with-encoding", "windows-1252")
    out = tmp_path / "census.toml"
    told = run("columns", *given, "--out", out).stdout
    rest = f'"{first}" --columns {out} --delimiter comma --with {second} --with-encoding windows-1252`'
    assert f"check it, then `counterfoil encode {rest}" in told
