"""The broker of a rehearsal: the real one, in a process of its own, on a port of this machine."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from services.broker.errors import BrokerError

_PATIENCE = 60.0
_ENTRY = "from services.cli import main; main()"


@dataclass(frozen=True)
class Launched:
    """A broker that answers at ``url``."""

    url: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_broker(home: Path, *, passphrase: str) -> Iterator[str]:
    """``launch`` a broker, give its address, and stop it at the end."""
    launched = launch(home, passphrase=passphrase)
    try:
        yield launched.url
    finally:
        launched.stop()


def launch(
    home: Path,
    *,
    passphrase: str,
    work: bool = True,
    port: int = 0,
    entry: str = _ENTRY,
    trusting: ssl.SSLContext | None = None,
) -> Launched:
    """Start ``counterfoil-broker serve`` and wait until it answers; its log is ``broker.log`` in ``home``.

    The passphrase goes through a pipe. Without ``work`` it leaves runs to other processes. ``port`` 0 is any that is
    free; ``entry`` is the Python that is run; ``trusting`` is for a broker whose settings have it speak TLS. Raises
    ``BrokerError`` when the broker does not come up.
    """
    port = port or free_port()
    url = f"{'http' if trusting is None else 'https'}://127.0.0.1:{port}"
    log = home / "broker.log"
    words = ["serve", "--home", str(home), "--port", str(port), *([] if work else ["--no-work"])]
    launched = Launched(url, _spawn(words, log, entry))
    try:
        _unlock(launched, passphrase)
        _wait_until_up(url, launched.process, log, trusting)
    except BaseException:
        launched.stop()
        raise
    return launched


def launch_worker(home: Path, name: str, *, passphrase: str, entry: str = _ENTRY) -> Launched:
    """Start ``counterfoil-broker work`` beside a broker, without waiting; its log is ``NAME.log`` in ``home``."""
    words = ["work", "--home", str(home), "--name", name]
    launched = Launched("", _spawn(words, home / f"{name}.log", entry))
    _unlock(launched, passphrase)
    return launched


def _spawn(words: Sequence[str], log: Path, entry: str) -> subprocess.Popen[bytes]:
    with log.open("ab") as stream:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [sys.executable, "-c", entry, *words],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": _import_path()},
        )


def _unlock(launched: Launched, passphrase: str) -> None:
    if launched.process.stdin is not None:
        with launched.process.stdin as stream:
            stream.write(passphrase.encode() + b"\n")


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path, trusting: ssl.SSLContext | None) -> None:
    deadline = time.monotonic() + _PATIENCE
    with httpx.Client(trust_env=False, verify=trusting or True) as http:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if http.get(f"{url}/healthz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise BrokerError("The broker did not come up.", where=str(log), remedy="Read its log.")


def free_port() -> int:
    """A port of this machine on which nothing listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _import_path() -> str:
    """Where this process found our packages, so that the broker is the same code."""
    return os.pathsep.join(part for part in sys.path if part)
