"""Files of the broker: uploads as they came (sealed) and what a run keeps between steps (sealed at rest)."""

import secrets
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from keys.at_rest import open_at_rest, seal_at_rest
from keys.files import write_whole


@dataclass(frozen=True)
class Storage:
    """A local folder. Names are our own (ids and fixed words), never taken from a request."""

    root: Path

    def path(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def put_sealed(self, name: str, data: bytes, *, key: bytes, random: Callable[[int], bytes]) -> None:
        """Store ``data`` encrypted; a file of that name is replaced as a whole."""
        write_whole(self.path(name), seal_at_rest(data, key=key, name=name, random=random), replace=True, private=True)

    def get_sealed(self, name: str, *, key: bytes) -> bytes:
        return open_at_rest(self.path(name).read_bytes(), key=key, name=name)

    def put(self, name: str, data: bytes) -> None:
        """Store bytes that are sealed to a party already."""
        write_whole(self.path(name), data, replace=True, private=True)

    def open(self, name: str) -> BinaryIO:
        return self.path(name).open("rb")

    def exists(self, name: str) -> bool:
        return self.path(name).is_file()

    def part(self) -> Path:
        """A fresh name for an upload that is still coming in."""
        return self.path(f"quarantine/{secrets.token_hex(16)}")

    def accept(self, part: Path, name: str) -> None:
        part.replace(self.path(name))

    def remove_folder(self, name: str) -> None:
        shutil.rmtree(self.root / name, ignore_errors=True)
