"""What goes into the single file, and what of the libraries stays out."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterable
from fnmatch import fnmatchcase
from importlib.util import MAGIC_NUMBER, source_hash
from marshal import dumps
from pathlib import Path, PurePosixPath

from deploy.pyz.errors import BuildRefused

ROOMS = ("encoder", "keys")
"""What a holder has of ours: no matcher, no services."""

NEVER = (
    "*.a *.c *.cc *.cpp *.exe *.h *.hh *.hpp *.lib *.pth *.pxd *.pxi *.pyi *.pyx",  # for compilers, or never imported
    "*/tests/* */RECORD */INSTALLER */REQUESTED */direct_url.json",
    "clkhash/data/*.csv",  # six megabytes of names
    "numpy/f2py/*",
    # pyarrow: servers, clouds, other file formats; libraries that the wheel for Linux has three times
    "pyarrow/src/* pyarrow/include/* pyarrow/*cpp_tests* pyarrow/libarrow_*.so pyarrow/*.so.*.*.*",
    "pyarrow/*flight* pyarrow/*s3* pyarrow/*gcsfs* pyarrow/*azurefs* pyarrow/*hdfs* pyarrow/*orc* pyarrow/*gandiva*",
    "pyarrow/_substrait* pyarrow/arrow_substrait*",
    "_distutils_hack/*",
)
"""Patterns of paths below site-packages that are left out."""

ONLY = {"setuptools": ("pkg_resources/*", "setuptools/_vendor/*", "setuptools-*")}
"""Of these distributions, nothing else: clkhash imports pkg_resources, which imports what setuptools brings along."""

_OURS = (".py", ".typed", ".toml", ".json", ".csv", ".txt", ".html", ".css")
_LIBRARY = re.compile(r"\.(dll|pyd|so(\.\d+)*)$")
_SOURCE_NOT_CHECKED = (1).to_bytes(4, "little")
_LONGEST = 150
"""Characters of a path: Windows allows 259 in all, and what is before it is in the user's profile."""


def wanted(distribution: str, path: str) -> bool:
    """Whether a file of a distribution is needed to run the holder's tool."""
    only = ONLY.get(distribution)
    if only is not None and not any(fnmatchcase(path, pattern) for pattern in only):
        return False
    return not any(fnmatchcase(f"/{path}", f"*/{pattern}") for line in NEVER for pattern in line.split())


def own_files(root: Path, version: str) -> dict[str, bytes]:
    """Our rooms, and the metadata from which the tool knows its version."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for room in ROOMS
        for path in sorted((root / room).rglob("*"))
        if path.suffix in _OURS
    }
    metadata = f"Metadata-Version: 2.1\nName: counterfoil\nVersion: {version}\n"
    return {**files, f"counterfoil-{version}.dist-info/METADATA": metadata.encode()}


def add(files: dict[str, bytes], distribution: str, found: Iterable[tuple[str, bytes]]) -> set[str]:
    """Add what is wanted of a distribution; returns the names of the libraries that stay out.

    Raises ``BuildRefused`` when two distributions have a file of the same path, or a path is too long for Windows.
    """
    left_out = set()
    for path, data in found:
        if not wanted(distribution, path):
            if _LIBRARY.search(path):
                left_out.add(PurePosixPath(path).name)
            continue
        if path in files or len(path) > _LONGEST:
            why = "is there already" if path in files else f"has more than {_LONGEST} characters"
            raise BuildRefused(f"{path} of {distribution} {why}.", remedy="Change what deploy/pyz/contents.py keeps.")
        files[path] = data
    return left_out


def require_libraries(files: dict[str, bytes], left_out: Iterable[str]) -> None:
    """Refuse to leave out a library that one that is kept asks for.

    Import tables of PE and ELF name libraries as texts that end with a zero byte, so a search of the bytes finds all.
    """
    asked = [b"\0" + name.encode() + b"\0" for name in left_out]
    for path, data in files.items():
        missing = [name for name in asked if name in data] if _LIBRARY.search(path) else []
        if missing:
            raise BuildRefused(
                f"{path} needs {missing[0].strip(bytes(1)).decode()}, which is left out.",
                remedy="Change what deploy/pyz/contents.py keeps.",
            )


def compiled(files: dict[str, bytes]) -> dict[str, bytes]:
    """Byte code of every module, by this interpreter, bound to no time or place: the same bytes every time.

    Format 2 of marshal has no back references, which depend on what else the process has done.
    """
    made = {}
    for path, source in files.items():
        where = PurePosixPath(path)
        if where.suffix != ".py":
            continue
        try:
            with warnings.catch_warnings(action="ignore"):
                code = dumps(compile(source, path, "exec", dont_inherit=True, optimize=0), 2)
        except (SyntaxError, ValueError):
            continue  # a template, or a constant that format 2 does not know: Python reads the source
        name = (where.parent / "__pycache__" / f"{where.stem}.{sys.implementation.cache_tag}.pyc").as_posix()
        made[name] = MAGIC_NUMBER + _SOURCE_NOT_CHECKED + source_hash(source) + code
    return made
