"""Building for a machine that is not this one: which wheels, which files of them, and always the same bytes.

The wheels are tiny and made here; their hashes are in a lock made here. The lock of the house is read as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from importlib.machinery import SourcelessFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from zipfile import ZipFile

import pytest

from deploy.pyz import build as command
from deploy.pyz.build import ROOT, build
from deploy.pyz.bundle import Made
from deploy.pyz.contents import ROOMS, compiled
from deploy.pyz.errors import BuildRefused
from deploy.pyz.lock import NOT_NEEDED, read_lock
from deploy.pyz.target import Platform, Target

WINDOWS = Target(Platform.WINDOWS, (3, 13))
LINUX = Target(Platform.LINUX, (3, 13))
FAST = {"fast/__init__.py": b"from fast import core\n", "fast/tests/test_core.py": b"", "fast/include/fast.h": b""}


class Shop:
    """A folder of wheels, and the lock that names them."""

    def __init__(self, root: Path) -> None:
        self.wheels = root / "wheels"
        self.lock = root / "holder.lock"
        self.out = root / "out"
        self.wheels.mkdir()
        self.hashes: dict[str, list[str]] = {}

    def wheel(self, name: str, tag: str, files: Mapping[str, bytes], marker: str = "") -> Path:
        path = self.wheels / f"{name}-1.0-{tag}.whl"
        with ZipFile(path, "w") as archive:
            for file, data in {
                **files,
                f"{name}-1.0.dist-info/RECORD": b"",
                f"{name}-1.0.dist-info/WHEEL": b"",
            }.items():
                archive.writestr(file, data)
        requirement = f"{name}==1.0{marker and f' ; {marker}'}"
        self.hashes.setdefault(requirement, []).append(hashlib.sha256(path.read_bytes()).hexdigest())
        lines = ["# made here"]
        for one, hashes in self.hashes.items():
            lines += [f"{one} \\", *(f"    --hash=sha256:{digest} \\" for digest in hashes[:-1])]
            lines += [f"    --hash=sha256:{hashes[-1]}", "    # via counterfoil"]
        self.lock.write_text("\n".join(lines) + "\n")
        return path

    def build(self, target: Target, **options: object) -> list[Made]:
        arguments = {"lock": self.lock, "wheels": self.wheels, "offline": True, **options}
        return build(target, self.out, **arguments)  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """One package compiled for three targets, one in Python, one for Windows only."""
    made = Shop(tmp_path)
    compiled = {
        "cp313-cp313-win_amd64": "pyd",
        "cp312-cp312-win_amd64": "pyd",
        "cp313-cp313-manylinux_2_28_x86_64": "so",
    }
    for tag, kind in compiled.items():
        made.wheel("fast", tag, {**FAST, f"fast/core.{tag}.{kind}": tag.encode()})
    made.wheel(
        "plain", "py3-none-any", {"plain.py": b"", "plain-1.0.data/scripts/plain.exe": b"", "plain/gui.exe": b""}
    )
    made.wheel("console", "py2.py3-none-any", {"console.py": b""}, marker="sys_platform == 'win32'")
    return made


def contents(made: Made) -> dict[str, bytes]:
    with ZipFile(made.path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def others(made: Made) -> set[str]:
    """What is in a single file beside our own rooms."""
    ours = re.compile(rf"site/({'|'.join(ROOMS)})/|site/counterfoil-|__main__\.py|manifest\.json")
    return {name.removeprefix("site/") for name in contents(made) if not ours.match(name)}


def test_for_windows_it_takes_the_wheels_of_that_python_and_what_only_windows_needs(shop: Shop) -> None:
    single, _ = shop.build(WINDOWS)
    assert others(single) == {
        *("fast/__init__.py", "fast/core.cp313-cp313-win_amd64.pyd", "fast-1.0.dist-info/WHEEL"),
        *("plain.py", "plain-1.0.dist-info/WHEEL", "console.py", "console-1.0.dist-info/WHEEL"),
    }
    assert single.path.name.endswith("-windows-x86_64-py3.13.pyz")


def test_for_linux_it_takes_other_wheels_and_can_be_started_by_its_name(shop: Shop) -> None:
    (single,) = shop.build(LINUX)
    assert "fast/core.cp313-cp313-manylinux_2_28_x86_64.so" in others(single)
    assert not {"console.py", "fast/core.cp313-cp313-win_amd64.pyd"} & others(single)
    assert single.path.read_bytes().startswith(b"#!/usr/bin/env python3.13\nPK")


def test_the_manifest_names_every_file_with_its_hash(shop: Shop) -> None:
    held = contents(shop.build(WINDOWS)[0])
    manifest = json.loads(held["manifest.json"])
    assert (manifest["platform"], manifest["python"]) == ("windows", "3.13")
    assert manifest["packages"] == {"console": "1.0", "fast": "1.0", "plain": "1.0"}
    packages = {name.removeprefix("site/"): data for name, data in held.items() if name.startswith("site/")}
    assert manifest["files"] == {name: hashlib.sha256(data).hexdigest() for name, data in packages.items()}


def test_ours_in_it_are_the_rooms_of_a_holder_as_they_are_here(shop: Shop) -> None:
    held = contents(shop.build(WINDOWS)[0])
    for room in ROOMS:
        modules = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in (ROOT / room).rglob("*.py")}
        assert modules == {
            name.removeprefix("site/"): data
            for name, data in held.items()
            if name.startswith(f"site/{room}/") and name.endswith(".py")
        }
    assert not [name for name in held if re.match(r"site/(matcher|services|deploy|tests)/", name)]


def test_byte_code_is_only_there_for_the_python_that_builds(shop: Shop) -> None:
    assert not [name for name in contents(shop.build(WINDOWS)[0]) if name.endswith(".pyc")]


def test_byte_code_is_the_same_each_time_and_can_be_imported(tmp_path: Path) -> None:
    source = (
        b"WORDS = {'one', 'two'}\ndef known(word):\n    return word in {'alpha', 'beta', 'gamma'} or word in WORDS\n"
    )
    made = compiled({"words.py": source, "words.txt": b"", "broken.py": b"def"})
    assert list(made) == [f"__pycache__/words.{sys.implementation.cache_tag}.pyc"]
    elsewhere = "from deploy.pyz.contents import compiled; print(compiled({'words.py': %r}).popitem()[1].hex())"
    for seed in ("1", "2"):
        environment = {"PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", elsewhere % source]
        ended = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert [bytes.fromhex(ended.stdout)] == list(made.values())
    path = tmp_path / "words.pyc"
    path.write_bytes(made.popitem()[1])
    spec = spec_from_loader("words", SourcelessFileLoader("words", str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    assert [module.known(word) for word in ("beta", "two", "three")] == [True, True, False]


def test_the_same_is_made_twice_byte_for_byte(shop: Shop) -> None:
    first = [(made.path.name, made.sha256, made.path.read_bytes()) for made in shop.build(WINDOWS)]
    assert [(made.path.name, made.sha256, made.path.read_bytes()) for made in shop.build(WINDOWS)] == first
    for _, digest, data in first:
        assert hashlib.sha256(data).hexdigest() == digest


def test_the_folder_for_windows_holds_the_same_with_launcher_and_instructions(shop: Shop) -> None:
    single, folder = shop.build(WINDOWS)
    held = contents(folder)
    app = {name.removeprefix("counterfoil/app/"): data for name, data in held.items() if "/app/" in name}
    assert app == contents(single)
    assert set(held) - {f"counterfoil/app/{name}" for name in app} == {
        "counterfoil/counterfoil.cmd",
        "counterfoil/README.txt",
    }
    for text in (held["counterfoil/counterfoil.cmd"], held["counterfoil/README.txt"]):
        assert b"@PYTHON@" not in text
        assert text.count(b"\n") == text.count(b"\r\n") > 15
    assert folder.path.name.encode() in held["counterfoil/README.txt"]


def test_the_launcher_looks_beside_itself_first_and_starts_python_alone(shop: Shop) -> None:
    launcher = contents(shop.build(WINDOWS)[1])["counterfoil/counterfoil.cmd"].decode("ascii")
    looks = [launcher.index(word) for word in (r"python\python.exe", "py -%WANTED%", "python -c", "goto missing")]
    assert looks == sorted(looks)
    assert 'set "WANTED=3.13"' in launcher
    assert 'set "PYTHONSAFEPATH=1"' in launcher
    starts = re.findall(r'^(.*) "%HERE%app" %\*\r\nexit /b %errorlevel%\r$', launcher, re.MULTILINE)
    assert starts == [r'"%HERE%python\python.exe" -I -S', "py -%WANTED% -I -S", "python -I -S"]


def embeddable(folder: Path, digits: str) -> tuple[Path, str]:
    path = folder / f"python-{digits}.zip"
    with ZipFile(path, "w") as archive:
        for name in ("python.exe", f"python{digits}.dll", f"python{digits}.zip", f"python{digits}._pth"):
            archive.writestr(name, name)
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_interpreter_is_put_in_whole(shop: Shop, tmp_path: Path) -> None:
    archive, digest = embeddable(tmp_path, "313")
    _, folder = shop.build(WINDOWS, interpreter=archive, interpreter_sha256=digest.upper())
    python = {name: data for name, data in contents(folder).items() if "/python/" in name}
    assert python == {
        f"counterfoil/python/{name}": name.encode()
        for name in ("python.exe", "python313.dll", "python313.zip", "python313._pth")
    }
    assert folder.path.name.endswith("-with-python.zip")


@pytest.mark.parametrize(("digits", "wrong_hash"), [("313", True), ("312", False)])
def test_another_interpreter_is_refused(shop: Shop, tmp_path: Path, digits: str, wrong_hash: bool) -> None:
    archive, digest = embeddable(tmp_path, digits)
    with pytest.raises(BuildRefused, match=r"interpreter is|embeddable package of Python 3\.13"):
        shop.build(WINDOWS, interpreter=archive, interpreter_sha256="0" * 64 if wrong_hash else digest)
    assert not shop.out.exists()


def test_a_wheel_that_is_not_the_one_in_the_lock_is_refused(shop: Shop) -> None:
    with (shop.wheels / "plain-1.0-py3-none-any.whl").open("ab") as stream:
        stream.write(b"more")
    with pytest.raises(BuildRefused, match="not the wheel that the lock names"):
        shop.build(WINDOWS)
    assert not shop.out.exists()


def test_a_wheel_that_is_not_there_is_named(shop: Shop) -> None:
    with pytest.raises(BuildRefused, match=r"no wheel of fast 1\.0 for windows-x86_64-py3\.14"):
        shop.build(Target(Platform.WINDOWS, (3, 14)))


def test_a_library_that_is_asked_for_is_not_left_out(shop: Shop) -> None:
    kept, left_out = {"pyarrow/lib.pyd": b"MZ\0arrow_flight.dll\0"}, {"pyarrow/arrow_flight.dll": b"MZ"}
    shop.wheel("pyarrow", "cp313-cp313-win_amd64", {**kept, **left_out})
    with pytest.raises(BuildRefused, match=r"pyarrow/lib\.pyd needs arrow_flight\.dll, which is left out"):
        shop.build(WINDOWS)


def test_two_packages_may_not_have_a_file_of_the_same_path(shop: Shop) -> None:
    shop.wheel("zealous", "py3-none-any", {"keys/errors.py": b"raise SystemExit"})
    with pytest.raises(BuildRefused, match=r"keys/errors\.py of zealous is there already"):
        shop.build(WINDOWS)


def test_paths_that_windows_could_not_unpack_are_refused(shop: Shop) -> None:
    shop.wheel("wordy", "py3-none-any", {f"wordy/{'w' * 150}.py": b""})
    with pytest.raises(BuildRefused, match="has more than 150 characters"):
        shop.build(WINDOWS)


@pytest.mark.parametrize("line", ["fast", "fast>=1.0 --hash=sha256:00", "fast==1.0", "-r other.txt"])
def test_a_lock_without_versions_or_hashes_is_refused(shop: Shop, line: str) -> None:
    shop.lock.write_text(f"{line}\n")
    with pytest.raises(BuildRefused, match="not a pinned version with hashes"):
        shop.build(WINDOWS)


def test_what_is_installed_here_is_not_taken_for_another_machine(shop: Shop) -> None:
    with pytest.raises(BuildRefused, match="does not run on windows"):
        shop.build(WINDOWS, wheels=None)


def test_the_command_says_what_it_made(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--platform", "windows", "--python", "3.13", "--offline", "--out", str(shop.out)]
    assert command.main([*words, "--wheels", str(shop.wheels), "--lock", str(shop.lock)]) == 0
    told = capsys.readouterr().out
    for made in shop.build(WINDOWS):
        assert f"{made.path}\n  {made.size:,} bytes; {made.files:,} files, {made.unpacked:,} bytes unpacked\n" in told
        assert f"  SHA-256 {made.sha256}\n" in told


def test_the_command_says_why_it_refuses(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--platform", "windows", "--python", "3.14", "--offline", "--out", str(shop.out)]
    assert command.main([*words, "--wheels", str(shop.wheels), "--lock", str(shop.lock)]) == 1
    assert "There is no wheel of fast 1.0" in capsys.readouterr().err


def test_the_lock_of_the_house_is_what_a_holder_needs_in_the_versions_that_are_tested() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    def names(requirements: list[str]) -> set[str]:
        return {re.split(r"[<>=\[ ]", one)[0] for one in requirements}

    pins, tested = (
        set(re.findall(r"^[a-z][^\s;]*", (ROOT / name).read_text(), re.MULTILINE))
        for name in ("requirements-holder.lock", "requirements.lock")
    )
    assert pins < tested
    held = {pin.split("==")[0] for pin in pins}
    assert names(project["dependencies"]) <= held
    assert not names(project["optional-dependencies"]["broker"]) & held


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_the_lock_of_the_house_names_one_version_of_everything_for_every_target(platform: Platform, minor: int) -> None:
    pins = [pin.name for pin in read_lock(ROOT / "requirements-holder.lock", Target(platform, (3, minor)))]
    assert len(pins) == len(set(pins)) > 30
    assert ("colorama" in pins) == (platform is Platform.WINDOWS)
    assert not set(NOT_NEEDED) & set(pins)
