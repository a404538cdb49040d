"""Files are whole or absent, whatever happens while they are written."""

import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from keys.files import OutputRefused, refuse_existing, whole_file, whole_files, write_whole


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_file_is_written_whole_and_alone(tmp_path: Path) -> None:
    write_whole(tmp_path / "out", b"all of it")
    assert contents(tmp_path) == {"out": b"all of it"}


def test_nothing_is_there_before_the_end(tmp_path: Path) -> None:
    with whole_file(tmp_path / "out") as stream:
        stream.write(b"part")
        stream.flush()
        assert not (tmp_path / "out").exists()
    assert contents(tmp_path) == {"out": b"part"}


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, OSError, MemoryError])
@pytest.mark.parametrize("old", [None, b"the old file"])
def test_a_failure_leaves_nothing_and_keeps_the_old_file(
    tmp_path: Path, failure: type[BaseException], old: bytes | None
) -> None:
    """An error that is not about writing, such as one of reading the input, is not said to be one."""
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(failure):
        write_half(path, failure)
    assert contents(tmp_path) == ({} if old is None else {"out": old})


def write_half(path: Path, failure: type[BaseException]) -> None:
    with whole_file(path, replace=True) as stream:
        stream.write(b"half")
        raise failure


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_and_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "out").write_bytes(b"the old file")
    monkeypatch.setattr(os if step == "fsync" else Path, step, full)
    with pytest.raises(OutputRefused, match=r"the disk is full\. Free some space"):
        write_whole(tmp_path / "out", b"new", replace=True)
    monkeypatch.undo()
    assert contents(tmp_path) == {"out": b"the old file"}


@pytest.mark.parametrize("size", [5, 1 << 20])
def test_a_disk_that_fills_up_while_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """A real full device, whether noticed at once or only when what is buffered goes out."""
    opened = os.open

    def on_a_full_disk(path: Path, flags: int, mode: int) -> int:
        os.close(opened(path, flags, mode))
        return opened("/dev/full", os.O_WRONLY)

    monkeypatch.setattr("keys.files.os.open", on_a_full_disk)
    with pytest.raises(OutputRefused, match=r"the disk is full\. Free some space"):
        write_whole(tmp_path / "out", bytes(size), private=True)
    assert contents(tmp_path) == {}


def test_a_file_that_grows_beyond_what_is_allowed_leaves_nothing(tmp_path: Path) -> None:
    script = """
import resource, sys
from pathlib import Path
from keys.files import OutputRefused, write_whole
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
write_whole(Path("small"), bytes(1000))
try:
    write_whole(Path("large"), bytes(1001))
except OutputRefused as error:
    sys.exit(str(error))
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == (
        "large: The file cannot be written: it would be larger than this disk or your account allows. "
        "Name a file on another disk.\n"
    )
    assert contents(tmp_path) == {"small": bytes(1000)}


def test_an_existing_file_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"the old file")
    with pytest.raises(OutputRefused, match="exists already") as caught, whole_file(path):
        pytest.fail("the file was opened")
    assert caught.value.where == str(path)
    assert contents(tmp_path) == {"out": b"the old file"}


def test_a_file_that_came_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(OutputRefused, match="exists already"), whole_file(path):
        path.write_bytes(b"theirs")
    assert contents(tmp_path) == {"out": b"theirs"}


def test_replace_takes_the_place_of_the_old_file(tmp_path: Path) -> None:
    write_whole(tmp_path / "out", b"old")
    write_whole(tmp_path / "out", b"new", replace=True)
    assert contents(tmp_path) == {"out": b"new"}


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_a_private_file_is_for_its_owner_from_the_first_byte(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        with whole_file(tmp_path / "secret", private=True) as stream:
            assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600]
            stream.write(b"secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_a_private_file_takes_the_place_of_an_open_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"")
    path.chmod(0o666)
    write_whole(path, b"secret", replace=True, private=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("no-such-folder/out", "the folder does not exist"),
        ("a-file/out", "a part of the path is a file, not a folder"),
        ("x" * 300, "the name is too long"),
        ("a-folder", "it is a folder"),
    ],
)
@pytest.mark.parametrize("replace", [False, True])
def test_a_path_that_cannot_be_written_is_refused_with_the_reason(
    tmp_path: Path, name: str, why: str, replace: bool
) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    (tmp_path / "a-folder").mkdir()
    with pytest.raises(OutputRefused, match=f"cannot be written: {why}") as caught:
        write_whole(tmp_path / name, b"data", replace=replace)
    assert caught.value.where == str(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a-file", "a-folder"]


@pytest.mark.parametrize(
    ("code", "why", "remedy"),
    [
        (errno.EACCES, "permission denied", "a folder that you may write to, and close other programs"),
        (errno.EROFS, "the disk is read-only", "on another disk"),
        (errno.EDQUOT, "your share of the disk is used up", "Free some space"),
        (errno.EIO, os.strerror(errno.EIO), "Name another file"),
    ],
)
def test_what_the_system_says_is_passed_on_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, why: str, remedy: str
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("keys.files.os.open", refuse)
    with pytest.raises(OutputRefused, match=f"cannot be written: {why}") as caught:
        write_whole(tmp_path / "out", b"data")
    assert remedy in caught.value.remedy


def test_refuse_existing(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "out", replace=False)
    (tmp_path / "out").write_bytes(b"")
    refuse_existing(tmp_path / "out", replace=True)
    with pytest.raises(OutputRefused):
        refuse_existing(tmp_path / "out", replace=False)


@pytest.mark.parametrize("replace", [False, True])
def test_a_link_is_a_file_that_is_there_and_what_it_leads_to_is_never_written(tmp_path: Path, replace: bool) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    for name, target in {"link": "elsewhere", "dangling": "nowhere"}.items():
        (tmp_path / name).symlink_to(tmp_path / target)
        if replace:
            write_whole(tmp_path / name, b"new", replace=True)
        else:
            with pytest.raises(OutputRefused, match="exists already"):
                write_whole(tmp_path / name, b"new")
        assert (tmp_path / name).is_symlink() is not replace
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"
    assert not (tmp_path / "nowhere").exists()


def test_files_that_belong_together_come_together(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"old")
    with whole_files() as files:
        for name in "ab":
            files.open(tmp_path / name, replace=True).write(b"new")
        files.open(tmp_path / "empty")
        assert (tmp_path / "b").read_bytes() == b"old"
    assert contents(tmp_path) == {"a": b"new", "b": b"new", "empty": b""}


@pytest.mark.parametrize("name", ["a", "b"])
def test_if_one_of_them_cannot_be_written_none_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A full disk that is noticed only when the last bytes go out; the error names the file."""
    opened = os.open

    def on_a_full_disk(path: Path, flags: int, mode: int) -> int:
        made = opened(path, flags, mode)
        if not path.name.startswith(f".{name}."):
            return made
        os.close(made)
        return opened("/dev/full", os.O_WRONLY)

    monkeypatch.setattr("keys.files.os.open", on_a_full_disk)
    with pytest.raises(OutputRefused, match="the disk is full") as caught:
        write_both(tmp_path / "a", tmp_path / "b")
    assert caught.value.where == str(tmp_path / name)
    assert contents(tmp_path) == {}


def test_a_fault_between_them_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputRefused, match="the folder does not exist"):
        write_both(tmp_path / "a", tmp_path / "no-such-folder" / "b")
    assert contents(tmp_path) == {}


def write_both(*paths: Path) -> None:
    with whole_files() as files:
        for path in paths:
            files.open(path).write(b"few")
