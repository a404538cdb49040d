"""From a folder of packages to what is handed out: one file that starts itself, or a ZIP file to be unpacked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from deploy.pyz.errors import BuildRefused
from deploy.pyz.target import Platform, Target
from keys.files import whole_file

HERE = Path(__file__).parent
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_PLAIN, _UNIX = 0o100644 << 16, 3


@dataclass(frozen=True)
class Made:
    """A file to be handed out; ``unpacked`` in bytes."""

    path: Path
    size: int
    sha256: str
    files: int
    unpacked: int


@dataclass(frozen=True)
class Bundle:
    """The packages for one target: ``files``, path below site-packages -> bytes; ``pins``, name -> version."""

    version: str
    target: Target
    pins: Mapping[str, str]
    files: Mapping[str, bytes]

    @property
    def name(self) -> str:
        return f"counterfoil-{self.version}-{self.target.name}"

    @property
    def manifest(self) -> bytes:
        """What ``start.py`` compares files with, and what doctor and people can read."""
        facts = {
            "counterfoil": self.version,
            "platform": self.target.platform,
            "python": self.target.version,
            "packages": dict(sorted(self.pins.items())),
            "files": {path: hashlib.sha256(data).hexdigest() for path, data in sorted(self.files.items())},
        }
        return json.dumps(facts, indent=1).encode() + b"\n"

    def entries(self) -> dict[str, bytes]:
        """Everything that starts and runs, as ``python -I -S`` takes it in an archive or a folder."""
        packages = {f"site/{path}": data for path, data in self.files.items()}
        return {"__main__.py": (HERE / "start.py").read_bytes(), "manifest.json": self.manifest, **packages}

    def write_file(self, folder: Path) -> Made:
        """The single file; on Linux it can be made executable and started by its name."""
        prefix = f"#!/usr/bin/env python{self.target.version}\n" if self.target.platform is Platform.LINUX else ""
        return write_archive(folder / f"{self.name}.pyz", self.entries(), prefix=prefix.encode())

    def write_folder(self, folder: Path, interpreter: Mapping[str, bytes]) -> Made:
        """A ZIP file for Windows: the same unpacked, launcher, instructions, and the interpreter if there is one."""
        name = f"{self.name}{'-with-python' if interpreter else ''}.zip"
        texts = {
            "@ARCHIVE@": name,
            "@INTERPRETER@": _INTERPRETER[bool(interpreter)],
            "@PYTHON@": self.target.version,
            "@VERSION@": self.version,
        }
        entries = {f"app/{path}": data for path, data in self.entries().items()}
        entries |= {f"python/{path}": data for path, data in interpreter.items()}
        for text in ("counterfoil.cmd", "README.txt"):
            content = (HERE / text).read_text(encoding="ascii")
            for mark, value in texts.items():
                content = content.replace(mark, value)
            entries[text] = content.replace("\n", "\r\n").encode("ascii")
        return write_archive(folder / name, {f"counterfoil/{path}": data for path, data in entries.items()})


_INTERPRETER = {
    True: 'Python is in the folder "python" and is used by this tool only. Nothing of it is installed.',
    False: (
        'Python @PYTHON@ (64-bit) must be on the computer, or its "embeddable package" from python.org unpacked into\n'
        'a folder "python" beside counterfoil.cmd.'
    ),
}


def write_archive(path: Path, entries: Mapping[str, bytes], *, prefix: bytes = b"") -> Made:
    """Write a ZIP archive that is the same, byte for byte, for the same entries (and the same zlib)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path, replace=True) as stream:
        stream.write(prefix)
        with ZipFile(stream, "w", ZIP_DEFLATED) as archive:
            for name, data in sorted(entries.items()):
                entry = ZipInfo(name, _EARLIEST)
                entry.compress_type, entry.external_attr, entry.create_system = ZIP_DEFLATED, _PLAIN, _UNIX
                archive.writestr(entry, data)
    with path.open("rb") as made:
        sha256 = hashlib.file_digest(made, "sha256").hexdigest()
    return Made(path, path.stat().st_size, sha256, len(entries), sum(map(len, entries.values())))


def read_interpreter(archive: Path, *, sha256: str, target: Target) -> dict[str, bytes]:
    """The files of the "Windows embeddable package" of python.org.

    Raises ``BuildRefused`` when its SHA-256 is not the one given (which python.org publishes), or when it is another
    version, or no such package.
    """
    with archive.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != sha256.lower():
        raise BuildRefused(
            f"The SHA-256 of the interpreter is {found}.", where=str(archive), remedy="Get it from python.org again."
        )
    with ZipFile(archive) as opened:
        files = {name: opened.read(name) for name in opened.namelist() if not name.endswith("/")}
    digits = "".join(map(str, target.python))
    expected = {"python.exe", f"python{digits}.dll", f"python{digits}.zip", f"python{digits}._pth"}
    if (
        target.platform is not Platform.WINDOWS
        or expected - set(files)
        or any(".." in PurePosixPath(f).parts for f in files)
    ):
        raise BuildRefused(
            f"This is not the embeddable package of Python {target.version} for Windows.",
            where=str(archive),
            remedy="Take python-VERSION-embed-amd64.zip of that version.",
        )
    return files
