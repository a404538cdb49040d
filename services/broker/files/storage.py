"""Files of the broker: uploads as they came (sealed) and what a run keeps between steps (sealed at rest)."""

import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from keys.at_rest import open_at_rest, seal_at_rest
from keys.files import write_whole


@dataclass(frozen=True)
class Storage:
    """A local folder. Names are our own (ids and fixed words), never taken from a request.

    Whatever keeps the files (see ``objects``), each is there as a whole or not at all, and what is still coming in or
    being checked lies in this folder. Where the files cannot be had, ``OSError`` is raised, or
    ``StorageAway`` if it may help to try again later.
    """

    root: Path

    def path(self, name: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def put_sealed(self, name: str, data: bytes, *, key: bytes, random: Callable[[int], bytes]) -> None:
        """Store ``data`` encrypted; a file of that name is replaced as a whole."""
        self.put(name, seal_at_rest(data, key=key, name=name, random=random))

    def get_sealed(self, name: str, *, key: bytes) -> bytes:
        """Raises ``FileNotFoundError``, and ``EnvelopeError`` for a file that is damaged or in the wrong place."""
        with self.open(name) as stream:
            return open_at_rest(stream.read(), key=key, name=name)

    def put(self, name: str, data: bytes) -> None:
        """Store bytes that are sealed to a party already."""
        write_whole(self.path(name), data, replace=True, private=True)

    def open(self, name: str) -> BinaryIO:
        """To be read from any place on. Raises ``FileNotFoundError``."""
        return self.path(name).open("rb")

    def read(self, name: str) -> bytes | None:
        """The whole file as it lies there; None if there is none."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        return (self.root / name).is_file()

    def size(self, name: str) -> int:
        """Bytes of a file; 0 if there is none."""
        return (self.root / name).stat().st_size if self.has(name) else 0

    def part(self) -> Path:
        """A fresh name for a file that is still coming in."""
        return self.path(f"quarantine/{secrets.token_hex(16)}")

    def room(self) -> tuple[int, int]:
        """Bytes that are free, and all, of the disk that this folder is on, or will be."""
        usage = shutil.disk_usage(next(path for path in (self.root, *self.root.parents) if path.is_dir()))
        return usage.free, usage.total

    def is_writable(self) -> bool:
        """Whether a small file can be written and removed. Raises ``OSError`` where it cannot."""
        part = self.part()
        try:
            part.write_bytes(b"ready")
        finally:
            part.unlink(missing_ok=True)
        return True

    def discard_parts(self) -> None:
        """Remove files that a crash cut off; only while none can be coming in."""
        for name in self.folders("quarantine"):
            self.path(f"quarantine/{name}").unlink(missing_ok=True)

    def accept(self, part: Path, name: str) -> None:
        """Put a file that came in where it belongs; a file of that name is replaced as a whole."""
        part.replace(self.path(name))

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        (self.root / name).unlink(missing_ok=True)

    def folders(self, name: str) -> list[str]:
        """What lies in a folder, by name."""
        return sorted(path.name for path in (self.root / name).iterdir()) if (self.root / name).is_dir() else []

    def remove_folder(self, name: str) -> None:
        """Remove a folder and all in it, if it is there. Raises ``OSError`` if anything stays behind."""
        path = self.root / name
        while path.exists():
            with suppress(FileNotFoundError):  # another process removes it too
                shutil.rmtree(path)


def settle(stream: BinaryIO) -> None:
    """Have what was written on the disk before anything says that it is there."""
    stream.flush()
    os.fsync(stream.fileno())


def erase(path: Path) -> None:
    """Overwrite a small file, where the file system writes in place, and remove it."""
    try:
        with path.open("r+b") as stream:
            stream.write(secrets.token_bytes(path.stat().st_size))
            settle(stream)
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
