"""``counterfoil clk`` on real files: what clkhash makes of the same file, or one clear error and no output."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import encoder.clk_file
from benchmarks.clk_cases import Case, clkhash_csv, random_case
from encoder.cli.clk import clk, read_secret
from encoder.errors import InputError, OutputError, SchemaError, ValueRefused
from keys.errors import CounterfoilError, SecretError
from keys.files import OutputRefused

SCHEMA: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 256, "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64}},
    "features": [
        {"identifier": "id", "ignored": True},
        {
            "identifier": "surname",
            "format": {"type": "string", "encoding": "utf-8", "maxLength": 20},
            "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 60}},
        },
        {
            "identifier": "dob",
            "format": {"type": "date", "format": "%d/%m/%Y"},
            "hashing": {
                "comparison": {"type": "ngram", "n": 1, "positional": True},
                "strategy": {"bitsPerFeature": 40},
                "missingValue": {"sentinel": "NK"},
            },
        },
    ],
}
GOOD = 'id,surname,dob\n1,Smith,01/02/2003\n2,"O\'Neil, née\nZoë",29/02/2004\n3,,NK\n1,Smith,01/02/2003\n'


class Desk:
    """A folder with a schema and a secret, and the command run on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "out.json"
        self.write("schema.json", json.dumps(SCHEMA))
        self.write("secret.txt", "a secret of the tests\n")

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def run(self, content: str | bytes, **options: Any) -> list[str]:
        """The CLKs that the command writes for a file of this content."""
        file = self.write("children.csv", content)
        paths = {"schema": self.folder / "schema.json", "secret_file": self.folder / "secret.txt"}
        clk(file, **({"output": self.output} | paths | options))
        clks: list[str] = json.loads(self.output.read_bytes())["clks"]
        return clks

    def expected(self, content: str, *, header: bool = True) -> list[str]:
        schema = json.loads((self.folder / "schema.json").read_bytes())
        return clkhash_csv(io.StringIO(content, newline=""), schema, b"a secret of the tests", header=header)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_clks_are_those_of_clkhash_one_for_each_row(desk: Desk) -> None:
    clks = desk.run(GOOD)
    assert clks == desk.expected(GOOD)
    assert len(clks) == 4
    assert clks[0] == clks[3]


def test_the_file_is_laid_out_as_anonlink_client_does(desk: Desk) -> None:
    clks = desk.run(GOOD)
    assert desk.output.read_text() == json.dumps({"clks": clks})


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_random_files_give_the_clks_of_clkhash(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    case = random_case(Random(seed), rows=8)
    header = seed % 2 == 0
    desk = Desk(tmp_path_factory.mktemp("desk"))
    desk.write("schema.json", json.dumps(case.schema))
    text = as_csv(case, header=header)
    assert desk.run(text, no_header=not header) == desk.expected(text, header=header)


def as_csv(case: Case, *, header: bool) -> str:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL)
    if header:
        writer.writerow([feature["identifier"] for feature in case.schema["features"]])
    writer.writerows(case.rows)
    return stream.getvalue()


def test_rows_are_encoded_in_blocks_and_stay_in_order(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder.clk_file, "_STEP", 2)
    content = "id,surname,dob\n" + "".join(f"{i},Name {i},01/01/200{i}\n" for i in range(7))
    assert desk.run(content) == desk.expected(content)


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(desk: Desk) -> None:
    plain = desk.run(GOOD.replace("née\n", "née "))
    marked = desk.run(b"\xef\xbb\xbf" + GOOD.replace("née\n", "née ").replace("\n", "\r\n").encode(), force=True)
    assert marked == plain


def test_white_space_around_a_value_is_dropped_as_clkhash_does(desk: Desk) -> None:
    spaced = "id,surname,dob\n1,  Smith\u00a0 , 01/02/2003\n"
    assert desk.run(spaced) == desk.expected(spaced) == desk.expected("id,surname,dob\n1,Smith,01/02/2003\n")


def test_a_file_without_header_is_read_when_told(desk: Desk) -> None:
    rows = GOOD.split("\n", 1)[1]
    assert desk.run(rows, no_header=True) == desk.expected(GOOD)


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_end_after_the_secret_is_left_out(desk: Desk, end: str) -> None:
    desk.write("secret.txt", "a secret of the tests" + end)
    assert desk.run(GOOD) == desk.expected(GOOD)


@pytest.mark.parametrize(
    ("content", "secret"),
    [(b"a\n\n", b"a\n"), (b"a\r", b"a\r"), (b" a ", b" a "), (b"\xff\x00\r\n", b"\xff\x00")],
)
def test_no_other_byte_of_the_secret_is_touched(tmp_path: Path, content: bytes, secret: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert read_secret(path) == secret


LONG = "Quentin" * 4
DATE = "a date written as %d/%m/%Y"
HEADER = "id,surname,dob\n"
BARE = {"no_header": True}
WRONG: dict[str, tuple[str | bytes, dict[str, Any], type[CounterfoilError], str, str]] = {
    "empty file": ("", {}, InputError, "empty", "children.csv"),
    "header only": (HEADER, {}, InputError, "header but no rows", "children.csv"),
    "column missing": ("id,surname\n1,Smith\n", {}, InputError, "lacks 'dob'", "row 1"),
    "another order": ("id,dob,surname\n1,x,y\n", {}, InputError, "another order", "row 1"),
    "one column more": ("id,surname,dob,sex\n1,x,y,z\n", {}, InputError, "has 4 columns", "row 1"),
    "header in capitals": ("ID,SURNAME,DOB\n1,x,y\n", {}, InputError, "lacks 'id'", "row 1"),
    "no header at all": ("1,Quentin,01/02/2003\n", {}, InputError, "lacks 'id'", "row 1"),
    "row too short": (HEADER + "1,Smith\n", {}, InputError, "2 values", "row 2"),
    "row too long": (HEADER + "1,a,NK\n2,b,NK,c\n", {}, InputError, "4 values", "row 3"),
    "blank line": (HEADER + "1,a,NK\n\n2,b,NK\n", {}, InputError, "0 values", "row 3"),
    "quote left open": (HEADER + '1,"Smith,NK\n2,b,NK\n', {}, InputError, "quotation mark", "row 2"),
    "no such date": (HEADER + "1,a,NK\n2,b,29/02/2003\n", {}, ValueRefused, DATE, "row 3, column 'dob'"),
    "date in another form": (HEADER + "1,a,2003-02-01\n", {}, ValueRefused, DATE, "row 2, column 'dob'"),
    "date missing": (HEADER + "1,a,\n", {}, ValueRefused, "missing", "row 2, column 'dob'"),
    "too long": (HEADER + f"1,{LONG},NK\n", {}, ValueRefused, "20 characters or fewer", "column 'surname'"),
    "first of two": (HEADER + f"1,a,NK\n2,a,x\n3,{LONG},y\n", {}, ValueRefused, "2 rows in all", "row 3, column 'dob'"),
    "no header": ("1,a,x\n", BARE, ValueRefused, DATE, "row 1, column 'dob'"),
    "Windows-1252": (HEADER.encode() + b"1,Zo\xeb,NK\n", {}, ValueRefused, "not in UTF-8", "column 'surname'"),
    "UTF-16": (GOOD.encode("utf-16"), {}, InputError, "UTF-16", "children.csv"),
}


@pytest.mark.parametrize(("content", "options", "error", "what", "where"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_gives_one_error_that_shows_no_value_and_leaves_nothing(
    desk: Desk,
    content: str | bytes,
    options: dict[str, Any],
    error: type[CounterfoilError],
    what: str,
    where: str,
) -> None:
    before = {path.name for path in desk.folder.iterdir()} | {"children.csv"}
    with pytest.raises(error) as refusal:
        desk.run(content, **options)
    assert what in refusal.value.what
    assert refusal.value.where is not None
    assert where in refusal.value.where
    assert refusal.value.remedy
    for value in ("Quentin", "Smith", "29/02", "2003-02"):
        assert value not in str(refusal.value)
    assert {path.name for path in desk.folder.iterdir()} == before


@pytest.mark.parametrize("content", ["", "\n", "\r\n"])
def test_an_empty_secret_is_refused(desk: Desk, content: str) -> None:
    desk.write("secret.txt", content)
    with pytest.raises(SecretError, match="empty"):
        desk.run(GOOD)
    assert not desk.output.exists()


@pytest.mark.parametrize("name", ["schema", "secret_file", "file"])
def test_a_missing_input_is_named(desk: Desk, name: str) -> None:
    arguments: dict[str, Any] = {
        "file": desk.write("children.csv", GOOD),
        "schema": desk.folder / "schema.json",
        "secret_file": desk.folder / "secret.txt",
    }
    arguments[name] = desk.folder / "nowhere"
    with pytest.raises(CounterfoilError, match="nowhere"):
        clk(**arguments, output=desk.output)
    assert not desk.output.exists()


def test_a_schema_that_cannot_be_used_is_named(desk: Desk) -> None:
    desk.write("schema.json", json.dumps(SCHEMA | {"features": []}))
    with pytest.raises(SchemaError, match=r"schema\.json"):
        desk.run(GOOD)


def test_an_existing_output_is_kept_unless_forced(desk: Desk) -> None:
    desk.write("out.json", "older")
    with pytest.raises(OutputError, match="--force"):
        desk.run(GOOD)
    assert desk.output.read_text() == "older"
    assert desk.run(GOOD, force=True) == desk.expected(GOOD)


def test_an_existing_output_is_kept_when_a_forced_run_fails(desk: Desk) -> None:
    desk.write("out.json", "older")
    with pytest.raises(ValueRefused):
        desk.run(GOOD.replace("29/02/2004", "soon"), force=True)
    assert desk.output.read_text() == "older"


@pytest.mark.parametrize("name", ["children.csv", "schema.json", "secret.txt"])
def test_an_input_is_never_overwritten(desk: Desk, name: str) -> None:
    with pytest.raises(OutputError, match="one of the inputs"):
        desk.run(GOOD, output=desk.folder / name, force=True)
    assert desk.write("children.csv", GOOD).read_text() == GOOD
    assert json.loads((desk.folder / "schema.json").read_text()) == SCHEMA


@pytest.mark.parametrize("place", ["no such folder/out.json", "secret.txt/out.json"])
def test_an_output_that_cannot_be_written_is_named(desk: Desk, place: str) -> None:
    with pytest.raises(OutputRefused, match="cannot be written"):
        desk.run(GOOD, output=desk.folder / place)


def test_folds_that_clkhash_ignores_need_a_choice(desk: Desk) -> None:
    schema = SCHEMA | {"clkConfig": SCHEMA["clkConfig"] | {"xorFolds": 1}}
    desk.write("schema.json", json.dumps(schema))
    with pytest.raises(SchemaError, match="--xor-folds"):
        desk.run(GOOD)
    assert desk.run(GOOD, xor_folds="clkhash") == desk.expected(GOOD)
    folded = desk.run(GOOD, xor_folds="schema", force=True)
    desk.write("schema.json", json.dumps(SCHEMA | {"clkConfig": SCHEMA["clkConfig"] | {"xor_folds": 1}}))
    assert folded == desk.expected(GOOD)


@pytest.fixture
def command(desk: Desk) -> Callable[..., Any]:
    app = typer.Typer()
    app.command()(clk)
    desk.write("children.csv", GOOD)
    options = ["--schema", "schema.json", "--secret-file", "secret.txt", "--output", "out.json"]
    places = [str(desk.folder / word) if "." in word else word for word in options]
    file = str(desk.folder / "children.csv")
    return lambda *more: CliRunner().invoke(app, [file, *places, *more], catch_exceptions=False)


def test_the_command_prints_one_json_object_when_asked(desk: Desk, command: Callable[..., Any]) -> None:
    result = command("--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"rows": 4, "bits": 256, "output": str(desk.output)}
    assert "not hardened" in result.stderr


def test_the_command_says_what_it_wrote(desk: Desk, command: Callable[..., Any]) -> None:
    result = command("--xor-folds", "schema")
    assert result.exit_code == 0
    assert result.stdout == f"4 CLKs of 256 bits are in {desk.output}.\n"


def test_help_has_an_example_and_says_how_the_secret_is_read(command: Callable[..., Any]) -> None:
    words = " ".join(command("--help").stdout.replace("│", " ").split())
    assert "counterfoil clk children.csv --schema schema.json" in words
    assert "one line end at the end of the file is left out" in words
