"""The broker of a rehearsal: the real one, in a process of its own, on a port of this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from services.broker.errors import BrokerError

_PATIENCE = 60.0


@contextmanager
def running_broker(home: Path, *, passphrase: str) -> Iterator[str]:
    """Start ``counterfoil-broker serve``, give its address, and stop it at the end.

    The passphrase goes through a pipe. Raises ``BrokerError`` when the broker does not come up.
    """
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-c", "from services.cli import main; main()", "serve"]
    log = home / "broker.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
            [*command, "--home", str(home), "--port", str(port)],
            stdin=subprocess.PIPE,
            stdout=stream,
            stderr=stream,
            env={**os.environ, "PYTHONSAFEPATH": "1", "PYTHONPATH": _import_path()},
        )
    try:
        if process.stdin is not None:
            with process.stdin:
                process.stdin.write(passphrase.encode() + b"\n")
        _wait_until_up(url, process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_up(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _PATIENCE
    with httpx.Client(trust_env=False) as http:
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if http.get(f"{url}/healthz").is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise BrokerError("The broker did not come up.", where=str(log), remedy="Read its log.")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _import_path() -> str:
    """Where this process found our packages, so that the broker is the same code."""
    return os.pathsep.join(part for part in sys.path if part)
