"""A commitment to the link of every row of a run: a Merkle tree that can be opened row by row.

A leaf is ``salt`` (16 bytes), ``mark`` (16 bytes), SHA-256 of the row's handle. Rows with one link id have one mark and
no others do; a mark tells nothing else of its link id. Hashes are those of RFC 6962, section 2.1, as in
``keys.merkle``.

The tree has ``2 ** LEAST_DEPTH`` leaves or more, a power of two. Rows lie in random places, the other leaves are noise.
So what is opened tells nothing of the rows that are not, nor how many there are below a million.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keys.errors import ControlError, LogError
from keys.merkle import HASH_BYTES, leaf_hash, verify_inclusion

LEAST_DEPTH = 20
_MOST_DEPTH = 40
_SALT_BYTES = _MARK_BYTES = 16
SEED_BYTES = 32
DISHONEST = (
    "Let your IG lead refuse the release (counterfoil decline RUN), keep this folder with its log, and tell every "
    "party: the broker did not match as the agreement says, or somebody changed its data."
)
"""What to do when a broker's answer on control rows does not hold."""


@dataclass(frozen=True, repr=False)
class OpenedRow:
    """One leaf and its way to the root. ``handle``: SHA-256 of the row's handle, 32 bytes; ``mark`` and ``salt``: 16
    bytes each; ``path``: the siblings from the leaf upwards, 32 bytes each; ``place`` counts from 0."""

    handle: bytes
    mark: bytes
    salt: bytes
    place: int
    path: tuple[bytes, ...]

    def verify(self, root: bytes) -> None:
        """Raises ``ControlError`` unless this row is in the tree with that root."""
        leaf = leaf_hash(self.salt + self.mark + self.handle)
        lengths = [len(self.handle), len(self.mark), len(self.salt), *map(len, self.path)]
        try:
            if lengths[:3] != [HASH_BYTES, _MARK_BYTES, _SALT_BYTES] or set(lengths[3:]) != {HASH_BYTES}:
                raise _not_committed()
            if not LEAST_DEPTH <= len(self.path) <= _MOST_DEPTH:
                raise _not_committed()
            verify_inclusion(leaf, self.place, 1 << len(self.path), self.path, root)
        except LogError:
            raise _not_committed() from None


class LinkTree:
    """The tree of one run. The same link ids, handles and seed give the same tree."""

    def __init__(
        self, handles: Sequence[NDArray[np.uint8]], link_ids: Sequence[NDArray[np.uint8]], *, seed: bytes
    ) -> None:
        """``handles`` and ``link_ids``: uint8 (rows, 16) per holder; ``seed``: ``SEED_BYTES`` that nobody else knows.

        Takes 128 bytes of memory for each leaf, at least 128 MiB, and about a second for a million.
        """
        rows = [len(one) for one in handles]
        self._starts = np.concatenate([[0], np.cumsum(rows)]).tolist()
        self._handles = b"".join(hashlib.sha256(one).digest() for each in handles for one in _cells(each))
        self._marks = b"".join(_mark(one, seed) for each in link_ids for one in _cells(each))
        self._salts = _stream(b"salts", seed, _SALT_BYTES * sum(rows))
        depth = max(LEAST_DEPTH, (sum(rows) - 1).bit_length())
        order = np.frombuffer(_stream(b"places", seed, 8 << depth), "<u8").argsort(kind="stable")
        self._places = order[: sum(rows)].tolist()
        leaves = np.frombuffer(_stream(b"noise", seed, HASH_BYTES << depth), np.uint8).reshape(-1, HASH_BYTES).copy()
        own = b"".join(leaf_hash(self._leaf(row)) for row in range(sum(rows)))
        leaves[self._places] = np.frombuffer(own, np.uint8).reshape(-1, HASH_BYTES)
        self._levels = [leaves.tobytes()]
        while len(self._levels[-1]) > HASH_BYTES:
            self._levels.append(_above(self._levels[-1]))

    @property
    def root(self) -> bytes:
        return self._levels[-1]

    def open(self, holder: int, row: int) -> OpenedRow:
        """The leaf of one row of a holder, both counted from 0."""
        number = self._starts[holder] + row
        place = at = self._places[number]
        path = []
        for level in self._levels[:-1]:
            path.append(_cell(level, at ^ 1, HASH_BYTES))
            at //= 2
        salt, mark, handle = self._parts(number)
        return OpenedRow(handle, mark, salt, place, tuple(path))

    def _leaf(self, number: int) -> bytes:
        return b"".join(self._parts(number))

    def _parts(self, number: int) -> tuple[bytes, bytes, bytes]:
        salt = _cell(self._salts, number, _SALT_BYTES)
        return salt, _cell(self._marks, number, _MARK_BYTES), _cell(self._handles, number, HASH_BYTES)


def _cells(array: NDArray[np.uint8]) -> list[bytes]:
    whole, width = array.tobytes(), array.shape[1]
    return [whole[at : at + width] for at in range(0, len(whole), width)]


def _cell(data: bytes, number: int, width: int) -> bytes:
    return data[number * width : (number + 1) * width]


def _mark(link_id: bytes, seed: bytes) -> bytes:
    return hashlib.blake2b(link_id, key=seed, digest_size=_MARK_BYTES, person=b"link mark").digest()


def _stream(label: bytes, seed: bytes, length: int) -> bytes:
    return hashlib.shake_256(b"counterfoil link tree " + label + b"\0" + seed).digest(length)


def _above(level: bytes) -> bytes:
    width = 2 * HASH_BYTES
    return b"".join(hashlib.sha256(b"\x01" + level[at : at + width]).digest() for at in range(0, len(level), width))


def _not_committed() -> ControlError:
    return ControlError("The link of a control row is not the one that the broker had committed to.", remedy=DISHONEST)
