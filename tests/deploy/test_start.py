"""What the single file does before anything of it is imported: unpack once, trust nothing, refuse in words.

The files of these bundles are tiny; those of the real one are tested in ``test_pyz``.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from deploy.pyz import start
from deploy.pyz.bundle import Bundle, write_archive
from deploy.pyz.target import Platform, Target

HERE = Target(Platform.LINUX, (sys.version_info[0], sys.version_info[1]))
COMMAND = b"""
import sys
def main():
    import helper
    print(sys.argv[1:], helper.__file__, "site" in sys.modules, sys.flags.safe_path)
    sys.exit(7)
"""
FILES = {"encoder/__init__.py": b"", "encoder/start.py": COMMAND, "helper.py": b"", "data/words.txt": b"good words"}
BUNDLE = Bundle("0.0", HERE, {}, FILES)


@dataclass(frozen=True)
class Desk:
    """A folder to be in, a home with nothing in it, and the single file."""

    root: Path
    file: Path

    @property
    def cache(self) -> Path:
        return self.root / "home" / ".cache" / "counterfoil"

    @property
    def unpacked(self) -> Path:
        (folder,) = self.cache.iterdir()
        return folder

    def start(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, str(self.file), *words],
            cwd=self.root / "empty",
            env={"HOME": str(self.root / "home"), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def refusal(self, **environment: str) -> str:
        """What is said on stderr when the file refuses to start the command."""
        ended = self.start(**environment)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "Traceback" not in ended.stderr
        return ended.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    for name in ("empty", "home"):
        (tmp_path / name).mkdir()
    return Desk(tmp_path, BUNDLE.write_file(tmp_path).path)


def test_the_command_gets_its_arguments_and_gives_its_exit_code(desk: Desk) -> None:
    ended = desk.start("two words", "--flag")
    assert ended.returncode == 7
    assert ended.stdout == f"['two words', '--flag'] {desk.unpacked / 'helper.py'} False True\n"


def test_it_is_unpacked_once_for_the_user_alone(desk: Desk) -> None:
    assert desk.start().stderr == f"Unpacking to {desk.unpacked} (once only) ...\n"
    made = desk.unpacked.stat()
    assert {path.stat().st_mode & 0o777 for path in (desk.cache, desk.unpacked)} == {0o700}
    assert desk.start().stderr == ""
    assert (desk.unpacked.stat().st_ino, desk.unpacked.stat().st_mtime_ns) == (made.st_ino, made.st_mtime_ns)
    assert {path.name for path in desk.unpacked.rglob("*")} == {
        *("encoder", "__init__.py", "start.py", "helper.py", "data", "words.txt"),
    }
    assert list((desk.root / "empty").iterdir()) == []


def test_other_contents_are_unpacked_beside(desk: Desk) -> None:
    desk.start()
    replace(BUNDLE, files={**FILES, "helper.py": b"# newer"}).write_file(desk.root)
    assert desk.start().returncode == 7
    assert len(list(desk.cache.iterdir())) == 2


def test_two_first_starts_at_once_both_work(desk: Desk) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, str(desk.file)],
            env={"HOME": str(desk.root / "home")},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(4)
    ]
    assert [one.wait() for one in started] == [7] * 4
    assert desk.unpacked.is_dir()


def test_no_module_of_the_folder_or_of_pythonpath_is_imported(desk: Desk) -> None:
    intruder = "raise SystemExit('an intruder')"
    for folder in (desk.root / "empty", desk.root / "elsewhere"):
        folder.mkdir(exist_ok=True)
        (folder / "helper.py").write_text(intruder)
    (desk.root / "empty" / "json.py").write_text(intruder)
    ended = desk.start(PYTHONPATH=str(desk.root / "elsewhere"))
    assert ended.stdout == f"[] {desk.unpacked / 'helper.py'} False True\n"


def change(path: Path) -> None:
    path.write_bytes(b"bad words!")


def plant(path: Path) -> None:
    (path.parent / "planted.py").write_bytes(b"")


def plant_byte_code(path: Path) -> None:
    (path.parents[1] / "__pycache__").mkdir()
    (path.parents[1] / "__pycache__" / "helper.cpython-311.pyc").write_bytes(b"")


def link(path: Path) -> None:
    path.rename(path.parents[1] / "kept.txt")
    path.symlink_to(path.parents[1] / "kept.txt")


def link_folder(path: Path) -> None:
    shutil.move(path.parent, path.parents[2] / "away")
    path.parent.symlink_to(path.parents[2] / "away")


@pytest.mark.parametrize("fault", [change, Path.unlink, plant, plant_byte_code, link, link_folder])
def test_what_is_not_as_in_the_manifest_stops_it_and_is_left_alone(desk: Desk, fault: object) -> None:
    desk.start()
    unpacked = desk.unpacked
    assert callable(fault)
    fault(unpacked / "data" / "words.txt")
    for _ in range(2):
        said = desk.refusal()
        assert f"Error: {unpacked}" in said
        assert "is missing, changed or does not belong there.\nDelete that folder and start again." in said
    shutil.rmtree(unpacked)
    assert desk.start().returncode == 7


@pytest.mark.parametrize("which", ["cache", "unpacked"])
def test_a_folder_that_others_may_write_to_is_refused(desk: Desk, which: str) -> None:
    desk.start()
    folder = desk.cache if which == "cache" else desk.unpacked
    folder.chmod(0o770)
    assert f"Error: {folder} is not a folder that only you can write to." in desk.refusal()


def test_a_cache_that_leads_elsewhere_is_refused(desk: Desk) -> None:
    desk.start()
    desk.cache.rename(desk.root / "planted")
    desk.cache.symlink_to(desk.root / "planted")
    assert "is not a folder that only you can write to" in desk.refusal()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    start.require_own(tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: tmp_path.stat().st_uid + 1)
    with pytest.raises(start.Refused):
        start.require_own(tmp_path)


def test_where_it_cannot_be_unpacked_it_says_so_and_another_folder_can_be_named(desk: Desk) -> None:
    (desk.root / "full").write_bytes(b"")
    said = desk.refusal(COUNTERFOIL_CACHE=str(desk.root / "full" / "cache"))
    assert f"The tool cannot be unpacked to {desk.root / 'full' / 'cache'} (" in said
    assert "COUNTERFOIL_CACHE" in said
    assert desk.start(COUNTERFOIL_CACHE=str(desk.root / "roomy")).returncode == 7
    assert not desk.cache.exists()


def test_an_archive_whose_contents_do_not_fit_its_manifest_leaves_nothing_behind(desk: Desk) -> None:
    changed = {**BUNDLE.entries(), "site/helper.py": b"print('changed')"}
    write_archive(desk.file, changed)
    assert "does not belong there.\nGet the file again, and compare its SHA-256" in desk.refusal()
    assert list(desk.cache.iterdir()) == []


def test_an_archive_that_lacks_a_file_leaves_nothing_behind(desk: Desk) -> None:
    write_archive(desk.file, {name: data for name, data in BUNDLE.entries().items() if name != "site/helper.py"})
    assert f"Error: {desk.file} is damaged.\nGet it again" in desk.refusal()
    assert list(desk.cache.iterdir()) == []


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (Target(Platform.LINUX, (3, 99)), "Python 3.99 (64-bit) on linux"),
        (Target(Platform.WINDOWS, HERE.python), f"Python {HERE.version} (64-bit) on windows"),
    ],
)
def test_another_python_or_system_is_refused_before_anything_is_unpacked(
    desk: Desk, target: Target, wanted: str
) -> None:
    replace(BUNDLE, target=target).write_file(desk.root).path.rename(desk.file)
    said = desk.refusal()
    assert f"Error: This file needs {wanted}; this is Python {HERE.version} (64-bit) on linux." in said
    assert not desk.cache.exists()


def test_an_unpacked_archive_starts_where_it_lies(desk: Desk) -> None:
    folder = desk.root / "app"
    with zipfile.ZipFile(desk.file) as archive:
        archive.extractall(folder)
    ended = replace(desk, file=folder).start("word")
    assert ended.stdout == f"['word'] {folder / 'site' / 'helper.py'} False True\n"
    assert not desk.cache.exists()
    change(folder / "site" / "data" / "words.txt")
    assert "Get the whole folder again." in replace(desk, file=folder).refusal()
