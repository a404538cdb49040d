"""Merkle trees over leaves, and proofs of inclusion and consistency: RFC 6962, section 2.1. Hashes are 32 bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from keys.errors import LogError

HASH_BYTES = 32


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def root(hashes: Sequence[bytes]) -> bytes:
    """The tree's root over leaf hashes; of no leaves, SHA-256 of nothing."""
    if not hashes:
        return hashlib.sha256().digest()
    return _root(hashes)


class Tree:
    """A tree that grows leaf by leaf: the roots of its complete subtrees, the largest first."""

    def __init__(self) -> None:
        self._size = 0
        self._peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        self._peaks.append(leaf)
        self._size += 1
        complete = self._size
        while complete % 2 == 0:
            right, left = self._peaks.pop(), self._peaks.pop()
            self._peaks.append(_node(left, right))
            complete //= 2

    def root(self) -> bytes:
        """The same as ``root`` of all leaves."""
        if not self._peaks:
            return root([])
        found = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            found = _node(peak, found)
        return found


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


def _wrong_proof() -> LogError:
    return LogError(
        "The proof does not show what it should: the log has been changed or forked.",
        remedy="Keep the files and ask the broker's operator and the other holders.",
    )
