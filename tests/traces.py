"""What an agreement's data are, and whether any sixteen bytes of them are found somewhere, in whatever dress."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from encoder.ceremony import recall_secret
from encoder.match_keys import encoders
from keys.envelope import MAGIC
from keys.receiving import decode
from services.broker.match.deciding import stored_link_ids
from services.broker.match.spill import link_ids_name
from services.broker.office import Office
from tests.stage import TODAY, Scene, children, handles_of

WINDOW = 16
BOTH = children(20, seed=1)
ROWS = {"north": BOTH + children(15, seed=2), "south": BOTH + children(12, seed=3)}


Hashes = NDArray[np.uint64]


def windows(data: bytes) -> Hashes:
    """A hash of every run of 16 bytes: uint64 (bytes - 15,)."""
    if len(data) < WINDOW:
        return np.empty(0, dtype=np.uint64)
    halves = np.lib.stride_tricks.sliding_window_view(np.frombuffer(data, dtype=np.uint8), 8)
    words = np.ascontiguousarray(halves).view("<u8").reshape(-1)
    factor, mixed = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
    found: Hashes = words[:-8] * factor ^ (words[8:] + mixed) * mixed
    return found


def undressed(data: bytes) -> Iterator[bytes]:
    """The data, and what stands in them as hexadecimal or base64 at each alignment."""
    yield data
    for run in re.findall(rb"[0-9A-Fa-f]{32,}", data):
        for start in range(2):
            yield bytes.fromhex(run[start : start + (len(run) - start) // 2 * 2].decode())
    for run in re.findall(rb"[A-Za-z0-9+/_-]{22,}", data):
        plain = run.replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            whole = plain[start : len(plain) - ((len(plain) - start) % 4 == 1)]
            yield base64.b64decode(whole + b"=" * (-len(whole) % 4))


def searched(data: bytes) -> Hashes:
    """Every run of 16 bytes of the data and of what is dressed in them, once, rising."""
    return np.unique(np.concatenate([windows(one) for one in undressed(data)]))


def traces(secrets: Iterable[bytes], found: Hashes) -> int:
    """How many runs of 16 bytes of the secrets have been found."""
    wanted = np.concatenate([windows(one) for one in secrets])
    place = np.minimum(np.searchsorted(found, wanted), len(found) - 1)
    return int((found[place] == wanted).sum())


def kept(*folders: Path, objects: Mapping[str, bytes] | None = None) -> Hashes:
    """Every file of these folders and every object of a storage, searched through, with its name."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    everything = [(path.name, path.read_bytes()) for path in files] + sorted((objects or {}).items())
    return searched(b"\n".join(name.encode() + b"\n" + data for name, data in everything))


@dataclass(repr=False)
class Data:
    """What an agreement's data are: in the clear, and the ciphertext of each file that the broker had."""

    clear: list[bytes]
    sealed: list[bytes]


def encodings(scene: Scene, name: str) -> list[bytes]:
    """Every encoding of the holder's rows, made again by the encoder."""
    holder = scene.holder(name, ROWS[name])
    terms = scene.agreement.terms
    cohort = holder.read(terms, today=TODAY)
    secret = recall_secret(holder.workspace, agreement=scene.agreement, identity=holder.identity)
    made = [one.encode(cohort.identifiers) for one in encoders(terms.keys_of(name), terms=terms, secret=secret)]
    return [row.tobytes() for one in made for row in one.bits[one.present]]


def data_of(
    scene: Scene,
    office: Office,
    runs: list[str],
    *,
    uploads: bool = True,
    objects: Mapping[str, bytes] | None = None,
) -> Data:
    """All that can be known of it: from the holders, and by opening what the broker keeps, in an object storage too."""
    agreement = scene.agreement.id
    clear = [office.receiving_key(agreement).seeds()]
    for name in ROWS if uploads else ():
        clear += [*encodings(scene, name), *(row.tobytes() for row in handles_of(scene, name))]
    for run in runs:
        if office.storage.read(link_ids_name(run)):
            clear += [row.tobytes() for ids in stored_link_ids(office, run, agreement, 2) for row in ids]
        if scene.status(run)["state"] == "released":
            clear += [decode(token) for name in ROWS for token in scene.results(name, run).values]
    folders = [f"agreements/{agreement}", *(f"runs/{run}" for run in runs)]
    sealed = [path.read_bytes() for one in folders for path in files(office, one)]
    sealed += [data for name, data in (objects or {}).items() if any(f"{one}/" in name for one in folders)]
    sealed += [path.read_bytes() for path in (office.settings.receiving_keys).glob(f"{agreement}*")]
    sealed += [
        scene.door_of(to).get_bytes(f"{scene.path}/contributions/{of}")
        for to, of in (("north", "south"), ("south", "north"))
    ]
    return Data(clear, [ciphertext(one) for one in sealed])


def ciphertext(sealed: bytes) -> bytes:
    """Without an envelope's header, which holds the agreement's id and fingerprints."""
    if not sealed.startswith(MAGIC):
        return sealed
    start = len(MAGIC) + 4
    return sealed[start + int.from_bytes(sealed[start - 4 : start], "big") :]


def files(office: Office, folder: str) -> list[Path]:
    return [path for path in (office.settings.storage / folder).rglob("*") if path.is_file()]


def bring_to(scene: Scene, stage: str) -> list[str]:
    """Take the agreement so far; its runs."""
    if stage == "secret":
        return []
    for name, rows in ROWS.items():
        scene.upload(name, rows)
    runs = []
    for _ in range(2 if stage == "released twice" else 1):
        runs.append(scene.start_run())
        scene.status(runs[-1], "matched")
        if stage == "declined":
            scene.refuse("south", runs[-1])
        if stage.startswith("released"):
            scene.release(runs[-1])
    if stage == "replaced":  # and kept, as the run under way has taken it
        for name, rows in ROWS.items():
            scene.upload(name, rows)
    return runs
