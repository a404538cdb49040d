"""Files are whole or absent, whatever happens while they are written."""

import os
import stat
from pathlib import Path

import pytest

from keys.files import OutputRefused, refuse_existing, whole_file, write_whole


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
    path = tmp_path / "out"
    if old is not None:
        path.write_bytes(old)
    with pytest.raises(OutputRefused if failure is OSError else failure):
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
    with pytest.raises(OutputRefused, match="No space left"):
        write_whole(tmp_path / "out", b"new", replace=True)
    monkeypatch.undo()
    assert contents(tmp_path) == {"out": b"the old file"}


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


@pytest.mark.parametrize("name", ["no-such-folder/out", "a-file/out", "x" * 300])
def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    with pytest.raises(OutputRefused):
        write_whole(tmp_path / name, b"data")
    assert contents(tmp_path) == {"a-file": b""}


def test_a_folder_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputRefused):
        write_whole(tmp_path / "out", b"data", replace=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_refuse_existing(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "out", replace=False)
    (tmp_path / "out").write_bytes(b"")
    refuse_existing(tmp_path / "out", replace=True)
    with pytest.raises(OutputRefused):
        refuse_existing(tmp_path / "out", replace=False)
