"""Reading what a command is given."""

import errno
from pathlib import Path

from encoder.errors import InputError

_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ENOTDIR: "there is no such file",
    errno.EISDIR: "it is a folder",
    errno.EACCES: "permission denied",
}


def read_file(path: Path) -> bytes:
    """The bytes of a small file. Raises ``InputError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        why = _REASONS.get(error.errno or 0) or error.strerror or type(error).__name__
        raise InputError(f"The file cannot be read: {why}.", where=str(path), remedy="Check the path.") from None
