"""The proxy of a deployment: a real nginx with the deployment's own configuration, on a free port of this machine."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from services.rehearsal.server import free_port

CONFIGURATION = Path(__file__).parent.parent / "deploy" / "proxy" / "nginx.conf"


@contextmanager
def nginx(*, upstream: str, certificate: Path, prefix: str = "") -> Iterator[int]:
    """Its port, while it runs. ``upstream`` is host and port of the broker; nothing but places is changed in the
    configuration, and with a ``prefix`` the broker is shown under it, as docs/reference/broker-settings.md says. Fails
    where the machine has no nginx: its tests are never left out."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "nginx is not on this machine (Debian: apt-get install nginx-light)"
    folder, port = Path(mkdtemp(prefix="counterfoil-nginx-")), free_port()
    folder.chmod(0o755)
    text = CONFIGURATION.read_text(encoding="utf-8")
    for ours, here in (
        ("/tmp/", f"{folder}/"),  # noqa: S108 - in a container of its own
        ("/dev/stderr", str(folder / "error.log")),
        ("api:8750", upstream),
        ("8443", f"127.0.0.1:{port}"),
        ("/run/secrets/tls_certificate", str(certificate)),
        ("/run/secrets/tls_key", str(certificate)),
        ("location / {", f"location {prefix}/ {{"),
        ("proxy_pass http://broker;", f"proxy_pass http://broker{'/' if prefix else ''};"),
    ):
        assert ours in text
        text = text.replace(ours, here)
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    command = [program, "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log"), "-g", "daemon off;"]
    process = subprocess.Popen(command)
    try:
        _wait_until_up(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _wait_until_up(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "nginx refuses the configuration"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nginx does not come up")
