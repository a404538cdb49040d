"""That an agreement's data have been destroyed, noted beside the receiving keys, where no restored database undoes it.

1. The note is written before the key is destroyed. From then on nothing begins in this agreement, whatever the database
   says, and no new key is made for it.
2. The receipt is put into the note before it goes into the database. Whatever is destroyed a second time (after a
   crash, or because the database was restored from a backup that is older) has the receipt of the first time.

A note holds no secret: the agreement's id and its receipt.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from keys.canonical import canonical, parse
from keys.files import write_whole


class Destroyed:
    """The notes in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __contains__(self, agreement: str) -> bool:
        return self._path(agreement).is_file()

    def receipt(self, agreement: str) -> Any:
        """None if there is no note, or destruction was begun and cut off."""
        if agreement not in self:
            return None
        path = self._path(agreement)
        return parse(path.read_bytes(), where=str(path))["receipt"]

    def begin(self, agreement: str) -> None:
        """Note that destruction begins; what is noted already stays."""
        if agreement not in self:
            self._write(agreement, None)

    def complete(self, agreement: str, receipt: Any) -> None:
        """Note the receipt."""
        self._write(agreement, receipt)

    def _write(self, agreement: str, receipt: Any) -> None:
        self._folder.mkdir(mode=0o700, exist_ok=True)
        note = canonical({"agreement": agreement, "receipt": receipt})
        write_whole(self._path(agreement), note, replace=True, private=True)

    def _path(self, agreement: str) -> Path:
        return self._folder / f"{agreement}.json"
