"""The broker's home: who may read it, whether its identity opens, and whether it is that of the agreements here."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from keys.agreement import Agreement, Role
from keys.envelope import open_bytes
from keys.errors import CounterfoilError
from keys.identity import Identity, card_of
from keys.kinds import Sealed
from keys.wrapped import wrapped_in
from services.broker.doctor.finding import Finding, wrong
from services.broker.identity.unlocking import identity_data, unlock_data
from services.broker.settings import Settings


def is_owner(settings: Settings) -> bool:
    """Whether this process runs as the user whose home it is."""
    return settings.home.is_dir() and settings.home.stat().st_uid == os.geteuid()


def look_at_home(settings: Settings) -> Iterator[Finding]:
    if not settings.home.is_dir():
        yield wrong("home", f"{settings.home} is not a folder", "Make it, for the broker's user alone (mode 0700).")
        return
    if is_owner(settings):
        yield Finding("home", str(settings.home.absolute()))
    else:
        owner = settings.home.stat().st_uid
        yield Finding(
            "home",
            f"{settings.home.absolute()}, of user {owner}; this is user {os.geteuid()}",
            "Run doctor as the broker's user: what this one may do says little about the other.",
        )
    for path in (settings.home, settings.identity_file):
        if path.exists() and (finding := _permissions(path)) is not None:
            yield finding


def _permissions(path: Path) -> Finding | None:
    """Within a closed home nobody gets at anything; the identity must be closed in itself."""
    mode = stat.S_IMODE(path.stat().st_mode)
    plain = "0700" if path.is_dir() else "0600"
    if mode & 0o007:
        said = f"{path.name} is open to every user ({mode:04o})"
        return Finding("permissions", said, f"Close it: chmod {plain} {path}", blocks=path.is_file())
    if mode & 0o070:
        return Finding(
            "permissions",
            f"{path.name} is open to a group ({mode:04o})",
            f"Make sure that the group is the broker's own, as on Kubernetes, or close it: chmod {plain} {path}",
        )
    return None


def open_identity(settings: Settings, passphrase_file: Path | None) -> tuple[Identity | None, list[Finding]]:
    """The identity, if it can be opened without asking anybody, and what was found."""
    try:
        data = identity_data(settings)
        where = str(settings.identity_file)
        card, wrapped = card_of(data, where=where), wrapped_in(data, where=where)
        said = f"{card.name}, fingerprint {card.fingerprint}, locked with {wrapped.key if wrapped else 'a passphrase'}"
        if wrapped is None and passphrase_file is None:
            remedy = "Give --passphrase-file to have it opened."
            return None, [Finding("identity", f"{said}; not opened", remedy)]
        return unlock_data(data, settings, passphrase_file), [Finding("identity", f"{said}; it opens")]
    except CounterfoilError as error:
        return None, [wrong("identity", error.what, error.remedy)]


def match_agreements(settings: Settings, identity: Identity | None, standing: Sequence[Any]) -> Iterator[Finding]:
    """Whether agreements that the database holds name this broker, and their receiving keys open. ``standing``: those
    whose data are not destroyed, as documents."""
    agreements = [Agreement.from_json(document) for document in standing]
    if not agreements:
        yield Finding("agreements", "none in force")
        return
    fingerprint = identity.card.fingerprint if identity else _fingerprint(settings)
    strange = sum(not _names(agreement, fingerprint) for agreement in agreements)
    if strange:
        yield wrong(
            "agreements",
            f"{strange} of {len(agreements)} are with another broker's card",
            "This home and this database do not belong together: give the right ones.",
        )
        return
    lost = [one for one in agreements if not (settings.receiving_keys / f"{one.id}.sealed").is_file()]
    shut = 0 if identity is None else sum(not _opens(settings, identity, one) for one in agreements if one not in lost)
    if lost or shut:
        yield wrong(
            "agreements",
            f"of {len(agreements)}, {len(lost)} have no receiving key here and {shut} have one that does not open",
            "Bring receiving-keys along if this home was moved. What was sealed to a lost key is lost.",
        )
        return
    yield Finding("agreements", f"{len(agreements)} in force, with this broker; every receiving key is here")


def _fingerprint(settings: Settings) -> str:
    try:
        return card_of(identity_data(settings), where=str(settings.identity_file)).fingerprint
    except CounterfoilError:
        return ""


def _names(agreement: Agreement, fingerprint: str) -> bool:
    party = agreement.party(fingerprint)
    return party is not None and party.role is Role.BROKER


def _opens(settings: Settings, identity: Identity, agreement: Agreement) -> bool:
    try:
        open_bytes(
            (settings.receiving_keys / f"{agreement.id}.sealed").read_bytes(),
            kind=Sealed.RECEIVING_KEY,
            agreement=agreement.id,
            sender=identity.card,
            key=identity.receiving,
        )
    except CounterfoilError:
        return False
    return True
