"""Reading what a command is given."""

from pathlib import Path

from encoder.errors import InputError


def read_file(path: Path) -> bytes:
    """The bytes of a small file. Raises ``InputError``."""
    try:
        return path.read_bytes()
    except OSError:
        raise InputError("The file cannot be read.", where=str(path), remedy="Check the path.") from None
