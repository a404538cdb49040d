"""Many large uploads at once: the memory that the broker takes to receive and check them, and how fast it does.

``python -m benchmarks.receiving --uploads 50 --rows 1000000 --json`` starts a broker as ``counterfoil-broker serve``
does, with its defaults, and sends so many uploads to it from this process, all at once, each under an agreement of its
own. Every upload has the same random encodings, sealed for its agreement, so that they take the room of one on this
side; the broker needs the room of them all (``--folder`` says where). Memory is the peak of the broker's process
(VmHWM, so on Linux alone); it holds no other work than this.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np

from benchmarks.show import show
from encoder.door import Door, Pending
from encoder.patience import Patience
from encoder.workspace import Workspace
from keys.agreement import Agreement
from keys.canonical import canonical
from keys.envelope import seal
from keys.identity import Identity
from keys.layout import handle_order, upload_record
from keys.template import default_terms
from services.rehearsal.party import Cast, agree, gather, write_identity
from services.rehearsal.server import Launched, launch

IDENTIFIERS = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number")
HOLDERS = ("north", "south")
_BLOCK = 1 << 14


def measure(uploads: int, rows: int, folder: Path) -> dict[str, Any]:
    home, cast = Workspace(folder / "broker"), gather(list(HOLDERS))
    passphrase = write_identity(home, cast.broker)
    broker = launch(home.root, passphrase=passphrase)
    try:
        return _measure(broker, cast, folder, uploads=uploads, rows=rows)
    finally:
        broker.stop()


def _measure(broker: Launched, cast: Cast, folder: Path, *, uploads: int, rows: int) -> dict[str, Any]:
    north = cast.holders["north"]
    payload = Payload(folder, _agreement(cast, "the first"), rows)
    with ThreadPoolExecutor(2) as pool:
        sealed = list(pool.map(lambda number: _sealed(broker, cast, payload, folder, number), range(uploads)))
    idle = _peak_mib(broker)
    started = time.perf_counter()
    with ThreadPoolExecutor(uploads) as pool:
        ends = list(pool.map(lambda one: _send(broker, cast, north, one, rows), sealed))
    seconds = time.perf_counter() - started
    size = sum(one.size for one in sealed)
    return {
        "uploads": uploads,
        "rows": rows,
        "upload_mib": round(sealed[0].size / 2**20),
        "idle_peak_mib": round(idle),
        "peak_mib": round(_peak_mib(broker)),
        "seconds": round(seconds, 1),
        "all_sent_after_seconds": round(max(ends) - started, 1),
        "mib_per_s": round(size / 2**20 / seconds, 1),
        "rows_per_s": round(uploads * rows / seconds),
        "load": round(os.getloadavg()[0], 1),
    }


@dataclass(frozen=True, repr=False)
class Sealed:
    """A sealed file whose middle, ``body``, is that of all."""

    agreement: Agreement
    head: bytes
    body: Path
    tail: bytes
    sha256: str

    @property
    def size(self) -> int:
        return len(self.head) + self.body.stat().st_size + len(self.tail)

    def read(self, stream: BinaryIO, start: int, length: int) -> bytes:
        """Bytes of the file; ``stream`` reads the body."""
        middle = start - len(self.head)
        stream.seek(max(0, middle))
        wanted = length + min(0, middle)
        part = self.head[start : start + length] + (stream.read(wanted) if wanted > 0 else b"")
        return (part + self.tail)[:length] if len(part) < length else part


class Payload:
    """The content of every upload: a manifest, and honest-looking rows that are all different."""

    def __init__(self, folder: Path, agreement: Agreement, rows: int) -> None:
        terms, rng = agreement.terms, np.random.default_rng(1)
        record = upload_record(terms, "north")
        manifest = canonical(
            {
                "holder": "north",
                "rows": rows,
                "match_keys": [key.name for key in terms.keys_of("north")],
                "key_check": "0" * 64,
                "conformance": "0" * 64,
            }
        )
        handles = rng.integers(0, 256, (rows, 16), np.uint8)
        handles = handles[handle_order(handles)]
        self.path, self.key = folder / "payload", secrets.token_bytes(32)
        with self.path.open("wb") as stream:
            stream.write(len(manifest).to_bytes(4, "big") + manifest)
            for start in range(0, rows, _BLOCK):
                some = min(_BLOCK, rows - start)
                records = np.frombuffer(bytearray(rng.bytes(some * record.itemsize)), record)
                for key in terms.keys_of("north"):
                    records[f"present/{key.name}"] = 1
                records["handle"] = handles[start : start + some]
                stream.write(records.tobytes())
        self.length = self.path.stat().st_size

    def parts(self) -> Iterator[bytes]:
        with self.path.open("rb") as stream:
            while data := stream.read(1 << 20):
                yield data


class _Ends:
    """Takes a sealed file: hashes it, keeps its two ends, which differ, and writes what all share to ``body``."""

    def __init__(self, body: BinaryIO) -> None:
        self.head, self.tail, self.hashed, self._body = b"", b"", hashlib.sha256(), body

    def write(self, data: bytes) -> None:
        self.hashed.update(data)
        if not self.head:
            self.head = data
        else:
            self._body.write(self.tail)
            self.tail = data  # the last that comes is the signature


def _sealed(broker: Launched, cast: Cast, payload: Payload, folder: Path, number: int) -> Sealed:
    """Put an agreement in force and seal the content for it; the first to do so writes what all share."""
    agreement, north = _agreement(cast, f"number {number}"), cast.holders["north"]
    door, workspace = _door(broker, cast, north), Workspace(folder / f"north-{number}")
    door.post("/v1/agreements", agreement.to_json())
    workspace.root.mkdir()
    workspace.save_agreement(agreement, door.get(f"/v1/agreements/{agreement.id}")["receiving"])
    door.close()
    body = folder / "body"
    _, receiving = workspace.load_agreement()
    with (body if number == 0 else Path(os.devnull)).open("wb") as stream:
        ends: Any = _Ends(stream)
        seal(
            payload.parts(),
            payload.length,
            ends,
            kind="upload",
            agreement=agreement.id,
            sender=north,
            receiver=receiving,
            random=lambda _size: payload.key,
        )
    return Sealed(agreement, ends.head, body, ends.tail, ends.hashed.hexdigest())


def _send(broker: Launched, cast: Cast, identity: Identity, sealed: Sealed, rows: int) -> float:
    """Announce, send, hand in and wait for the receipt; when the last part was there."""
    door, patience = _door(broker, cast, identity), Patience(time.sleep, lambda line: None, tries=30)
    path = f"/v1/agreements/{sealed.agreement.id}/uploads/{sealed.sha256}"
    size = sealed.size
    part_bytes = patience.insist(lambda: door.put(path, {"bytes": size}))["part_bytes"]
    with sealed.body.open("rb") as stream:
        for number, start in enumerate(range(0, size, part_bytes)):
            part = sealed.read(stream, start, min(part_bytes, size - start))
            patience.insist(partial(door.put_bytes, f"{path}/parts/{number}", part))
    sent = time.perf_counter()
    answer = patience.insist(lambda: door.outcome("POST", f"{path}/complete", wait=2))
    while isinstance(answer, Pending):
        time.sleep(answer.seconds)
        answer = patience.insist(lambda: door.outcome("GET", f"{path}/receipt", wait=2))
    door.close()
    assert answer["body"]["rows"] == rows
    return sent


def _agreement(cast: Cast, title: str) -> Agreement:
    return agree(default_terms(dict.fromkeys(HOLDERS, IDENTIFIERS), title=title, minimum_rows=1), cast)


def _door(broker: Launched, cast: Cast, identity: Identity) -> Door:
    return Door(
        broker.url,
        identity=identity,
        broker=cast.broker.card.fingerprint,
        now=lambda: datetime.now(UTC),
        random=secrets.token_bytes,
        timeout=300.0,
    )


def _peak_mib(broker: Launched) -> float:
    status = Path(f"/proc/{broker.process.pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1024


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=50)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--folder", type=Path, help="where there is room; the system's folder for such files if not given"
    )
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with TemporaryDirectory(dir=options.folder) as folder:
        figures = measure(options.uploads, options.rows, Path(folder))
    show(figures, as_json=options.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
