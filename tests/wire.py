"""What an observer has: every byte between the parties and the broker, and a search for values in disguise."""

from __future__ import annotations

import base64
import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Lock, Thread
from urllib.parse import quote


@dataclass
class Wire:
    """A relay at ``url`` before the one at ``upstream``; keeps all that passes, one entry a connection.

    For each number in ``cuts`` a connection is cut once, when so many more bytes of requests have passed.
    """

    url: str
    asked: list[bytearray] = field(default_factory=list)
    answered: list[bytearray] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)

    def let_through(self, data: bytes) -> bytes:
        """What of a request's bytes comes before the next cut."""
        if not self.cuts:
            return data
        self.cuts[0] -= len(data)
        return data if self.cuts[0] > 0 else data[: len(data) + self.cuts.pop(0)]

    def everything(self) -> bytes:
        return b"\n".join(bytes(one) for one in (*self.asked, *self.answered))


def _pump(wire: Wire, source: socket.socket, target: socket.socket, kept: bytearray, *, asking: bool) -> None:
    try:
        while data := source.recv(1 << 16):
            through = wire.let_through(data) if asking else data
            kept += through
            target.sendall(through)
            if len(through) < len(data):
                for one in (source, target):
                    one.shutdown(socket.SHUT_RDWR)
                return
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@contextmanager
def wiretap(upstream: str) -> Iterator[Wire]:
    """Relay ``upstream`` (http://host:port) until the end of the block."""
    host, port = upstream.removeprefix("http://").split(":")
    with socket.create_server(("127.0.0.1", 0)) as server:
        wire = Wire(f"http://127.0.0.1:{server.getsockname()[1]}")
        lock = Lock()
        threads: list[Thread] = []
        sockets: list[socket.socket] = []

        def accept() -> None:
            while True:
                try:
                    near, _ = server.accept()
                except OSError:
                    return
                far = socket.create_connection((host, int(port)))
                asked, answered = bytearray(), bytearray()
                with lock:
                    wire.asked.append(asked)
                    wire.answered.append(answered)
                    sockets.extend((near, far))
                for words, asking in (((near, far, asked), True), ((far, near, answered), False)):
                    threads.append(Thread(target=_pump, args=(wire, *words), kwargs={"asking": asking}, daemon=True))
                    threads[-1].start()

        listening = Thread(target=accept, daemon=True)
        listening.start()
        try:
            yield wire
        finally:
            server.shutdown(socket.SHUT_RDWR)
            listening.join()
            for one in sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)  # wakes whoever reads from it
                one.close()
            for thread in threads:
                thread.join()


def disguises(value: str) -> set[bytes]:
    """The value in every dress that a careless program might give it: case, spaces, text encodings, base64 at each
    alignment, hexadecimal, percent-encoding, plain hashes, and as a number."""
    bare = "".join(value.split())
    spoken = {value, bare, value.upper(), value.lower(), bare.upper(), bare.lower(), value.title()}
    if bare.isdigit() and len(bare) == 10:
        spoken |= {f"{bare[:3]} {bare[3:6]} {bare[6:]}", f"{bare[:3]}-{bare[3:6]}-{bare[6:]}"}
    found: set[bytes] = set()
    for text in spoken:
        for encoding in ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le"):
            data = text.encode(encoding)
            found |= {data, data.hex().encode(), data.hex().upper().encode(), data[::-1]}
            for shift in range(3):
                coded = base64.b64encode(bytes(shift) + data)
                kept = coded[-(-8 * shift // 6) : (8 * (shift + len(data))) // 6]
                found |= {kept, kept.replace(b"+", b"-").replace(b"/", b"_")}
        found.add(quote(text).encode())
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            hashed = hashlib.new(name, text.encode())
            found |= {hashed.digest(), hashed.hexdigest().encode(), base64.b64encode(hashed.digest())[:20]}
    if bare.isdigit():
        found |= {int(bare).to_bytes(8, order) for order in ("big", "little")}
    return found


def seen(values: set[str], data: bytes) -> set[str]:
    """Those of the values that stand in the data in any disguise."""
    return {value for value in values if any(one in data for one in disguises(value))}
