"""The broker's files in an object storage, S3-compatible or Azure Blob: an object each, put as a whole or not at all.

What is still coming in and what is being checked lies in a local folder, as everything does without this. All objects
are sealed; the keys never are among them, so destroying a key destroys every copy and version that the storage keeps.
"""

from __future__ import annotations

import errno
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import httpx
import obstore
from obstore.exceptions import BaseError

from services.broker.errors import StorageAway
from services.broker.files.storage import Storage
from services.broker.watch.logs import say

if TYPE_CHECKING:
    from obstore.store import ObjectStore

READ_BYTES = 1 << 22
"""Of one request when a file is read from its beginning to its end."""
_PART_BYTES, _PARTS_AT_ONCE = 1 << 23, 4
"""A large file is put in parts of this size, so many at once."""
_ROUNDS = 5


@dataclass(frozen=True)
class ObjectStorage(Storage):
    """``objects`` keep the files; ``root`` is the local folder of what is coming in."""

    objects: ObjectStore = field(repr=False)

    def put(self, name: str, data: bytes) -> None:
        with _asked():
            obstore.put(self.objects, name, data)

    def open(self, name: str) -> BinaryIO:
        size = self._size(name)
        if size is None:
            raise FileNotFoundError(errno.ENOENT, "There is no such object", name)
        return io.BufferedReader(_Object(self.objects, name, size), READ_BYTES)

    def read(self, name: str) -> bytes | None:
        try:
            with _asked():
                return bytes(obstore.get(self.objects, name).bytes())
        except FileNotFoundError:
            return None

    def has(self, name: str) -> bool:
        return self._size(name) is not None

    def is_writable(self) -> bool:
        """As of any storage, of the local folder; and the object storage answers. No object is put to find out."""
        self.has("ready")
        return super().is_writable()

    def size(self, name: str) -> int:
        return self._size(name) or 0

    def accept(self, part: Path, name: str) -> None:
        with _asked():
            obstore.put(self.objects, name, part, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
        part.unlink()

    def remove(self, name: str) -> None:
        with _asked(), suppress(FileNotFoundError):
            obstore.delete(self.objects, name)

    def folders(self, name: str) -> list[str]:
        if name == "quarantine":
            return super().folders(name)
        with _asked():
            found = obstore.list_with_delimiter(self.objects, name)
        paths = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return sorted(path.rstrip("/").rsplit("/", 1)[1] for path in paths)

    def remove_folder(self, name: str) -> None:
        for _ in range(_ROUNDS):
            with _asked():
                names = [one["path"] for some in obstore.list(self.objects, name) for one in some]
            if not names:
                return
            with _asked(), suppress(FileNotFoundError):  # another process removes it too
                obstore.delete(self.objects, names)
        raise OSError(errno.EIO, "The object storage does not let go of a folder", name)

    def _size(self, name: str) -> int | None:
        try:
            with _asked():
                return int(obstore.head(self.objects, name)["size"])
        except FileNotFoundError:
            return None


class _Object(io.RawIOBase):
    """One object, read by ranges."""

    def __init__(self, objects: ObjectStore, name: str, size: int) -> None:
        self._objects, self._name, self._size, self._at = objects, name, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence])
        return self._at

    def readinto(self, buffer: Any) -> int:
        length = max(0, min(len(buffer), self._size - self._at))
        if length:
            with _asked():
                data = obstore.get_range(self._objects, self._name, start=self._at, length=length)
            buffer[:length] = memoryview(data)
            self._at += length
        return length


@contextmanager
def _asked() -> Iterator[None]:
    """What the object storage refuses is an ``OSError``, as a disk's would be, also that it is full. Where it is out of
    reach or out of order, which obstore has tried for a while, ``StorageAway`` is raised."""
    try:
        yield
    except OSError:
        raise
    except BaseError as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:1000]
        found = re.search(r"status code: (\d{3})", reason)
        status = int(found[1]) if found else 0
        if status == httpx.codes.INSUFFICIENT_STORAGE or "QuotaExceeded" in reason:
            raise OSError(errno.ENOSPC, "The object storage is full") from None
        if status >= httpx.codes.INTERNAL_SERVER_ERROR or "HTTP error: " in reason:
            say("storage away", error)
            raise StorageAway from None
        raise OSError(errno.EIO, f"The object storage does not do this: {reason}") from None
