"""Files for the current user alone on Windows, where a file's mode says nothing about who may read it.

A private file is made together with its access list, so it is never there for others, not even empty. Then the list
is read back: a disk or share that keeps none (FAT, exFAT) takes one without a word. Lists are texts in Microsoft's
"Security Descriptor String Format". Why not icacls or the mode of ``os.mkdir``: docs/adr/0061.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Protocol

from keys.errors import KeysError


class NotPrivate(KeysError):
    """A private file cannot be kept from others on this disk or share."""


class AccessLists(Protocol):
    """What Windows is asked for; each raises ``OSError``."""

    def user(self) -> str:
        """The security identifier of the user that this process runs as, such as ``S-1-5-21-1-2-3-1001``."""

    def create(self, path: Path, access: str) -> int:
        """A descriptor, for writing, of a new file that has this access list from the start."""

    def access(self, descriptor: int) -> str:
        """The access list that an open file has."""

    def normal(self, access: str) -> str:
        """The same list as ``access`` would write it, which has short names for some users."""


def create_private(path: Path, system: AccessLists) -> int:
    """A descriptor, for writing, of a new file that nobody but the current user may open.

    Raises ``OSError`` when it cannot be made, and ``NotPrivate`` when others could open it; it is deleted then.
    """
    wanted = access_for(system.user())
    descriptor = system.create(path, wanted)
    try:
        private = same_access(system.access(descriptor), system.normal(wanted))
    except OSError:
        private = False
    if not private:
        os.close(descriptor)
        path.unlink()
        raise NotPrivate(
            "The file would not be private: this disk or share does not keep who may open a file.",
            where=str(path.parent),
            remedy="Use a folder on this computer's own disk, such as one in your user profile.",
        )
    return descriptor


def access_for(user: str) -> str:
    """The list that gives ``user`` every right to a file and nobody else any, whatever its folder would pass on."""
    return f"D:P(A;;FA;;;{user})"


def same_access(found: str, wanted: str) -> bool:
    """Whether two lists are the same, but for remarks on how inheritance is worked out (``AI``, ``AR``)."""
    return _without_remarks(found) == _without_remarks(wanted)


def _without_remarks(access: str) -> str:
    return re.sub(r"^D:(P?)(AR|AI)*", r"D:\1", access)
