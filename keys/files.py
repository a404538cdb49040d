"""Files that are whole or absent, and files that only their owner may read."""

from __future__ import annotations

import errno
import io
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from keys.errors import KeysError
from keys.private import create_private
from keys.windows import WINDOWS

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputRefused(KeysError):
    """An output file is there already or cannot be written."""

    number: int | None = None
    """Of the system's error (``errno``), if it was the system that refused."""


_REASONS = {
    errno.ENOSPC: ("the disk is full", "Free some space, or name a file on another disk."),
    errno.EDQUOT: ("your share of the disk is used up", "Free some space, or name a file on another disk."),
    errno.EFBIG: ("it would be larger than this disk or your account allows", "Name a file on another disk."),
    errno.EROFS: ("the disk is read-only", "Name a file on another disk."),
    errno.EACCES: (
        "permission denied",
        "Name a folder that you may write to, and close other programs that have the file open.",
    ),
    errno.EPERM: ("this is not allowed here", "Name a folder that you may write to."),
    errno.ENOENT: ("the folder does not exist", "Make the folder, or correct the path."),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "Correct the path."),
    errno.EISDIR: ("it is a folder", "Name a file in it."),
    errno.ENAMETOOLONG: ("the name is too long", "Choose a shorter name."),
}
"""What the system may say when a file is written -> what that means and what to do."""


class _Part(io.FileIO):
    """A file that remembers that it could not be written, so that no other fault is taken for that."""

    failure: OSError | None = None

    def write(self, data: ReadableBuffer, /) -> int:
        with self.remembering():
            return super().write(data)

    def settle(self) -> None:
        with self.remembering():
            os.fsync(self.fileno())

    @contextmanager
    def remembering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = error
            raise


class Files:
    """Files that are written together: see ``whole_files``."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def open(self, path: Path, *, replace: bool = False, private: bool = False) -> BinaryIO:
        """A stream to write ``path`` with; as ``whole_file``, which says what it raises."""
        refuse_existing(path, replace=replace)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            part = _Part(_create(temporary, private=private), "wb")
        except OSError as error:
            raise _unwritable(path, error) from None
        self._waiting.append(_Waiting(path, temporary, part, io.BufferedWriter(part), replace))
        return self._waiting[-1].stream

    def _finish(self) -> None:
        for one in self._waiting:
            one.stream.flush()
            one.part.settle()
            one.stream.close()
        for one in self._waiting:
            refuse_existing(one.path, replace=one.replace)
            with one.part.remembering():
                one.temporary.replace(one.path)

    def _discard(self) -> None:
        for one in self._waiting:
            with suppress(OSError, ValueError):
                one.stream.close()
            with suppress(OSError):
                one.temporary.unlink(missing_ok=True)

    def _failure(self) -> OutputRefused | None:
        return next((_unwritable(one.path, one.part.failure) for one in self._waiting if one.part.failure), None)


class _Waiting(NamedTuple):
    path: Path
    temporary: Path
    part: _Part
    stream: io.BufferedWriter
    replace: bool


@contextmanager
def whole_files() -> Iterator[Files]:
    """Files that belong together: when all are written and on the disk, each takes its place, in the order in which
    they were opened. On any failure before that none does."""
    files = Files()
    try:
        yield files
        files._finish()
    except BaseException:
        failure = files._failure()
        files._discard()
        if failure is not None:
            raise failure from None
        raise


@contextmanager
def whole_file(path: Path, *, replace: bool = False, private: bool = False) -> Iterator[BinaryIO]:
    """Write ``path`` through a temporary file beside it that is renamed at the end.

    On any failure nothing is left behind and an older file stays as it was. ``private``: for the current user alone,
    by mode 0600 or, on Windows, by an access list. A symbolic link is replaced itself, not what it leads to. Raises
    ``OutputRefused`` when the file exists (unless ``replace``) or cannot be written, ``NotPrivate`` when it cannot be
    private; errors of any other kind pass through.
    """
    with whole_files() as files:
        yield files.open(path, replace=replace, private=private)


def write_whole(path: Path, data: bytes, *, replace: bool = False, private: bool = False) -> None:
    """Write ``data`` as ``whole_file`` does."""
    with whole_file(path, replace=replace, private=private) as stream:
        stream.write(data)


def refuse_existing(path: Path, *, replace: bool) -> None:
    """Raise ``OutputRefused`` if ``path`` exists and may not be replaced, or is a folder."""
    try:
        there, folder = path.is_symlink() or path.exists(), path.is_dir()
    except OSError as error:
        raise _unwritable(path, error) from None
    if folder:
        raise _unwritable(path, IsADirectoryError(errno.EISDIR, ""))
    if there and not replace:
        raise OutputRefused(
            "This file exists already.", where=str(path), remedy="Choose another name, or move the file away."
        )


def _create(path: Path, *, private: bool) -> int:
    if private and WINDOWS is not None:
        return create_private(path, WINDOWS)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)


def reason(error: OSError) -> tuple[str, str]:
    """What the system's refusal to write means, and what to do."""
    unknown = (error.strerror or type(error).__name__, "Name another file or folder, and try again.")
    return _REASONS.get(error.errno or 0, unknown)


def _unwritable(path: Path, error: OSError) -> OutputRefused:
    why, remedy = reason(error)
    refused = OutputRefused(f"The file cannot be written: {why}.", where=str(path), remedy=remedy)
    refused.number = error.errno
    return refused
