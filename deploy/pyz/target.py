"""The machine that a single file is made for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from packaging.tags import Tag, compatible_tags, cpython_tags

_OLDEST_GLIBC, _NEWEST_GLIBC = 5, 28
"""Wheels for Linux may ask for glibc 2.28 (Debian 10, RHEL 8), no newer one."""


class Platform(StrEnum):
    """Both of them x86-64."""

    LINUX = "linux"
    WINDOWS = "windows"


@dataclass(frozen=True)
class Target:
    """CPython ``python`` (such as ``(3, 13)``) on ``platform``."""

    platform: Platform
    python: tuple[int, int]

    @property
    def version(self) -> str:
        return f"{self.python[0]}.{self.python[1]}"

    @property
    def name(self) -> str:
        """As part of a file name: ``windows-x86_64-py3.13``."""
        return f"{self.platform}-x86_64-py{self.version}"

    @property
    def wheel_platforms(self) -> tuple[str, ...]:
        """Platform tags (PEP 425, PEP 600), the most particular first."""
        if self.platform is Platform.WINDOWS:
            return ("win_amd64",)
        newest_first = range(_NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)
        old_names = {17: ("manylinux2014_x86_64",), 12: ("manylinux2010_x86_64",), 5: ("manylinux1_x86_64",)}
        named = ((f"manylinux_2_{glibc}_x86_64", *old_names.get(glibc, ())) for glibc in newest_first)
        return (*chain.from_iterable(named), "linux_x86_64")

    def tags(self) -> Iterator[Tag]:
        """Tags of wheels that run there, the most particular first."""
        yield from cpython_tags(self.python, platforms=self.wheel_platforms)
        yield from compatible_tags(self.python, f"cp{self.python[0]}{self.python[1]}", self.wheel_platforms)

    @property
    def environment(self) -> dict[str, str]:
        """Values of environment markers (PEP 508) there."""
        windows = self.platform is Platform.WINDOWS
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.version}.0",
            "os_name": "nt" if windows else "posix",
            "platform_machine": "AMD64" if windows else "x86_64",
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Windows" if windows else "Linux",
            "platform_version": "",
            "python_full_version": f"{self.version}.0",
            "python_version": self.version,
            "sys_platform": "win32" if windows else "linux",
        }
