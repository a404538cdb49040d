"""The holder's single file for Linux, built from what is installed here, in an empty folder, with no network."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer.testing import CliRunner

from deploy.pyz.build import build
from deploy.pyz.bundle import Made
from deploy.pyz.target import Platform, Target
from encoder.cli import app

HERE = Target(Platform.LINUX, (sys.version_info[0], sys.version_info[1]))
SCHEMA = {
    "version": 3,
    "clkConfig": {"l": 512, "kdf": {"type": "HKDF", "hash": "SHA256", "keySize": 64}},
    "features": [
        {"identifier": "id", "ignored": True},
        {
            "identifier": "surname",
            "format": {"type": "string", "encoding": "utf-8"},
            "hashing": {"comparison": {"type": "ngram", "n": 2}, "strategy": {"bitsPerFeature": 100}},
        },
    ],
}
# Started as the launchers start it; then any use of a network ends it, whoever in the process asks for one.
OFFLINE = """
import runpy, sys
def refuse(event, details):
    if event.split(".")[0] == "socket" and event != "socket.__new__":
        sys.stderr.write(f"USED A NETWORK: {event}\\n")
        raise SystemExit(99)
sys.addaudithook(refuse)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@dataclass(frozen=True)
class Laptop:
    """An empty folder and an empty home; ``made`` is the file that was carried here."""

    root: Path
    made: Made

    @property
    def folder(self) -> Path:
        return self.root / "empty"

    def run(self, *words: str, code: int = 0) -> str:
        ended = subprocess.run(
            [sys.executable, "-I", "-S", "-c", OFFLINE, str(self.made.path), *words],
            cwd=self.folder,
            env={"HOME": str(self.root / "home")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == code, ended.stderr
        return ended.stdout if code == 0 else ended.stdout + ended.stderr


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    root = tmp_path_factory.mktemp("laptop")
    for name in ("empty", "home"):
        (root / name).mkdir()
    (made,) = build(HERE, root / "carried")
    return Laptop(root, made)


@pytest.fixture(scope="module")
def names(laptop: Laptop) -> set[str]:
    with ZipFile(laptop.made.path) as archive:
        return set(archive.namelist())


def test_it_is_small_enough_to_be_carried(laptop: Laptop, names: set[str]) -> None:
    assert 40e6 < laptop.made.size < 90e6
    assert laptop.made.unpacked < 260e6
    assert laptop.made.files == len(names) < 4500  # some five hundred of them are small tables of anyascii


def test_it_holds_what_a_holder_runs_and_no_server(names: set[str]) -> None:
    tops = {name.split("/")[1] for name in names if name.startswith("site/")}
    assert {"encoder", "keys", "clkhash", "cryptography", "httpx", "numpy", "pyarrow", "typer"} <= tops
    others = {"matcher", "services", "tests", "deploy", "fastapi", "uvicorn", "sqlalchemy", "dbos", "numba", "anonlink"}
    assert tops & others == set()
    assert {"__main__.py", "manifest.json", "site/keys/template.toml", "site/encoder/py.typed"} <= names
    assert "site/encoder/forename_forms.txt" in names


def test_it_holds_nothing_for_compilers_tests_or_installers(names: set[str]) -> None:
    unwanted = re.compile(r"/tests/|\.(exe|lib|a|h|hpp|pyx|pxd|pyi|pth)$|/(RECORD|direct_url\.json)$|_flight|_s3fs")
    assert [name for name in names if unwanted.search(name)] == []


def test_every_module_of_ours_has_its_byte_code(names: set[str]) -> None:
    for name in names:
        found = re.fullmatch(r"site/((?:keys|encoder)(?:/.*)?)/(\w+)\.py", name)
        if found:
            assert f"site/{found[1]}/__pycache__/{found[2]}.{sys.implementation.cache_tag}.pyc" in names


def test_licences_of_the_libraries_are_in_it(names: set[str]) -> None:
    for library in ("numpy", "pyarrow", "cryptography", "clkhash"):
        assert [name for name in names if re.match(rf"site/{library}-[^/]*/.*LICEN[CS]E", name)], library


def test_help_is_that_of_the_installed_command_and_nothing_is_written_here(laptop: Laptop) -> None:
    words = ["--help"]
    installed = subprocess.run(
        [str(Path(sys.executable).with_name("counterfoil")), *words], capture_output=True, text=True, check=True, env={}
    )
    assert laptop.run(*words) == installed.stdout
    assert list(laptop.folder.iterdir()) == []
    assert [path.name for path in (laptop.root / "home").iterdir()] == [".cache"]


def test_a_network_would_be_noticed(laptop: Laptop) -> None:
    said = laptop.run("doctor", "--broker", "http://127.0.0.1:9", code=99)
    assert "USED A NETWORK: socket." in said


def test_clks_are_the_same_bytes_as_those_of_the_installed_command(laptop: Laptop, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("id,surname\n1,Marlowe\n2,O'Brien\n3,Ñandú\n", encoding="utf-8")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    (tmp_path / "secret.txt").write_text("made up")
    common = ["--schema", str(tmp_path / "schema.json"), "--secret-file", str(tmp_path / "secret.txt")]
    carried, installed = tmp_path / "carried.json", tmp_path / "installed.json"
    laptop.run("clk", str(tmp_path / "people.csv"), *common, "--output", str(carried))
    done = CliRunner().invoke(app, ["clk", str(tmp_path / "people.csv"), *common, "--output", str(installed)])
    assert done.exit_code == 0
    assert len(json.loads(carried.read_bytes())["clks"]) == 3
    assert carried.read_bytes() == installed.read_bytes()


def test_an_identity_is_made(laptop: Laptop, tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("a passphrase that is long enough\n")
    made = tmp_path / "identity.json"
    words = ["identity", "create", "--name", "Example Council", "--output", str(made)]
    facts = json.loads(laptop.run(*words, "--passphrase-file", str(tmp_path / "passphrase"), "--json"))
    assert facts["name"] == "Example Council"
    assert made.stat().st_mode & 0o777 == 0o600
    assert facts["fingerprint"] in laptop.run("identity", "show", str(made))


def test_doctor_finds_every_package_in_the_unpacked_file(laptop: Laptop, tmp_path: Path) -> None:
    told = json.loads(laptop.run("doctor", "--folder", str(tmp_path), "--json"))
    assert told["well"]
    found = {one["name"]: one["found"] for one in told["findings"]}
    (unpacked,) = (laptop.root / "home" / ".cache" / "counterfoil").iterdir()
    for package in ("keys", "encoder", "clkhash", "cryptography", "numpy", "pyarrow"):
        assert found[package].endswith(f"{unpacked}{os.sep}{package}")
    assert found["PYTHONSAFEPATH"] == "on"


def test_a_report_is_the_page_of_the_installed_command(laptop: Laptop, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("surname,dob\nMarlowe,2012-05-13\n,2012-05-14\n")
    (tmp_path / "people.toml").write_text('surname = "surname"\ndate_of_birth = "dob"\n')
    common = [str(tmp_path / "people.csv"), "--columns", str(tmp_path / "people.toml"), "--out"]
    told = laptop.run("profile", *common, str(tmp_path / "carried.html"))
    done = CliRunner().invoke(app, ["profile", *common, str(tmp_path / "installed.html")])
    assert (done.exit_code, done.stdout) == (0, told)
    for ending in (".html", ".json"):
        carried, installed = ((tmp_path / name).with_suffix(ending) for name in ("carried", "installed"))
        assert carried.read_bytes() == installed.read_bytes()


def test_refusals_have_the_exit_codes_of_the_command(laptop: Laptop) -> None:
    assert "Error: missing.json: " in laptop.run("identity", "show", "missing.json", code=1)
    assert "Usage: counterfoil" in laptop.run("no-such-command", code=2)
