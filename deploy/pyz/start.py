"""The first module of the holder's single file (its ``__main__.py``), and of the folder that IT departments install.

What it does before any other code of ours or of others is imported:

1. Python must be the one that the file was made for, with nothing of its own beside the standard library (``-I -S``):
   no packages of the machine, no PYTHONPATH, no module that lies in the folder where the command is given. If it was
   not, it is started again so; the launcher for Windows starts it so from the first.
2. Compiled modules cannot be imported from an archive, so it is unpacked, once, to a folder of the user's own that is
   named by the digest of the manifest. It is there whole or not at all.
3. That folder must belong to the user, and nobody else may write to it (on Windows: it lies in the user's profile).
4. At every start the bytes of every file there are compared with the manifest. A file that is missing, changed or
   too many stops the tool. Nothing is repaired silently, and no byte code is read that is not in the manifest.

The folder without an archive is the same, unpacked by whoever installs it: 2 and 3 fall away.
Only the standard library is imported, and only what Python 3.7 can read, so that an old one can say what is missing.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

CACHE = "COUNTERFOIL_CACHE"
"""Environment variable: where to unpack, if the user's own cache folder will not do."""

HERE = Path(__file__).absolute().parent
_REPARSE_POINT = 0x400  # FILE_ATTRIBUTE_REPARSE_POINT: a junction or a link


class Refused(Exception):
    """What happened, and what to do."""


def main() -> None:
    """Run the command; exit code 1 when the file cannot be started here, else the command's own."""
    try:
        manifest = read_manifest(HERE)
        facts = json.loads(manifest.decode("utf-8"))
        require_python(facts)
        if not (sys.flags.isolated and sys.flags.no_site):
            start_alone()
        packages = find_packages(HERE, manifest, facts["files"])
    except Refused as refused:
        what, remedy = refused.args
        sys.stderr.write(f"Error: {what}\n{remedy}\n")
        sys.exit(1)
    sys.argv[0] = "counterfoil"
    sys.path.insert(0, str(packages))
    sys.dont_write_bytecode = True
    os.environ["PYTHONSAFEPATH"] = "1"
    from encoder.start import main as counterfoil

    counterfoil()


def read_manifest(here: Path) -> bytes:
    """The manifest of an archive or a folder."""
    try:
        if here.is_dir():
            return (here / "manifest.json").read_bytes()
        with zipfile.ZipFile(str(here)) as archive:
            return archive.read("manifest.json")
    except (OSError, KeyError, zipfile.BadZipFile):
        raise damaged(here) from None


def require_python(facts: dict[str, Any]) -> None:
    """Refuse any Python but the one whose compiled modules are in the file."""
    system = {"win32": "windows"}.get(sys.platform, sys.platform)
    bits = 64 if sys.maxsize > 2**32 else 32
    found = f"{sys.version_info[0]}.{sys.version_info[1]} ({bits}-bit) on {system}"
    wanted = f"{facts['python']} (64-bit) on {facts['platform']}"
    if found != wanted:
        raise Refused(
            f"This file needs Python {wanted}; this is Python {found}.",
            f"Start it with that Python (on Windows: py -{facts['python']} FILE), or get the file made for yours.",
        )


def start_alone() -> None:
    """Start again with the standard library alone; does not return."""
    command = [sys.executable, "-I", "-S", str(HERE), *sys.argv[1:]]
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606 - the interpreter that runs now, without a shell
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the console tells the child too, and it knows what to do
    sys.exit(subprocess.call(command))  # noqa: S603 - the same


def find_packages(here: Path, manifest: bytes, files: dict[str, str]) -> Path:
    """The folder to import from, every file of it checked. ``files``: path -> SHA-256 in hex."""
    if here.is_dir():
        packages = here / "site"
        verify(packages, files, "Get the whole folder again")
        return packages
    cache = cache_folder()
    require_own(cache)
    packages = cache / hashlib.sha256(manifest).hexdigest()[:32]
    if not os.path.lexists(str(packages)):
        unpack(here, files, packages)
    require_own(packages)
    verify(packages, files, "Delete that folder and start again")
    return packages


def cache_folder() -> Path:
    """The user's own folder for unpacked files; made, for this user alone, if it is not there."""
    named, local, shared = (os.environ.get(name, "") for name in (CACHE, "LOCALAPPDATA", "XDG_CACHE_HOME"))
    if named:
        cache = Path(named).absolute()
    elif os.name == "nt":
        cache = (Path(local) if local else Path.home() / "AppData" / "Local") / "Counterfoil"
    else:
        cache = (Path(shared) if shared.startswith("/") else Path.home() / ".cache") / "counterfoil"
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            cache.mkdir(mode=0o700)
    except OSError as error:
        raise unwritable(cache, error) from None
    return cache


def require_own(folder: Path) -> None:
    """Refuse a folder that is not one, leads elsewhere, or can be written to by others."""
    found = folder.lstat()
    leads_away = getattr(found, "st_file_attributes", 0) & _REPARSE_POINT
    own = os.name != "posix" or (found.st_uid == os.getuid() and not found.st_mode & 0o022)
    if leads_away or not own or not stat.S_ISDIR(found.st_mode):
        raise Refused(
            f"{folder} is not a folder that only you can write to.",
            f"Find out who made it; then delete it, or name another folder in {CACHE}.",
        )


def unpack(archive: Path, files: dict[str, str], packages: Path) -> None:
    """Put the files of the archive into a new folder, for this user alone, that gets its name when it is whole."""
    sys.stderr.write(f"Unpacking to {packages} (once only) ...\n")
    sys.stderr.flush()
    part = None
    try:
        part = Path(tempfile.mkdtemp(prefix=".part-", dir=str(packages.parent)))
        with zipfile.ZipFile(str(archive)) as opened:
            for name in files:
                path = part.joinpath(*name.split("/"))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(opened.read(f"site/{name}"))
        verify(part, files, "Get the file again, and compare its SHA-256 with the one you were given")
        name_whole(part, packages)
    except (KeyError, zipfile.BadZipFile):
        raise damaged(archive) from None
    except OSError as error:
        raise unwritable(packages, error) from None
    finally:
        if part is not None:
            shutil.rmtree(str(part), ignore_errors=True)


def name_whole(part: Path, packages: Path) -> None:
    """Rename; patiently, because a virus scanner keeps new files open for a while."""
    for patience in reversed(range(40)):
        try:
            part.rename(packages)
        except OSError:
            if packages.is_dir():
                return  # another start was quicker; what it made is checked like our own
            if os.name == "posix" or not patience:
                raise
            time.sleep(0.25)
        else:
            return


def verify(packages: Path, files: dict[str, str], remedy: str) -> None:
    """Refuse a folder that is not, file by file and byte by byte, what the manifest says."""
    missing = set(files)
    for folder, folders, names in os.walk(str(packages)):
        here = Path(folder)
        for name in [one for one in folders if (here / one).is_symlink()] + names:
            known = (here / name).relative_to(packages).as_posix()
            if files.get(known, "unknown") != digest(here / name):
                raise changed(here / name, remedy)
            missing.discard(known)
    if missing:
        raise changed(packages.joinpath(*min(missing).split("/")), remedy)


def digest(path: Path) -> str:
    """SHA-256 of a plain file, in hex; of anything else, nothing."""
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        pass
    return ""


def damaged(archive: Path) -> Refused:
    return Refused(f"{archive} is damaged.", "Get it again, and compare its SHA-256 with the one you were given.")


def changed(path: Path, remedy: str) -> Refused:
    return Refused(
        f"{path} is missing, changed or does not belong there.",
        f"{remedy}. If it happens again, a virus scanner may be removing files: ask your IT department.",
    )


def unwritable(folder: Path, error: OSError) -> Refused:
    return Refused(
        f"The tool cannot be unpacked to {folder} ({error.strerror or type(error).__name__}).",
        f"Make room on that disk, or name another folder in {CACHE}.",
    )


if __name__ == "__main__":
    main()
