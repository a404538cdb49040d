"""The machine: storage and its room, what the process may use, and where each package came from."""

from __future__ import annotations

import resource
import secrets
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from keys.errors import CounterfoilError
from services.broker.doctor.finding import Finding, wrong
from services.broker.doctor.home import is_owner
from services.broker.files.storage_url import open_storage
from services.broker.settings import Settings

OURS = ("keys", "encoder", "matcher", "services")
OTHERS = ("alembic", "cryptography", "dbos", "fastapi", "httpx", "numba", "numpy", "pydantic", "sqlalchemy", "uvicorn")
PYTHON = (3, 11)
"""Of the broker: a part of what it needs has packages for no other."""
FILES = 1024
PROCESS_MB = 400
"""What a worker takes beside its memory for encodings and pairs."""
_GROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def look_at_storage(settings: Settings) -> Iterator[Finding]:
    if not settings.home.is_dir():
        return
    if not is_owner(settings):
        yield Finding("storage", "not tried", "Run doctor as the broker's user.")
        return
    mark = secrets.token_hex(16)
    try:
        storage, name = open_storage(settings), f"doctor/{mark}"
        yield _room(storage.room()[0] >> 20, settings.maximum_upload_mb)
        storage.put(name, b"doctor")
        same = storage.read(name) == b"doctor" and mark in storage.folders("doctor")
        storage.remove_folder("doctor")
    except (CounterfoilError, OSError) as error:
        yield wrong("storage", "it cannot be used", str(error))
        return
    if same:
        yield Finding("storage", "a file was written, read and removed")
    else:
        yield wrong(
            "storage", "what was written is not what was read", "Do not use this storage; look at its disk or bucket."
        )


def _room(free: int, most: int) -> Finding:
    """``free``, and what an upload may have at ``most``, in MiB."""
    said = f"{free:,} MiB free"
    if free < most:
        said += f", less than one upload may have ({most:,} MiB)"
        return wrong("room", said, "Make room, or lower MAXIMUM_UPLOAD_MB.")
    remedy = f"Make room: uploads may have {most:,} MiB each, and a run keeps pairs beside them."
    return Finding("room", said, remedy if free < 4 * most else "")


def look_at_limits(settings: Settings) -> Iterator[Finding]:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = files != resource.RLIM_INFINITY and files < FILES
    yield Finding(
        "open files", f"{files:,} at most", f"Let it have {FILES:,} or more (ulimit -n, LimitNOFILE)." if few else ""
    )
    core, _ = resource.getrlimit(resource.RLIMIT_CORE)
    remedy = "A crash would write keys and encodings to a disk: set the limit to 0 (ulimit -c 0, LimitCORE=0)."
    yield Finding("core dumps", "off" if core == 0 else "on", "" if core == 0 else remedy)
    wanted, limit = settings.memory_mb + PROCESS_MB, _memory_limit()
    if limit is not None:
        remedy = f"A worker takes MEMORY_MB and some {PROCESS_MB} MiB more: lower MEMORY_MB or raise the limit."
        yield Finding("memory", f"limit {limit:,} MiB, a worker may want {wanted:,}", remedy if limit < wanted else "")


def _memory_limit() -> int | None:
    """MiB that this container may use; None if nothing says so."""
    try:
        return int(_GROUP_LIMIT.read_text(encoding="ascii")) >> 20
    except (OSError, ValueError):
        return None


def look_at_packages() -> Iterator[Finding]:
    """Where each package was imported from; what came from the folder of the command is an intruder."""
    yield Finding("counterfoil", version("counterfoil"))
    fits = sys.version_info[:2] == PYTHON
    wanted = ".".join(map(str, PYTHON))
    here = f"{sys.version_info[0]}.{sys.version_info[1]}.{sys.version_info[2]} {sys.executable}"
    yield Finding("Python", here) if fits else wrong("Python", here, f"Use Python {wanted}.")
    safe = sys.flags.safe_path
    yield Finding("PYTHONSAFEPATH", "on" if safe else "off", "" if safe else "Set PYTHONSAFEPATH=1, as the image does.")
    places: dict[str, Path] = {}
    for name in (*OURS, *OTHERS):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            yield wrong(name, "not there", "Install the software again, from its lock.")
            continue
        package = Path(spec.origin).absolute().parent
        places[name] = package.parent
        intruder = package.parent == Path.cwd() and str(Path.cwd()) in sys.path and not safe
        said = str(package) if name in OURS else f"{_version(name)} {package}"
        remedy = "It comes from the folder that you are in: go to another one, or set PYTHONSAFEPATH=1."
        yield wrong(name, said, remedy) if intruder else Finding(name, said)
    if len({place for name, place in places.items() if name in OURS}) > 1:
        yield wrong("packages", "ours come from more than one place", "Install the software again.")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "of no known version,"
