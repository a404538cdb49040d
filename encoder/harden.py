"""Diffusion: every bit of the encoding is the XOR of several bits of the base filter.

Source: Armknecht, Heng, Schnell, "Strengthening Privacy-Preserving Record Linkage using Diffusion", PoPETs 2023(2),
Algorithm 1. A fraction d of differing base bits becomes (1 - (1 - 2d)^t) / 2 of differing encoding bits: close
rows stay close, and unrelated rows differ in half of the bits.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_ROWS = 1 << 13  # rows transposed at once: the block and its columns stay in the cache
_WORD = 1 << 32


def draw(*, key: bytes, base_length: int, t: int, length: int) -> NDArray[np.int32]:
    """Which base bits make each bit of the encoding: int32, shape (length, t), in the order drawn.

    Specified exactly, so that another implementation draws the same:

    1. The stream is SHAKE-256 (FIPS 202) of the ASCII text ``counterfoil diffusion 1 base=B t=T length=L``
       (decimal, B = ``base_length``, T = ``t``, L = ``length``), one zero byte, and ``key``. It is read as 32-bit
       big-endian words.
    2. A number below n: read a word w; while w >= 2^32 - (2^32 mod n), read the next; the number is w mod n.
       A word is read for n = 1 too.
    3. The pool starts as the list 0, 1, ..., B - 1. To take a position: if the pool is empty, it becomes the
       list, ascending, of all positions but those already taken for the bit under way. Then draw r below the
       pool's size, take pool[r], put the pool's last element in its place, and shorten the pool by one.
    4. The bits 0, 1, ..., L - 1 take T positions each, in turn. The pool lasts from one bit to the next. It holds
       no position twice, and a refill leaves out those taken for the bit, so a bit's positions are distinct.

    ``key`` is a secret of 16 bytes or more, one per match-key. ``1 <= t <= base_length``. Raises ValueError.
    """
    if len(key) < 16:
        raise ValueError("the key has fewer than 16 bytes")
    if not (1 <= t <= base_length < _WORD and length >= 1):
        raise ValueError(f"t = {t} of {base_length} base bits cannot make {length} bits")
    label = f"counterfoil diffusion 1 base={base_length} t={t} length={length}"
    words = _words(label.encode() + b"\0" + key, about=length * t)
    selection = np.empty((length, t), np.int32)
    pool: list[int] = []
    for bit in range(length):
        taken: list[int] = []
        while len(taken) < t:
            if not pool:
                pool = [position for position in range(base_length) if position not in taken]
            nth = _below(len(pool), words)
            taken.append(pool[nth])
            pool[nth] = pool[-1]
            pool.pop()
        selection[bit] = taken
    return selection


def harden(filters: NDArray[np.uint8], selection: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The encodings of base filters: uint8 (rows, base_length / 8) to uint8 (rows, length / 8).

    Bit 0 is 0x80 of byte 0 on both sides. ``selection`` is what `draw` gave; the lengths in bits are multiples
    of 8. Memory beyond the result is a few MiB, whatever the number of rows. Raises ValueError.
    """
    rows, width = filters.shape
    length = len(selection)
    if length % 8 or selection.min() < 0 or selection.max() >= width * 8:
        raise ValueError(f"a selection of {length} bits does not fit filters of {width * 8} bits")
    encodings = np.empty((rows, length // 8), np.uint8)
    for start in range(0, rows, _ROWS):
        block = filters[start : start + _ROWS]
        count = len(block)
        columns = _transpose(np.pad(block, ((0, -count % 8), (0, 0))))
        mixed = columns[selection[:, 0]]
        for nth in range(1, selection.shape[1]):
            mixed ^= columns[selection[:, nth]]
        encodings[start : start + count] = _transpose(mixed)[:count]
    return encodings


def _words(seed: bytes, *, about: int) -> Iterator[int]:
    """The stream of step 1. SHAKE-256 gives a prefix at a time, so it is asked again for a longer one."""
    read, count = 0, about + 64
    while True:
        stream = hashlib.shake_256(seed).digest(4 * count)
        yield from np.frombuffer(stream, ">u4")[read:].tolist()
        read, count = count, 2 * count


def _below(n: int, words: Iterator[int]) -> int:
    limit = _WORD - _WORD % n
    return next(word for word in words if word < limit) % n


def _transpose(bits: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A matrix of packed bits, transposed: uint8 (8a, b) to uint8 (8b, a), rows packed from 0x80 down.

    Each tile of 8 x 8 bits is one 64-bit word, in which three swaps exchange the two bits, then the two 2 x 2
    tiles, then the two 4 x 4 tiles off the diagonal (Warren, "Hacker's Delight", section 7-3).
    """
    high, wide = bits.shape[0] // 8, bits.shape[1]
    tiles = np.ascontiguousarray(bits.reshape(high, 8, wide).transpose(2, 0, 1)).view("<u8")
    for shift, mask in ((9, 0x0055005500550055), (18, 0x0000333300003333), (36, 0x000000000F0F0F0F)):
        swap = (tiles ^ (tiles >> np.uint64(shift))) & np.uint64(mask)
        tiles ^= swap ^ (swap << np.uint64(shift))
    bytes_of_tiles = tiles.view(np.uint8).reshape(wide, high, 8)
    return np.ascontiguousarray(bytes_of_tiles.transpose(0, 2, 1)).reshape(wide * 8, high)
