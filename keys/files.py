"""Files that are whole or absent, and files that only their owner may read."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from keys.errors import KeysError


class OutputRefused(KeysError):
    """An output file is there already or cannot be written."""


@contextmanager
def whole_file(path: Path, *, replace: bool = False, private: bool = False) -> Iterator[BinaryIO]:
    """Write ``path`` through a temporary file beside it that is renamed at the end.

    On any failure nothing is left behind and an older file stays as it was. ``private`` gives mode 0600.
    Raises ``OutputRefused`` when the file exists (unless ``replace``) or cannot be written.
    """
    refuse_existing(path, replace=replace)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o644)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        refuse_existing(path, replace=replace)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise _unwritable(path, error) from None
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def write_whole(path: Path, data: bytes, *, replace: bool = False, private: bool = False) -> None:
    """Write ``data`` as ``whole_file`` does."""
    with whole_file(path, replace=replace, private=private) as stream:
        stream.write(data)


def refuse_existing(path: Path, *, replace: bool) -> None:
    """Raise ``OutputRefused`` if ``path`` exists and may not be replaced."""
    try:
        there = path.exists()
    except OSError as error:
        raise _unwritable(path, error) from None
    if there and not replace:
        raise OutputRefused(
            "This file exists already.", where=str(path), remedy="Choose another name, or move the file away."
        )


def _unwritable(path: Path, error: OSError) -> OutputRefused:
    reason = error.strerror or type(error).__name__
    return OutputRefused(
        f"The file cannot be written ({reason}).",
        where=str(path),
        remedy="Check that the folder exists, that you may write to it and that the disk has room.",
    )
