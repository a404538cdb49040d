"""What a rehearsal was given, so that its links can be judged later: paths alone, nothing that the files hold.

A path within the folder of the rehearsal is kept as seen from there, so that the folder may be moved.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from encoder.beside import Beside
from encoder.cli.files import read_file
from encoder.errors import InputError
from keys.files import write_whole
from services.rehearsal.holder import HolderFiles

NAME = "files.json"


@dataclass(frozen=True)
class Remembered:
    """The holders in their order, and the truth file if one was given."""

    holders: tuple[HolderFiles, ...]
    truth: Path | None


def remember(root: Path, holders: Sequence[HolderFiles], truth: Path | None) -> None:
    """Leave the paths in the folder of a rehearsal."""

    def seen(path: Path | None) -> str | None:
        if path is None:
            return None
        whole, folder = path.resolve(), root.resolve()
        return (whole.relative_to(folder) if whole.is_relative_to(folder) else whole).as_posix()

    given = [
        {
            "name": one.name,
            "file": seen(one.file),
            "columns": seen(one.columns_file),
            "with": seen(one.beside.path if one.beside else None),
        }
        for one in holders
    ]
    document = {"holders": given, "truth": seen(truth)}
    write_whole(root / NAME, json.dumps(document, indent=2).encode(), replace=True)


def recall(root: Path) -> Remembered:
    """What ``remember`` left. Raises ``InputError``."""
    path = root / NAME
    try:
        document = json.loads(read_file(path))
        truth = document["truth"]
        return Remembered(
            tuple(_holder(root, one) for one in document["holders"]), None if truth is None else root / truth
        )
    except (ValueError, LookupError, TypeError):
        raise InputError(
            "This is not what a rehearsal leaves of the files it was given.",
            where=str(path),
            remedy="Give --holder, --columns and --truth, or rehearse again.",
        ) from None


def _holder(root: Path, one: Mapping[str, Any]) -> HolderFiles:
    beside = Beside(root / one["with"]) if one["with"] is not None else None
    return HolderFiles(str(one["name"]), root / one["file"], root / one["columns"], beside)
