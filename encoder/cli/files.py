"""Reading what a command is given."""

import errno
from pathlib import Path

from encoder.errors import InputError
from keys.agreement import Agreement, read_terms
from keys.canonical import parse
from keys.terms import Terms

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


def read_agreement(path: Path) -> Agreement:
    """The agreement in a file, as it was frozen and signed or as a party's folder keeps it (``Workspace``). Raises
    ``InputError``, and ``KeysError`` for a file of something else."""
    return _agreement(read_file(path), path)


def read_terms_or_agreement(path: Path) -> Terms:
    """The terms of an agreement, or of a draft in TOML. Raises as ``read_agreement`` does."""
    data = read_file(path)
    return _agreement(data, path).terms if data.startswith(b"{") else read_terms(data, where=str(path))


def _agreement(data: bytes, path: Path) -> Agreement:
    document = parse(data, where=str(path))
    kept = isinstance(document, dict) and set(document) == {"agreement", "receiving"}
    return Agreement.from_json(document["agreement"] if kept else document)
