"""The lock file of the holder's tool, read for one target.

pip would decide with the environment markers of the machine that builds, not of the one that it builds for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.markers import Marker

from deploy.pyz.errors import BuildRefused
from deploy.pyz.target import Target

NOT_NEEDED = {"bashplotlib": "clkhash names it, for a command of its own; there is no wheel of it"}
"""Distributions of the lock that the holder's tool never imports, with the reason to leave them out."""

_ENTRY = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;]+)\s*(?:;(?P<marker>.*?))?(?P<hashes>(\s+--hash=\S+)+)")


@dataclass(frozen=True)
class Pin:
    """One distribution: the version, and the SHA-256 (hex) of every file that may be it."""

    name: str
    version: str
    hashes: frozenset[str]

    @property
    def requirement(self) -> str:
        """A line of a requirements file."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{one}" for one in sorted(self.hashes))])


def read_lock(path: Path, target: Target) -> tuple[Pin, ...]:
    """What the lock names for the target, by name. Raises ``BuildRefused`` for a line that is not pinned and hashed."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        raise BuildRefused("The lock file cannot be read.", where=str(path), remedy="Name it with --lock.") from None
    pins = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        entry = line.partition(" #")[0].strip()
        if not entry or entry.startswith("#"):
            continue
        found = _ENTRY.fullmatch(entry)
        if found is None:
            raise BuildRefused(
                f"A line is not a pinned version with hashes: {entry[:40]}", where=str(path), remedy="Run: make lock"
            )
        wanted = not found["marker"] or Marker(found["marker"]).evaluate(target.environment)
        if wanted and found["name"] not in NOT_NEEDED:
            hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", found["hashes"]))
            pins.append(Pin(found["name"], found["version"], hashes))
    return tuple(sorted(pins, key=lambda pin: pin.name))
