"""A broker in this process that receives uploads by hand, part by part, without a network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from keys.agreement import Agreement
from keys.statement import declare
from keys.template import default_terms
from services.broker.app import open_office
from services.broker.office import Office
from services.broker.settings import Settings
from services.broker.store import agreements, incoming
from services.broker.uploads.accept import hand_in
from services.broker.uploads.incoming import Incoming, announce, keep_part
from services.rehearsal.party import agree, gather
from tests.doors import Clock
from tests.stage import IDENTIFIERS

START = datetime(2026, 1, 1, tzinfo=UTC)
PART = 64 << 10
FILE = bytes(range(256)) * 512
"""What no holder makes: it is refused when it is checked."""
DIGEST = sha256(FILE).hexdigest()
CAST = gather(["council", "icb"])


def agreed() -> Agreement:
    return agree(default_terms(dict.fromkeys(CAST.holders, IDENTIFIERS), minimum_rows=1), CAST)


@contextmanager
def receiving(home: Path, clock: Clock, agreement: Agreement, **settings: Any) -> Iterator[Office]:
    """A broker that has received the agreement."""
    opened = replace(open_office(Settings(home=home, part_kb=PART >> 10, **settings), CAST.broker), now=clock)
    key = opened.new_receiving_key(agreement.id)
    answer = declare(CAST.broker, "receiving key", {"agreement": agreement.id, "receiving": key.address.to_json()})
    with opened.store.transaction("set up") as connection:
        agreements.put(
            connection, agreement.id, document=agreement.to_json(), receiving=answer.to_json(), at=opened.stamp()
        )
    yield opened
    opened.store.close()


def begin(office: Office, agreement: Agreement) -> Incoming:
    upload, _ = announce(office, agreement, agreement.holders()[0], sha256=DIGEST, size=len(FILE))
    return upload


def add(office: Office, upload: Incoming, number: int, data: bytes = FILE) -> None:
    part = data[number * PART : (number + 1) * PART]
    file = office.storage.part()
    file.write_bytes(part)
    try:
        keep_part(office, upload, number, file, sha256=sha256(part).hexdigest())
    finally:
        file.unlink(missing_ok=True)


def rows(office: Office, agreement: Agreement) -> list[str]:
    with office.store.transaction("look") as connection:
        return [row["id"] for row in incoming.of_agreement(connection, agreement.id)]


def files(office: Office) -> list[str]:
    root = office.settings.storage
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def handed_in(office: Office, agreement: Agreement, sealed: bytes) -> Incoming:
    holder = agreement.holders()[0]
    upload, _ = announce(office, agreement, holder, sha256=sha256(sealed).hexdigest(), size=len(sealed))
    for number in range(upload.parts):
        add(office, upload, number, sealed)
    assert hand_in(office, agreement, holder, sha256=upload.sha256).checked_as == upload.id
    return upload
