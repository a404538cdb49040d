"""Checkpoints of an audit log: signed notes that say how long it was and what its root was.

The form is that of tlog-checkpoint (C2SP): origin, size, base64 root, an empty line; then one line per signature,
the broker's first and then those of parties that countersign, so that anyone with their cards can check it offline.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature

from keys.errors import LogError, SignatureError
from keys.identity import Card, Identity
from keys.merkle import HASH_BYTES

_SIGNATURE_LINE = "\N{EM DASH} "
_ED25519 = b"\x01"
_SIZE = re.compile("0|[1-9][0-9]{0,15}")


@dataclass(frozen=True)
class Checkpoint:
    """How long a log was and what its root was. ``origin`` names the log."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


@dataclass(frozen=True)
class SignedCheckpoint:
    """A checkpoint with its signature lines, in the order they were added."""

    checkpoint: Checkpoint
    lines: tuple[str, ...]

    def note(self) -> str:
        return self.checkpoint.text() + "\n" + "".join(line + "\n" for line in self.lines)

    def countersigned(self, identity: Identity) -> SignedCheckpoint:
        """The same checkpoint with one more signature."""
        return SignedCheckpoint(self.checkpoint, (*self.lines, _signature_line(self.checkpoint, identity)))

    def without_last(self) -> SignedCheckpoint:
        """The same checkpoint without its last signature."""
        return SignedCheckpoint(self.checkpoint, self.lines[:-1])

    def has_line_of(self, card: Card) -> bool:
        """Whether a line is said to be this party's signature."""
        return any(line.startswith(_prefix(card)) for line in self.lines)

    def require_signed_by(self, card: Card) -> None:
        """Raises ``SignatureError`` unless one of the lines is this party's signature of the checkpoint."""
        for line in self.lines:
            if line.startswith(_prefix(card)):
                blob = _decode(line.removeprefix(_prefix(card)))
                if blob[:4] != _key_hash(card):
                    continue
                try:
                    card.public_key().verify(blob[4:], self.checkpoint.text().encode())
                except InvalidSignature:
                    break
                return
        raise SignatureError(
            f"The checkpoint is not signed by {card.name}.", remedy="Fetch the log again and compare checkpoints."
        )


def sign_checkpoint(checkpoint: Checkpoint, identity: Identity) -> SignedCheckpoint:
    """The checkpoint with its first signature."""
    return SignedCheckpoint(checkpoint, (_signature_line(checkpoint, identity),))


def parse_note(note: Any) -> SignedCheckpoint:
    """Read a signed note; checks no signature. Raises ``LogError`` for another form."""
    if not isinstance(note, str):
        raise _not_a_checkpoint()
    text, blank, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not blank or len(lines) != 3 or not _SIZE.fullmatch(lines[1]):
        raise _not_a_checkpoint()
    digest = _decode(lines[2])
    found = SignedCheckpoint(Checkpoint(lines[0], int(lines[1]), digest), tuple(signatures.splitlines()))
    starts = all(line.startswith(_SIGNATURE_LINE) for line in found.lines)
    if len(digest) != HASH_BYTES or not found.lines or not starts or found.note() != note:
        raise _not_a_checkpoint()
    return found


def _signature_line(checkpoint: Checkpoint, identity: Identity) -> str:
    signature = identity.signing_key().sign(checkpoint.text().encode())
    blob = base64.b64encode(_key_hash(identity.card) + signature).decode()
    return f"{_prefix(identity.card)}{blob}"


def _prefix(card: Card) -> str:
    return f"{_SIGNATURE_LINE}{_key_name(card)} "


def _key_name(card: Card) -> str:
    """Key names of notes hold no space; the fingerprint says whose it is."""
    return f"counterfoil/{card.fingerprint}"


def _key_hash(card: Card) -> bytes:
    return hashlib.sha256(_key_name(card).encode() + b"\n" + _ED25519 + card.signing).digest()[:4]


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _not_a_checkpoint() from None
    if base64.b64encode(data).decode() != text:  # one spelling only, so that any changed letter is found
        raise _not_a_checkpoint()
    return data


def _not_a_checkpoint() -> LogError:
    return LogError("This is not a signed checkpoint.", remedy="Fetch the log again.")
