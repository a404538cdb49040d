"""Passphrases, from a prompt, a file or a file descriptor: never from an argument or the environment."""

import getpass
import sys
import unicodedata
import warnings
from pathlib import Path

from keys.errors import IdentityError

_NOT_TYPED = {"Cc", "Cs", "Cn"}
"""Unicode categories: control characters, halves of characters, and what is not assigned (yet)."""


def prepared(passphrase: str) -> str:
    """The one text for all ways of typing it: other spaces become U+0020, then Unicode NFC (RFC 8265, OpaqueString).

    So a passphrase opens its file from another keyboard or system, which may write an accent as a character of its
    own. Nothing else is changed; NFKC would make different characters equal. Raises ``IdentityError`` for characters
    that nobody means to type, or that another version of Unicode might change.
    """
    if any(unicodedata.category(character) in _NOT_TYPED for character in passphrase):
        raise IdentityError(
            "The passphrase holds a character that cannot be typed, such as from an arrow key or another encoding.",
            remedy="Type it again; a file with it must be plain text in UTF-8.",
        )
    spaced = (" " if unicodedata.category(character) == "Zs" else character for character in passphrase)
    return unicodedata.normalize("NFC", "".join(spaced))


def read_passphrase(
    *, file: Path | None = None, descriptor: int | None = None, repeat: bool = False, prompt: str = "Passphrase: "
) -> str:
    """The first line of the file or descriptor, without its line end and otherwise as it is; with neither, asked for
    at the terminal, else read from stdin.

    ``repeat`` asks twice, for a new passphrase. Raises ``IdentityError`` when there is none to read, the two differ,
    or the terminal would show it.
    """
    if file is not None and descriptor is not None:
        raise IdentityError("The passphrase is given twice.", remedy="Give a file or a descriptor, not both.")
    if file is not None:
        return _first_line_of(file)
    if descriptor is not None:
        return _first_line_of(descriptor)
    if not sys.stdin.isatty():
        try:
            return _required(sys.stdin.readline(), "stdin")
        except UnicodeDecodeError:
            raise _unreadable("stdin") from None
    passphrase = _asked(prompt)
    if repeat and _asked("The same again: ") != passphrase:
        raise IdentityError("The two passphrases differ.", remedy="Try again.")
    return _required(passphrase, "prompt")


def _asked(prompt: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except getpass.GetPassWarning:
        raise IdentityError(
            "This terminal would show the passphrase while it is typed.",
            remedy="Use another terminal, or --passphrase-file.",
        ) from None
    except UnicodeDecodeError:
        raise _unreadable("prompt") from None


def _first_line_of(source: Path | int) -> str:
    where = str(source) if isinstance(source, Path) else f"file descriptor {source}"
    try:
        with open(source, encoding="utf-8-sig", closefd=not isinstance(source, int)) as stream:
            return _required(stream.readline(), where)
    except (OSError, UnicodeDecodeError):
        raise _unreadable(where) from None


def _unreadable(where: str) -> IdentityError:
    return IdentityError(
        "The passphrase cannot be read.",
        where=where,
        remedy="Give plain text in UTF-8 with the passphrase as its first line.",
    )


def _required(line: str, where: str) -> str:
    passphrase = line.removesuffix("\n").removesuffix("\r")
    if not passphrase:
        raise IdentityError("There is no passphrase.", where=where, remedy="Write it as the first line.")
    return passphrase
