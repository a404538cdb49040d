"""A PostgreSQL of our own: made from the machine's binaries in a temporary folder, on a free port of this machine."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from sqlalchemy import create_engine

from services.rehearsal.server import free_port

DATABASES = ("sqlite", "postgresql")
NewDatabase = Callable[[str], dict[str, Any]]
USER = "nobody"
"""PostgreSQL refuses to run as root."""


@dataclass(frozen=True)
class Server:
    """A server that answers on ``port``; its folder, where its socket is too, is gone when the test session ends."""

    port: int
    folder: Path
    control: tuple[str, ...]
    """The command that starts it (with the last two words) and stops it (without them)."""

    def make_database(self) -> str:
        """A new, empty database; its address as SQLAlchemy takes it."""
        name = f"broker_{secrets.token_hex(8)}"
        server = create_engine(self._address("postgres"), isolation_level="AUTOCOMMIT")
        with server.connect() as connection:
            connection.exec_driver_sql(f'CREATE DATABASE "{name}"')
        server.dispose()
        return self._address(name)

    def stop(self) -> None:
        """As when its machine fails: whoever is connected is cut off."""
        _run([*self.control[:-2], "-m", "immediate", "stop"])

    def start(self) -> None:
        _run([*self.control, "start"])

    def _address(self, name: str) -> str:
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}"


@contextmanager
def postgres(*, guarded: bool = False) -> Iterator[Server]:
    """Start it, and stop it at the end. Fails where the machine has no PostgreSQL: its tests are never left out.

    It does not wait for the disk: no test has the machine fail. A ``guarded`` one lets nobody in by network without a
    password, and its owner by the socket alone.
    """
    binaries = _binaries()
    folder = Path(mkdtemp(prefix="counterfoil-postgres-"))
    if os.getuid() == 0:
        shutil.chown(folder, USER)
    data, port = folder / "data", free_port()
    try:
        _run([str(binaries / "initdb"), "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync"])
        if guarded:
            (data / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        options = f"-p {port} -c listen_addresses=127.0.0.1 -k {folder} -c max_connections=60 -c fsync=off"
        control = (str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", options)
        server = Server(port, folder, control)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


def _binaries() -> Path:
    found = shutil.which("pg_ctl")
    places = [Path(found).parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert places, "PostgreSQL is not on this machine (Debian: apt-get install postgresql)"
    return places[-1]


def _run(command: Sequence[str]) -> None:
    as_user = ["runuser", "-u", USER, "--"] if os.getuid() == 0 else []
    subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
