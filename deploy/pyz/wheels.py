"""Files of distributions, from wheels with the hashes of the lock, or from those installed beside this interpreter."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from zipfile import ZipFile

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from deploy.pyz.errors import BuildRefused
from deploy.pyz.lock import Pin
from deploy.pyz.target import Platform, Target

Files = Iterator[tuple[str, bytes]]
"""Paths below site-packages, with the bytes."""


def download(pins: Sequence[Pin], target: Target, folder: Path) -> None:
    """Have pip put the wheels of the pins for the target into the folder. pip compares the hashes."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        requirements = Path(scratch) / "requirements.txt"
        requirements.write_text("".join(f"{pin.requirement}\n" for pin in pins))
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--require-hashes", "--only-binary=:all:", "--implementation", "cp"]
        command += ["--python-version", target.version, "--dest", str(folder), "--requirement", str(requirements)]
        command += [word for name in target.wheel_platforms for word in ("--platform", name)]
        if subprocess.run(command, check=False).returncode:  # noqa: S603 - our own interpreter and words
            raise BuildRefused("pip could not get every wheel.", remedy="See what pip says above.")


def find_wheel(pin: Pin, target: Target, folder: Path) -> Path | None:
    """The wheel of the pin in the folder that fits the target best; None if none does.

    Raises ``BuildRefused`` if its bytes are not among those that the lock names.
    """
    ranks = {tag: rank for rank, tag in reversed(list(enumerate(target.tags())))}
    fitting = []
    for path in sorted(folder.glob("*.whl")):
        try:
            name, version, _, tags = parse_wheel_filename(path.name)
        except InvalidWheelFilename:
            continue
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is not None and name == canonicalize_name(pin.name) and str(version) == pin.version:
            fitting.append((rank, path))
    if not fitting:
        return None
    _, best = min(fitting)
    with best.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() not in pin.hashes:
            raise BuildRefused("This is not the wheel that the lock names.", where=str(best), remedy="Delete it.")
    return best


def files_of_wheel(wheel: Path) -> Files:
    """What would be installed into site-packages. Scripts, headers and data of a wheel are left out."""
    with ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            folder, _, rest = name.partition("/")
            if folder.endswith(".data"):
                kind, _, path = rest.partition("/")
                name_there = path if kind in ("purelib", "platlib") else ""
            else:
                name_there = name
            if name_there and not name_there.endswith("/"):
                yield name_there, archive.read(name)


def files_installed(pin: Pin, target: Target) -> Files:
    """What was installed here, every file compared with the distribution's own record of hashes."""
    here = Target(Platform.LINUX, (sys.version_info[0], sys.version_info[1]))
    if target != here or sysconfig.get_platform() != "linux-x86_64":
        raise BuildRefused(
            f"What is installed here does not run on {target.name}.", remedy="Build from wheels, without --installed."
        )
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:
        found = None
    if found is None or found.version != pin.version:
        raise BuildRefused(
            f"{pin.name} {pin.version} is not installed here.", remedy="Install requirements-dev.lock, or use wheels."
        )
    for file in sorted(found.files or ()):
        if file.hash is None or ".." in file.parts or file.suffix == ".pyc":
            continue  # records and byte code that the installer wrote; scripts beside the interpreter
        data = file.read_binary()
        digest = base64.urlsafe_b64encode(hashlib.new(file.hash.mode, data).digest()).rstrip(b"=").decode()
        if digest != file.hash.value:
            raise BuildRefused(
                "An installed file is not what was installed.", where=str(file), remedy="Install the lock again."
            )
        yield file.as_posix(), data
