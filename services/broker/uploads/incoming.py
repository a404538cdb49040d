"""Uploads on their way: announced, filled part by part, put together when all parts are here.

An upload is named by its SHA-256 and is always that of the holder who signs the request, so nobody can name another's.
A part is a file of its own, whole or absent, whose name has its number and its SHA-256: what lies in the folder is all
that is known of the progress, and a crash cannot make it wrong. Parts that lie there are never written to again.

Once all parts are here the holder says so, and from then on no part is written. The upload is being checked until it is
decided what becomes of it, and is tidied up then; or it could not be checked for a reason that lies with the broker,
and can be handed in again. Every step from one stage to another is one update in one transaction, made by one process.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from keys.agreement import Agreement, Party
from services.broker.errors import Conflict, NotFound, Refused, TooLarge
from services.broker.files.storage import settle
from services.broker.office import Office
from services.broker.store import incoming

AT_ONCE = 4
"""Uploads of one holder in one agreement that are not accepted yet; one more drops the one that was touched least
recently, but none that is being checked."""
_READ = 1 << 20


class Stage(StrEnum):
    """How far an upload is that is not accepted; what is accepted is not on its way any more."""

    COMING = "coming"
    CHECKING = "checking"
    DECIDED = "decided"
    """Accepted or refused; what is not needed any more is being removed, and then the holder is told."""
    FAILED = "failed"
    REFUSED = "refused"

    @property
    def in_hand(self) -> bool:
        """Whether the broker has something to do, not the holder."""
        return self in (Stage.CHECKING, Stage.DECIDED)


IN_HAND = tuple(stage for stage in Stage if stage.in_hand)


@dataclass(frozen=True)
class Incoming:
    """What a holder has announced: ``size`` bytes with this ``sha256`` (hex), in parts of ``part_size`` bytes."""

    id: str
    agreement: str
    sha256: str
    size: int
    part_size: int
    holder: str
    stage: Stage
    problem: Mapping[str, str] | None
    touched_at: str
    """When a part came last, or it came to this stage."""

    @classmethod
    def of_row(cls, row: Mapping[Any, Any]) -> Incoming:
        names = ("id", "agreement", "sha256", "size", "part_size", "holder", "problem", "touched_at")
        return cls(stage=Stage(row["state"]), **{name: row[name] for name in names})

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


def uploads_folder(agreement: str) -> str:
    """Where the accepted uploads of an agreement lie in the storage."""
    return f"agreements/{agreement}/uploads"


def upload_name(agreement: str, upload: str) -> str:
    return f"{uploads_folder(agreement)}/{upload}"


def incoming_folder(agreement: str, id_: str = "") -> str:
    return f"agreements/{agreement}/incoming/{id_}".rstrip("/")


def announce(office: Office, agreement: Agreement, holder: Party, *, sha256: str, size: int) -> tuple[Incoming, bool]:
    """The upload, and whether it is new, as one that was refused is. Raises ``TooLarge``; ``Conflict`` if it was
    announced with another size, or too many are being checked."""
    limit = office.settings.maximum_upload_mb
    if size > limit << 20:
        raise TooLarge(
            f"The upload is larger than this broker's limit of {limit} MiB.",
            remedy="Ask the broker's operator to raise the limit.",
        )
    with office.store.transaction("announce upload") as connection:
        office.require_kept(connection, agreement.id)
        rows = incoming.of_agreement(connection, agreement.id)
        mine = [Incoming.of_row(row) for row in rows if row["holder"] == holder.name]
        dropped = [one.id for one in mine if one.stage is Stage.REFUSED]
        mine = [one for one in mine if one.stage is not Stage.REFUSED]
        for one in mine:
            if one.sha256 == sha256:
                if one.size != size:
                    raise Conflict(
                        "This upload was announced with another size.", remedy="Use a current version of the tool."
                    )
                return one, False
        waiting = [one.id for one in mine if not one.stage.in_hand]
        over = max(0, len(mine) + 1 - AT_ONCE)
        if over > len(waiting):
            raise Conflict(
                f"{len(mine)} uploads of this holder are being checked.",
                remedy="Wait until the broker has said what becomes of them.",
            )
        dropped += waiting[:over]
        incoming.forget(connection, *dropped)
        values = {
            "id": office.random(16).hex(),
            "agreement": agreement.id,
            "sha256": sha256,
            "size": size,
            "part_size": office.settings.part_kb << 10,
            "holder": holder.name,
            "state": Stage.COMING.value,
            "problem": None,
            "touched_at": office.stamp(),
        }
        incoming.put(connection, **values)
    for id_ in dropped:
        office.storage.remove_folder(incoming_folder(agreement.id, id_))
    return Incoming.of_row(values), True


def find(office: Office, agreement: Agreement, holder: Party, *, sha256: str) -> Incoming:
    """Raises ``NotFound`` if it was never announced, has been given up, or accepted."""
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
    """Take in a part that has been checked against its own digest. The same part again changes nothing, and so does one
    of an upload that was handed in.

    Raises ``Refused`` for a wrong length, ``Conflict`` for other bytes than before, ``NotFound`` if the upload has been
    accepted, refused or given up meanwhile.
    """
    if file.stat().st_size != upload.length(number):
        raise Refused(
            f"The part has not the {upload.length(number):,} bytes that it must have.",
            remedy="Use a current version of the tool.",
        )
    stage = _touch(office, upload)
    before = parts_here(office, upload).get(number)
    if before not in (None, sha256):
        raise Conflict(
            "Other bytes have been received as this part.",
            remedy="The file has changed while it was sent: encode again and upload the new file.",
        )
    if before is not None or stage is Stage.CHECKING:
        return
    name = f"{upload.folder}/{number:06d}.{sha256}"
    office.storage.accept(file, name)  # in no transaction: the storage may be far away
    try:
        _touch(office, upload)  # as long as this finds it undecided, whoever removes its parts begins after this
    except (Conflict, NotFound):
        office.storage.remove(name)
        raise


def _touch(office: Office, upload: Incoming) -> Stage:
    with office.store.transaction("keep part") as connection:
        office.require_kept(connection, upload.agreement)
        row = incoming.get(connection, upload.id)
        stage = Stage.REFUSED if row is None else Stage(row["state"])
        if stage in (Stage.DECIDED, Stage.REFUSED):
            raise NotFound
        if stage is not Stage.CHECKING:
            incoming.touch(connection, upload.id, at=office.stamp())
        return stage


def require_whole(office: Office, upload: Incoming) -> None:
    """Raises ``Conflict`` if parts are missing."""
    missing = upload.parts - len(parts_here(office, upload))
    if missing:
        raise Conflict(
            f"{missing:,} of {upload.parts:,} parts are missing.", remedy="Send them; the tool does so by itself."
        )


def assemble(office: Office, upload: Incoming, out: Path, *, halt: Callable[[], None]) -> None:
    """Write the whole file to ``out``, which nobody else knows. ``halt`` is called now and then, and may raise.

    Raises ``Conflict`` if parts are missing, ``Refused`` if the whole has another digest than was announced.
    """
    require_whole(office, upload)
    here = parts_here(office, upload)
    hashed = hashlib.sha256()
    with out.open("wb") as whole:
        for number in range(upload.parts):
            halt()
            with office.storage.open(f"{upload.folder}/{number:06d}.{here[number]}") as part:
                while data := part.read(_READ):
                    hashed.update(data)
                    whole.write(data)
        settle(whole)
    if hashed.hexdigest() != upload.sha256:
        raise Refused(
            "The parts do not make the file that was announced.",
            remedy="The file has changed while it was sent: give the same command again.",
        )
