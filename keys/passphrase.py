"""Passphrases, from a prompt, a file or a file descriptor: never from an argument or the environment."""

import getpass
import os
import sys
from pathlib import Path

from keys.errors import IdentityError


def read_passphrase(
    *, file: Path | None = None, descriptor: int | None = None, repeat: bool = False, prompt: str = "Passphrase: "
) -> str:
    """The first line of the file or descriptor; with neither, asked for at the terminal, else read from stdin.

    ``repeat`` asks twice, for a new passphrase. Raises ``IdentityError`` when there is none to read or the two differ.
    """
    if file is not None and descriptor is not None:
        raise IdentityError("The passphrase is given twice.", remedy="Give a file or a descriptor, not both.")
    if file is not None:
        return _first_line_of(file)
    if descriptor is not None:
        return _first_line_of(descriptor)
    if not sys.stdin.isatty():
        return _required(sys.stdin.readline(), "stdin")
    passphrase = getpass.getpass(prompt)
    if repeat and getpass.getpass("The same again: ") != passphrase:
        raise IdentityError("The two passphrases differ.", remedy="Try again.")
    return _required(passphrase, "prompt")


def _first_line_of(source: Path | int) -> str:
    where = str(source) if isinstance(source, Path) else f"file descriptor {source}"
    try:
        with os.fdopen(source, closefd=False) if isinstance(source, int) else source.open(encoding="utf-8") as stream:
            return _required(stream.readline(), where)
    except (OSError, UnicodeDecodeError):
        raise IdentityError(
            "The passphrase cannot be read.", where=where, remedy="Give a text file with the passphrase as first line."
        ) from None


def _required(line: str, where: str) -> str:
    passphrase = line.rstrip("\r\n")
    if not passphrase:
        raise IdentityError("There is no passphrase.", where=where, remedy="Write it as the first line.")
    return passphrase
