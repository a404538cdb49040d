"""The house itself: what is shipped, what documents promise, and what no file may hold."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path
from zipfile import ZipFile

import pytest
from typer import Typer
from typer.testing import CliRunner

from encoder.cli import app as holder
from services.cli import app as broker

ROOT = Path(__file__).parent.parent
ROOMS = ("keys", "encoder", "matcher", "services")
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-bench.lock")


def tracked() -> list[Path]:
    """Every file under version control, relative to the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (ROOT / (path := Path(name))).is_file()]


FILES = tracked()


def text(path: Path) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in the wheel that the tracked files make."""
    folder = tmp_path_factory.mktemp("wheel")
    for path in FILES:
        if path.parts[0] in (*ROOMS, "pyproject.toml", "README.md"):
            (folder / "source" / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, folder / "source" / path)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-deps"]
    options = ["--no-build-isolation", "--no-index", "--wheel-dir", str(folder / "made"), str(folder / "source")]
    subprocess.run([*pip, *options], check=True, capture_output=True)
    (made,) = (folder / "made").glob("*.whl")
    with ZipFile(made) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_rooms_and_nothing_else(wheel: set[str]) -> None:
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(ROOMS)


def test_every_tracked_file_of_the_rooms_is_in_the_wheel(wheel: set[str]) -> None:
    assert {path.as_posix() for path in FILES if path.parts[0] in ROOMS} - wheel == set()


def test_the_wheel_holds_what_is_read_at_run_time(wheel: set[str]) -> None:
    migrations = "services/broker/store/migrations"
    expected = {"keys/template.toml", "encoder/forename_forms.txt"}
    expected |= {f"{migrations}/env.py", f"{migrations}/versions/0001_first.py"}
    assert expected <= wheel
    assert {f"{room}/py.typed" for room in ROOMS} <= wheel


def test_the_commands_of_the_package_are_there() -> None:
    scripts = tomllib.loads(text(Path("pyproject.toml")))["project"]["scripts"]
    assert set(scripts) == {"counterfoil", "counterfoil-broker"}
    installed = {one.name: one for one in entry_points(group="console_scripts")}
    for name, target in scripts.items():
        assert installed[name].value == target
        assert callable(installed[name].load())


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py"], ids=str)
def test_no_module_is_over_400_lines(path: Path) -> None:
    assert len(text(path).splitlines()) <= 400


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_pinned_and_hashed(name: str) -> None:
    entries = re.split(r"\n(?=[^\s#])", "\n" + text(Path(name)))[1:]
    assert len(entries) > 30
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9._-]*(\[[a-z,]+\])?==[^\s;]+", entry), entry.split("\n")[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry.split("\n")[0]


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_index(name: str) -> None:
    content = text(Path(name))
    assert "://" not in content
    assert "index" not in re.sub(r"--hash=\S+", "", content)


def pins(name: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+==[^\s;]+)", text(Path(name)), re.MULTILINE))


@pytest.mark.parametrize("name", LOCKS[1:])
def test_everything_of_the_runtime_lock_is_in_the_locks_that_add_to_it(name: str) -> None:
    assert pins("requirements.lock") <= pins(name)


def test_splink_is_in_the_lock_for_benchmarks_alone() -> None:
    assert {name for name in LOCKS if any(pin.startswith("splink==") for pin in pins(name))} == {LOCKS[-1]}


def test_no_lock_has_what_makes_every_import_of_clkhash_slow() -> None:
    assert not [name for name in LOCKS if any(pin.startswith("rfc3987-syntax==") for pin in pins(name))]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text(Path("Makefile")), re.MULTILINE))


DOCUMENTS = [path for path in FILES if path.suffix == ".md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_make_verb_in_a_document_is_there(path: Path) -> None:
    verbs = re.findall(r"(?:`make ([a-z]+)`|^make ([a-z]+)(?: +#.*)?$)", text(path), re.MULTILINE)
    assert {one or other for one, other in verbs} <= targets()


def test_the_readme_names_demo_and_test() -> None:
    verbs = re.findall(r"^make ([a-z]+)", text(Path("README.md")), re.MULTILINE)
    assert {"demo", "test"} <= set(verbs)
    assert {"demo", "test", "check", "format", "bench", "lock", "clean"} <= targets()


def test_every_tool_of_the_makefile_is_installed() -> None:
    for name in set(re.findall(r"^\s+\$\(BIN\)/([a-z-]+)", text(Path("Makefile")), re.MULTILINE)):
        assert Path(sys.executable).with_name(name).exists()


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_link_to_a_file_leads_to_it(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text(path)):
        if "://" not in target:
            assert (ROOT / path.parent / target).exists(), target


def anchors(path: Path) -> set[str]:
    """What a link to a heading of the document may end in."""
    prose = re.sub(r"^```.*?^```", "", text(path), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=str)
def test_every_link_to_a_heading_leads_to_it(path: Path) -> None:
    for target, anchor in re.findall(r"\]\(((?:[^)#\s]+\.md)?)#([^)]+)\)", text(path)):
        if "://" not in target:
            document = Path(os.path.normpath(path.parent / target)) if target else path
            assert anchor in anchors(document), (target, anchor)


@pytest.mark.parametrize(("command", "app"), [("counterfoil", holder), ("counterfoil-broker", broker)])
def test_every_option_in_the_readme_is_one_of_the_command(command: str, app: Typer) -> None:
    shown = re.sub(r"\\\n\s*", " ", text(Path("README.md")))
    calls = re.findall(rf"^\.venv/bin/{command} ([a-z]+)((?: .*)?)$", shown, re.MULTILINE)
    script = [str(Path(sys.executable).with_name(command)), "--help"]
    verbs = subprocess.run(script, capture_output=True, text=True, check=True, env={"COLUMNS": "200", "TERM": "dumb"})
    assert calls
    for verb, rest in calls:
        assert re.search(rf"^  {verb} ", verbs.stdout, re.MULTILINE)
        told = CliRunner().invoke(app, [verb, "--help"], env={"COLUMNS": "200", "TERM": "dumb"})
        assert told.exit_code == 0
        for option in re.findall(r"(?<=\s)--[a-z-]+", rest):
            assert option in told.output


MACHINE_PATH = re.compile(r"(?<![\w.<:/])/(?:home|Users|root|work|workspace|mnt)/[\w.-]+|[A-Z]:\\+Users\\+\w")
UNFINISHED = re.compile(r"\b(?:[T]ODO|[F]IXME|[X]XX)\b")
TEXTS = [
    path for path in FILES if path.suffix not in (".npz", ".parquet", ".bin", ".gz") and "bad_input" not in path.parts
]


@pytest.mark.parametrize("path", TEXTS, ids=str)
def test_no_file_names_a_place_on_somebodys_machine_or_is_unfinished(path: Path) -> None:
    content = text(path)
    assert not MACHINE_PATH.search(content)
    assert not UNFINISHED.search(content)


def test_what_is_looked_for_would_be_found() -> None:
    for place in ("home", "Users", "work"):
        assert MACHINE_PATH.search(f"see /{place}/somebody/file")
    assert MACHINE_PATH.search("C:" + r"\Users\somebody")
    assert not MACHINE_PATH.search("docs/home/page https://example.org/home/page ./lib/x")
    assert UNFINISHED.search("# todo: later".upper())
