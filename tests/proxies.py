"""A council's proxy: it takes CONNECT, may want a password, and looks into TLS with a certificate of its own."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Thread

from tests.tls import Authority


@dataclass
class Proxy:
    """Listens at ``url``. It looks into everything for ``host``, whatever port, and passes it on to ``upstream``
    (host:port, without TLS) with a line of its own in the head of each request."""

    authority: Authority
    upstream: str
    host: str
    password: str = ""
    status: str = ""
    """What CONNECT is answered with, if not with success."""
    url: str = ""
    asked: list[str] = field(default_factory=list)
    """First lines of what came, then of each connection's requests as it saw them."""
    passed: int = 0

    def serve(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += near.recv(1 << 12)
            self.asked.append(head.split(b"\r\n")[0].decode())
            given = base64.b64encode(f"analyst:{self.password}".encode())
            if self.password and b"Proxy-Authorization: Basic " + given not in head:
                near.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif self.status:
                near.sendall(f"HTTP/1.1 {self.status}\r\nContent-Length: 0\r\n\r\n".encode())
            else:
                near.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                self._look_into(near)

    def _look_into(self, near: socket.socket) -> None:
        host, port = self.upstream.split(":")
        with (
            self.authority.context(self.host).wrap_socket(near, server_side=True) as seen,
            socket.create_connection((host, int(port))) as far,
        ):
            back = Thread(target=_pass_back, args=(far, seen), daemon=True)
            back.start()
            while data := seen.recv(1 << 16):
                self.passed += len(data)
                first = data.split(b"\r\n")[0]
                if first.endswith(b" HTTP/1.1"):
                    self.asked.append(first.decode())
                    data = data.replace(b"\r\n", b"\r\nVia: 1.1 inspector\r\n", 1)
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
            back.join()


def _pass_back(far: socket.socket, seen: ssl.SSLSocket) -> None:
    with suppress(OSError):
        while data := far.recv(1 << 16):
            seen.sendall(data)


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Until the end of the block."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy.url = f"http://127.0.0.1:{server.getsockname()[1]}"

        def listen() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                Thread(target=proxy.serve, args=(near,), daemon=True).start()

        listening = Thread(target=listen, daemon=True)
        listening.start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)
        listening.join()
