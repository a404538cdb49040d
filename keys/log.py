"""The audit log: a Merkle tree over leaves (RFC 6962, section 2.1), proofs, and signed checkpoints.

A checkpoint is a signed note (the tlog-checkpoint form: origin, size, base64 root; then one line per signature),
signed by the broker and countersigned by holders, so that anyone with their cards can check it offline.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature

from keys.errors import KeysError, SignatureError
from keys.identity import Card, Identity

HASH_BYTES = 32
_SIGNATURE_LINE = "\N{EM DASH} "
_ED25519 = b"\x01"


class LogError(KeysError):
    """The log does not hold together."""


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The tree's root over leaf hashes; of no leaves, SHA-256 of nothing."""
    if not hashes:
        return hashlib.sha256().digest()
    return _root(hashes)


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """The path of leaf ``index`` to the root, from the leaf upwards."""
    if not 0 <= index < len(hashes):
        raise LogError(f"The log has no entry {index}.", remedy="Ask for an entry that it has.")
    if len(hashes) == 1:
        return []
    half = _split(len(hashes))
    if index < half:
        return [*inclusion_proof(hashes[:half], index), _root(hashes[half:])]
    return [*inclusion_proof(hashes[half:], index - half), _root(hashes[:half])]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Raises ``LogError`` unless ``leaf`` (a hash) is entry ``index`` of the tree of ``size`` with that root."""
    if not 0 <= index < size:
        raise _wrong_proof()
    found = leaf
    for sibling, on_left in _climb(index, size - 1, proof):
        found = _node(sibling, found) if on_left else _node(found, sibling)
    if found != expected:
        raise _wrong_proof()


def consistency_proof(hashes: Sequence[bytes], old: int) -> list[bytes]:
    """What shows that the tree of the first ``old`` leaves is a beginning of the whole."""
    if not 0 < old <= len(hashes):
        raise LogError(f"The log never had exactly {old} entries.", remedy="Ask from a size that it had.")
    return _subproof(hashes, old, whole=True)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raises ``LogError`` unless the tree of ``old`` leaves is a beginning of the tree of ``new`` leaves."""
    if not 0 < old <= new:
        raise _wrong_proof()
    if old == new:
        if proof or old_root != new_root:
            raise _wrong_proof()
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise _wrong_proof()
    node, last = old - 1, new - 1
    while node % 2:
        node, last = node // 2, last // 2
    first = second = path[0]
    for sibling, on_left in _climb(node, last, path[1:]):
        if on_left:
            first, second = _node(sibling, first), _node(sibling, second)
        else:
            second = _node(second, sibling)
    if first != old_root or second != new_root:
        raise _wrong_proof()


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
        return SignedCheckpoint(self.checkpoint, (*self.lines, _signature_line(self.checkpoint, identity)))

    def require_signed_by(self, card: Card) -> None:
        """Raises ``SignatureError`` unless one of the lines is this party's signature of the checkpoint."""
        prefix = f"{_SIGNATURE_LINE}{_key_name(card)} "
        for line in self.lines:
            if line.startswith(prefix):
                blob = _decode(line.removeprefix(prefix))
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


def parse_note(note: str) -> SignedCheckpoint:
    """Read a signed note; checks no signature. Raises ``LogError`` for another form."""
    text, blank, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if not blank or len(lines) != 3 or not lines[1].isascii() or not lines[1].isdigit():
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
    return f"{_SIGNATURE_LINE}{_key_name(identity.card)} {blob}"


def _key_name(card: Card) -> str:
    """Key names of notes hold no space; the fingerprint says whose it is."""
    return f"counterfoil/{card.fingerprint}"


def _key_hash(card: Card) -> bytes:
    return hashlib.sha256(_key_name(card).encode() + b"\n" + _ED25519 + card.signing).digest()[:4]


def _root(hashes: Sequence[bytes]) -> bytes:
    if len(hashes) == 1:
        return hashes[0]
    half = _split(len(hashes))
    return _node(_root(hashes[:half]), _root(hashes[half:]))


def _subproof(hashes: Sequence[bytes], old: int, *, whole: bool) -> list[bytes]:
    if old == len(hashes):
        return [] if whole else [_root(hashes)]
    half = _split(len(hashes))
    if old <= half:
        return [*_subproof(hashes[:half], old, whole=whole), _root(hashes[half:])]
    return [*_subproof(hashes[half:], old - half, whole=False), _root(hashes[:half])]


def _climb(node: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way from ``node`` to the root of a tree whose last node is ``last``: is it to the left?"""
    for sibling in proof:
        if last == 0:
            raise _wrong_proof()
        on_left = bool(node % 2) or node == last
        while on_left and node and node % 2 == 0:
            node, last = node // 2, last // 2
        node, last = node // 2, last // 2
        yield sibling, on_left
    if last:
        raise _wrong_proof()


def _split(size: int) -> int:
    """The largest power of two below ``size``."""
    return 1 << ((size - 1).bit_length() - 1)


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _decode(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise _not_a_checkpoint() from None


def _wrong_proof() -> LogError:
    return LogError(
        "The proof does not show what it should: the log has been changed or forked.",
        remedy="Keep the files and ask the broker's operator and the other holders.",
    )


def _not_a_checkpoint() -> LogError:
    return LogError("This is not a signed checkpoint.", remedy="Fetch the log again.")
