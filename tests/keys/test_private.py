"""Private files on Windows, by a stand-in for its disks: nobody else may open them, or there is no file.

The calls into Windows themselves (``keys.windows``) are not run here.
"""

import errno
import os
import sys
from pathlib import Path

import pytest

from keys.errors import CounterfoilError
from keys.files import OutputRefused, write_whole
from keys.private import NotPrivate, access_for, create_private, same_access
from keys.windows import WINDOWS

USER = "S-1-5-21-1004336348-1177238915-682003330-1001"
ALONE = f"D:P(A;;FA;;;{USER})"


class Disk:
    """Keeps what it is given, and says it back as NTFS does."""

    def __init__(self, user: str = USER) -> None:
        self.seen: list[tuple[str, str, bytes]] = []
        self.kept: dict[int, str] = {}
        self._user = user

    def user(self) -> str:
        return self._user

    def create(self, path: Path, access: str) -> int:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        self.seen.append((path.name, access, path.read_bytes()))
        self.kept[descriptor] = access
        return descriptor

    def access(self, descriptor: int) -> str:
        return self.normal(self.kept[descriptor]).replace("D:P(", "D:PAI(")

    def normal(self, access: str) -> str:
        return access.replace(";S-1-5-18)", ";SY)")


class Saying(Disk):
    """Says that a file has this list, whatever it was given."""

    def __init__(self, access: str) -> None:
        super().__init__()
        self._access = access

    def access(self, descriptor: int) -> str:
        return self._access


class Failing(Disk):
    """Fails at one step."""

    def __init__(self, step: str, code: int) -> None:
        super().__init__()
        self._step, self._code = step, code

    def user(self) -> str:
        self._fail("user")
        return super().user()

    def create(self, path: Path, access: str) -> int:
        self._fail("create")
        return super().create(path, access)

    def access(self, descriptor: int) -> str:
        self._fail("access")
        return super().access(descriptor)

    def _fail(self, step: str) -> None:
        if step == self._step:
            raise OSError(self._code, os.strerror(self._code))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_list_gives_the_user_every_right_and_takes_nothing_from_the_folder() -> None:
    assert access_for(USER) == ALONE


def test_the_file_has_its_list_before_it_has_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr("keys.files.WINDOWS", disk)
    write_whole(tmp_path / "identity.json", b"secret", private=True)
    ((name, access, content),) = disk.seen
    assert name.startswith(".identity.json.")
    assert (access, content) == (ALONE, b"")
    assert names(tmp_path) == ["identity.json"]
    assert (tmp_path / "identity.json").read_bytes() == b"secret"


def test_files_for_others_are_made_as_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk()
    monkeypatch.setattr("keys.files.WINDOWS", disk)
    write_whole(tmp_path / "card.json", b"public")
    assert disk.seen == []


def test_a_user_with_a_short_name_is_known_by_it(tmp_path: Path) -> None:
    os.close(create_private(tmp_path / "file", Disk("S-1-5-18")))
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    "access",
    [
        "",
        "D:NO_ACCESS_CONTROL",
        "D:(A;;FA;;;WD)",
        f"D:(A;;FA;;;{USER})",
        f"D:AI(A;;FA;;;{USER})",
        f"D:PAI(A;;FA;;;{USER})(A;;FR;;;BU)",
        f"D:PAI(A;;FA;;;BA)(A;;FA;;;{USER})",
        f"D:AI(A;ID;FA;;;{USER})",
        f"D:P(A;;FR;;;{USER})",
        f"D:P(A;IO;FA;;;{USER})",
        f"D:P(A;;FA;;;{USER}2)",
        "D:P",
    ],
)
def test_a_disk_that_does_not_keep_the_list_gets_no_private_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, access: str
) -> None:
    assert not same_access(access, ALONE)
    monkeypatch.setattr("keys.files.WINDOWS", Saying(access))
    (tmp_path / "old").write_bytes(b"the old file")
    with pytest.raises(NotPrivate, match="would not be private") as caught:
        write_whole(tmp_path / "old", b"secret", replace=True, private=True)
    assert caught.value.where == str(tmp_path)
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"the old file"


@pytest.mark.parametrize("access", [ALONE, ALONE.replace("D:P", "D:PAI"), ALONE.replace("D:P", "D:PARAI")])
def test_remarks_on_inheritance_change_nothing(access: str) -> None:
    assert same_access(access, ALONE)


@pytest.mark.parametrize(
    ("step", "code", "error", "what"),
    [
        ("user", errno.EACCES, OutputRefused, "permission denied"),
        ("create", errno.EACCES, OutputRefused, "permission denied"),
        ("create", errno.ENOENT, OutputRefused, "the folder does not exist"),
        ("access", errno.EACCES, NotPrivate, "would not be private"),
    ],
)
def test_when_a_step_fails_there_is_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, code: int, error: type[CounterfoilError], what: str
) -> None:
    monkeypatch.setattr("keys.files.WINDOWS", Failing(step, code))
    with pytest.raises(error, match=what):
        write_whole(tmp_path / "identity.json", b"secret", private=True)
    assert names(tmp_path) == []


def test_the_systems_own_lists_are_used_on_windows_alone() -> None:
    assert (WINDOWS is not None) == (sys.platform == "win32")
