"""``counterfoil-broker match`` on real files: the same bytes from both engines, and bad files named for their fault."""

from __future__ import annotations

import base64
import hashlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer

from encoder import cli as holders_cli
from encoder.cli.running import run as run_command
from services import cli
from services.assurance.cli import match
from tests.services.pages import PAGE, commands
from tests.stage import children, csv_text

ROOT = Path(__file__).parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "repeat-a-match.md"
FIELDS = ("forename", "surname", "date_of_birth", "postcode")
SCHEMA: dict[str, Any] = {
    "version": 3,
    "clkConfig": {"l": 1024, "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64}},
    "features": [
        {"identifier": "id", "ignored": True},
        *(
            {
                "identifier": name,
                "format": {"type": "string", "encoding": "utf-8"},
                "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 80}},
            }
            for name in FIELDS
        ),
    ],
}


def people(folder: Path) -> None:
    """Two made-up holders with children in common, some of them misspelt, and what ``counterfoil clk`` needs."""
    rows = [{name: row[name] for name in ("id", *FIELDS)} for row in children(300, seed=1)]
    again = [dict(row) for row in rows[200:]]
    for row in again[::3]:
        row["surname"] = row["surname"][1:] + "a"
    for row in again[::5]:
        row["postcode"] = "ZZ1 1ZZ"
    (folder / "council.csv").write_text(csv_text(rows))
    (folder / "board.csv").write_text(csv_text([*again, *again[:20], *rows[:4]]))
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    (folder / "secret.txt").write_text("a secret of the tests\n")


def clks(*filters: bytes) -> str:
    return json.dumps({"clks": [base64.b64encode(one).decode() for one in filters]})


@dataclass
class Said:
    code: int
    out: str
    err: str


@dataclass
class Desk:
    """A folder with two good files of CLKs, and the command run on them."""

    folder: Path
    run: Callable[..., Said]

    @property
    def output(self) -> Path:
        return self.folder / "pairs.csv"

    def match(self, *more: str, floor: str = "0.8", output: str = "pairs.csv") -> Said:
        a, b = self.folder / "a.json", self.folder / "b.json"
        return self.run("match", str(a), str(b), "--floor", floor, "--output", str(self.folder / output), *more)

    def refuses(self, *more: str, what: str, where: str = "", floor: str = "0.8", output: str = "pairs.csv") -> None:
        before = {path.name: path.read_bytes() for path in self.folder.iterdir()}
        said = self.match(*more, floor=floor, output=output)
        assert (said.code, said.out) == (1, "")
        assert re.fullmatch(r"Error: .+\n.{10,}\.\n", said.err), said.err
        assert f"{where}: {what}" in said.err if where else what in said.err
        assert {path.name: path.read_bytes() for path in self.folder.iterdir()} == before


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Desk:
    three, five = b"\x07" + bytes(7), b"\x1f" + bytes(7)
    (tmp_path / "a.json").write_text(clks(three, five, bytes(8), five))
    (tmp_path / "b.json").write_text(clks(five, b"\xff" * 8, bytes(8), three, five))

    def run(*words: str, app: typer.Typer = cli.app) -> Said:
        monkeypatch.setattr(sys, "argv", ["counterfoil-broker", *words])
        with pytest.raises(SystemExit) as ended:
            run_command(app)
        return Said(int(ended.value.code or 0), *capfd.readouterr())

    return Desk(tmp_path, run)


PAIRS = """row_a,row_b,similarity
0,0,0.75
0,3,1.0
0,4,0.75
1,0,1.0
1,3,0.75
1,4,1.0
3,0,1.0
3,3,0.75
3,4,1.0
"""
LINKS = "row_a,row_b,similarity\n0,3,1.0\n1,0,1.0\n3,4,1.0\n"


@pytest.mark.parametrize("engine", ["counterfoil", "anonlink"])
@pytest.mark.parametrize(("more", "text"), [((), PAIRS), (("--links",), LINKS)], ids=["pairs", "links"])
def test_pairs_and_links_are_written_also_those_on_the_floor(
    desk: Desk, engine: str, more: tuple[str, ...], text: str
) -> None:
    said = desk.match("--engine", engine, *more, floor="0.75")
    assert (said.code, said.err) == (0, "")
    assert desk.output.read_text() == text
    digest = hashlib.sha256(text.encode()).hexdigest()
    found = "3 links" if more else "9 pairs"
    assert re.fullmatch(
        rf"{found} of 4 by 5 rows, floor 0\.75, by {engine} [\d.]+: \S+pairs\.csv\nSHA-256 {digest}\n", said.out
    )
    assert desk.output.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("more", "links"), [((), None), (("--links",), 3)])
def test_json_is_one_object_and_nothing_else(desk: Desk, more: tuple[str, ...], links: int | None) -> None:
    said = desk.match("--json", "--engine", "anonlink", *more, floor="0.75")
    assert (said.code, said.err) == (0, "")
    assert json.loads(said.out) == {
        "rows": {"a": 4, "b": 5},
        "bits": 64,
        "floor": 0.75,
        "engine": "anonlink",
        "engine_version": "0.15.3",
        "pairs": 9,
        "links": links,
        "output": str(desk.output),
        "sha256": hashlib.sha256(desk.output.read_bytes()).hexdigest(),
    }


OTHER = 'The file is JSON, but not an object with a list named "clks" alone.'
FAULTS: list[tuple[str, str, str, str]] = [
    ("nothing in it", "", "", "The file is not valid JSON."),
    ("no JSON", "clks: []", "", "The file is not valid JSON."),
    ("cut short", clks(bytes(8))[:-3], "", "The file is not valid JSON."),
    ("nested too deep", "[" * 100_000, "", "The file is not valid JSON."),
    ("a name twice", '{"clks": [], "clks": []}', "", "The file is not valid JSON."),
    ("a list", '["AAAAAAAAAAA="]', "", OTHER),
    ("another name", '{"clknblocks": []}', "", OTHER),
    ("another name too", '{"clks": ["AAAAAAAAAAA="], "blocks": []}', "", OTHER),
    ("no list", '{"clks": "AAAAAAAAAAA="}', "", OTHER),
    ("no CLKs", '{"clks": []}', "", "The file has no CLKs."),
    ("a number", '{"clks": ["AAAAAAAAAAA=", 7]}', "clks[1]", "The entry is not a text."),
    ("nothing", '{"clks": [null]}', "clks[0]", "The entry is not a text."),
    ("not base64", '{"clks": ["AAAAAAAAAAA=", "AAAA*AAAAAA="]}', "clks[1]", "The entry is not a CLK in base64."),
    ("beyond ASCII", '{"clks": ["é"]}', "clks[0]", "The entry is not a CLK in base64."),
    ("no padding", '{"clks": ["AAAAAAAAAAA"]}', "clks[0]", "The entry is not a CLK in base64."),
    ("loose bits", '{"clks": ["AAAAAAAAAAB="]}', "clks[0]", "The entry is not a CLK in base64."),
    ("unequal", clks(bytes(8), bytes(8), bytes(16)), "clks[2]", "The CLK has 128 bits, but the first one has 64."),
    ("an empty one", clks(bytes(8), b""), "clks[1]", "The CLK has 0 bits, but the first one has 64."),
    ("odd length", clks(bytes(9)), "clks[0]", "The CLK has 72 bits, which is not a multiple of 64."),
    ("no length", clks(b""), "clks[0]", "The CLK has 0 bits, which is not a multiple of 64."),
    ("other length", clks(bytes(16)), "", "The CLKs have 128 bits, but those of "),
]


@pytest.mark.parametrize(("content", "entry", "what"), [each[1:] for each in FAULTS], ids=[each[0] for each in FAULTS])
def test_a_bad_file_is_named_for_its_fault(desk: Desk, content: str, entry: str, what: str) -> None:
    (desk.folder / "b.json").write_text(content)
    desk.refuses(what=what, where=f"{desk.folder / 'b.json'}" + (f", {entry}" if entry else ""))


def test_a_file_that_is_not_there_or_not_text(desk: Desk) -> None:
    (desk.folder / "a.json").write_bytes(b'{"clks": ["\xff"]}')
    desk.refuses(what="The file is not valid JSON.", where="a.json")
    (desk.folder / "a.json").unlink()
    desk.refuses(what="The file cannot be read: there is no such file.", where="a.json")


@pytest.mark.parametrize("engine", ["counterfoil", "anonlink"])
@pytest.mark.parametrize("floor", ["0", "-0.1", "1.01", "nan", "inf"])
def test_a_floor_that_is_no_similarity_is_refused(desk: Desk, engine: str, floor: str) -> None:
    desk.refuses("--engine", engine, what="is not a similarity above 0 and up to 1.", floor=floor)


@pytest.mark.parametrize("engine", ["counterfoil", "anonlink"])
def test_a_floor_that_floods_the_memory_is_refused(desk: Desk, engine: str) -> None:
    for name in ("a.json", "b.json"):
        (desk.folder / name).write_text(clks(*[b"\x07" * 8] * 200))
    desk.refuses("--engine", engine, "--memory-mb", "1", what="lets through more than the 32768 pairs that fit")
    assert desk.match("--engine", engine, "--memory-mb", "2").code == 0
    assert len(desk.output.read_bytes().splitlines()) == 1 + 200 * 200


def test_an_output_that_exists_or_is_an_input_is_left_alone(desk: Desk) -> None:
    desk.output.write_text("older\n")
    desk.refuses(what="The output file exists already.", where=str(desk.output))
    desk.refuses("--force", what="The output file is one of the inputs.", where="b.json", output="b.json")
    desk.refuses(what="The file cannot be written: the folder does not exist.", output="none/pairs.csv")
    assert desk.match("--force", floor="0.75").code == 0
    assert desk.output.read_text() == PAIRS


def test_a_match_that_is_told_to_end_leaves_nothing(tmp_path: Path) -> None:
    script = """
import os, signal
import services.assurance.cli as at
def end(*_, **__):
    os.kill(os.getpid(), signal.SIGTERM)
    os.read(os.pipe()[0], 1)
at.pairs_of = end
from services.cli import main
main()
"""
    (tmp_path / "a.json").write_text(clks(bytes(8)))
    words = ["match", "a.json", "a.json", "--floor", "0.8", "--output", "pairs.csv"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, b"", b"")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_the_page_for_auditors_works_as_it_stands(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands one by one, on made-up people, and its own script with anonlink alone."""
    monkeypatch.chdir(desk.folder)
    people(desk.folder)
    page = HOW_TO.read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    Path("repeat.py").write_text(script)
    done = []
    for line in "".join(re.findall(r"```sh\n(.*?)```", page, re.DOTALL)).splitlines():
        command, *words = shlex.split(line)
        done.append(command)
        match command:
            case "counterfoil" | "counterfoil-broker":
                assert desk.run(*words, app=holders_cli.app if command == "counterfoil" else cli.app).code == 0
            case "cmp":
                assert Path(words[0]).read_bytes() == Path(words[1]).read_bytes()
            case "python":
                *words, arrow, output = words
                assert arrow == ">"
                with Path(output).open("wb") as stream:
                    subprocess.run([sys.executable, *words], stdout=stream, stderr=subprocess.DEVNULL, check=True)
    assert [done.count(each) for each in ("counterfoil", "counterfoil-broker", "cmp", "python")] == [2, 4, 3, 1]
    pairs, links = (Path(name).read_text().splitlines() for name in ("ours.csv", "their-links.csv"))
    assert 80 < len(links) < len(pairs)
    assert "0,120,1.0" in pairs


def test_help_tells_every_option_and_so_does_the_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    said = desk.run("match", "--help")
    assert (said.code, said.err) == (0, "")
    assert re.match(r"Usage: .*counterfoil-broker match \[OPTIONS\] \{A\.json\} \{B\.json\}\n", said.out)
    assert " ".join((inspect.getdoc(match) or "").split()) in " ".join(said.out.split())
    options = set(re.findall(r"(?<=\s)--[a-z-]+", said.out)) - {"--help"}
    page = (ROOT / "docs" / "reference" / "match.md").read_text(encoding="utf-8")
    assert options == set(re.findall(r"^\| `(--[a-z-]+)", page, re.MULTILINE))


def test_the_page_of_the_brokers_commands_is_what_they_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == commands()
