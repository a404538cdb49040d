"""Uploads on their way: announced, filled part by part, put together when all parts are here.

An upload is named by its SHA-256 and is always that of the holder who signs the request, so nobody can name another's.
A part is a file of its own, whole or absent, whose name has its number and its SHA-256: what lies in the folder is all
that is known of the progress, and a crash cannot make it wrong. Parts that lie there are never written to again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keys.agreement import Agreement, Party
from services.broker.errors import Conflict, NotFound, Refused, TooLarge
from services.broker.office import Office
from services.broker.storage import settle
from services.broker.store import incoming

AT_ONCE = 4
"""Unfinished uploads of one holder in one agreement; one more drops the one that was touched least recently."""
_READ = 1 << 20


@dataclass(frozen=True)
class Incoming:
    """What a holder has announced: ``size`` bytes with this ``sha256`` (hex), in parts of ``part_size`` bytes."""

    id: str
    agreement: str
    sha256: str
    size: int
    part_size: int

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> Incoming:
        return cls(row["id"], row["agreement"], row["sha256"], row["size"], row["part_size"])

    @property
    def parts(self) -> int:
        """How many there are; they are numbered from 0."""
        return -(-self.size // self.part_size)

    def length(self, number: int) -> int:
        """The bytes of a part: all have ``part_size`` but the last. Raises ``NotFound`` for one that there is not."""
        if not 0 <= number < self.parts:
            raise NotFound
        return min(self.part_size, self.size - number * self.part_size)

    @property
    def folder(self) -> str:
        """Within the agreement's own folder, so that it goes with that."""
        return incoming_folder(self.agreement, self.id)


def incoming_folder(agreement: str, id_: str = "") -> str:
    return f"agreements/{agreement}/incoming/{id_}".rstrip("/")


def announce(office: Office, agreement: Agreement, holder: Party, *, sha256: str, size: int) -> tuple[Incoming, bool]:
    """The upload, and whether it is new. Raises ``TooLarge``; ``Conflict`` if it was announced with another size."""
    limit = office.settings.maximum_upload_mb
    if size > limit << 20:
        raise TooLarge(
            f"The upload is larger than this broker's limit of {limit} MiB.",
            remedy="Ask the broker's operator to raise the limit.",
        )
    with office.store.transaction("announce upload") as connection:
        office.require_kept(connection, agreement.id)
        row = incoming.find(connection, agreement=agreement.id, holder=holder.name, sha256=sha256)
        if row is not None:
            if row["size"] != size:
                raise Conflict(
                    "This upload was announced with another size.", remedy="Use a current version of the tool."
                )
            return Incoming.of_row(row), False
        under_way = [row for row in incoming.of_agreement(connection, agreement.id) if row["holder"] == holder.name]
        dropped = [row["id"] for row in under_way[: max(0, len(under_way) + 1 - AT_ONCE)]]
        incoming.forget(connection, *dropped)
        values = {
            "id": office.random(16).hex(),
            "agreement": agreement.id,
            "sha256": sha256,
            "size": size,
            "part_size": office.settings.part_kb << 10,
        }
        incoming.put(connection, **values, holder=holder.name, touched_at=office.stamp())
    for id_ in dropped:
        office.storage.remove_folder(incoming_folder(agreement.id, id_))
    return Incoming.of_row(values), True


def find(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> Incoming:
    """Raises ``NotFound`` if it was never announced, has been given up, refused, or accepted."""
    with office.store.transaction("look for incoming upload") as connection:
        row = incoming.find(connection, agreement=agreement.id, holder=holder.name, sha256=sha256)
    if row is None:
        raise NotFound
    return Incoming.of_row(row)


def parts_here(office: Office, upload: Incoming) -> dict[int, str]:
    """The SHA-256 (hex) of every part that has come, by its number."""
    names = (name.split(".") for name in office.storage.folders(upload.folder))
    return {int(number): sha256 for number, sha256 in names}


def keep_part(office: Office, upload: Incoming, number: int, file: Path, *, sha256: str) -> None:
    """Take in a part that has been checked against its own digest. The same part again changes nothing.

    Raises ``Refused`` for a wrong length, ``Conflict`` for other bytes than before, ``NotFound`` if the upload has been
    given up meanwhile.
    """
    if file.stat().st_size != upload.length(number):
        raise Refused(
            f"The part has not the {upload.length(number):,} bytes that it must have.",
            remedy="Use a current version of the tool.",
        )
    with office.store.transaction("keep part") as connection:
        office.require_kept(connection, upload.agreement)
        if not incoming.touch(connection, upload.id, at=office.stamp()):
            raise NotFound
        before = parts_here(office, upload).get(number)
        if before not in (None, sha256):
            raise Conflict(
                "Other bytes have been received as this part.",
                remedy="The file has changed while it was sent: encode again and upload the new file.",
            )
        office.storage.accept(file, f"{upload.folder}/{number:06d}.{sha256}")


def assemble(office: Office, upload: Incoming, out: Path) -> None:
    """Write the whole file to ``out``, which nobody else knows.

    Raises ``Conflict`` if parts are missing, ``Refused`` if the whole has another digest than was announced; then it is
    given up.
    """
    here = parts_here(office, upload)
    missing = upload.parts - len(here)
    if missing:
        raise Conflict(
            f"{missing:,} of {upload.parts:,} parts are missing.", remedy="Send them; the tool does so by itself."
        )
    hashed = hashlib.sha256()
    with out.open("wb") as whole:
        for number in range(upload.parts):
            with office.storage.open(f"{upload.folder}/{number:06d}.{here[number]}") as part:
                while data := part.read(_READ):
                    hashed.update(data)
                    whole.write(data)
        settle(whole)
    if hashed.hexdigest() != upload.sha256:
        give_up(office, upload)
        raise Refused(
            "The parts do not make the file that was announced.",
            remedy="The file has changed while it was sent: give the same command again.",
        )


def give_up(office: Office, upload: Incoming) -> None:
    """Forget the upload and remove its parts."""
    with office.store.transaction("give up upload") as connection:
        incoming.forget(connection, upload.id)
    office.storage.remove_folder(upload.folder)
