"""Diffusion: every bit of the encoding is the XOR of several bits of the base filter.

Source: Armknecht, Heng, Schnell, "Strengthening Privacy-Preserving Record Linkage using Diffusion", PoPETs 2023(2),
Algorithm 1. A fraction d of differing base bits becomes (1 - (1 - 2d)^t) / 2 of differing encoding bits: close
rows stay close, and unrelated rows differ in half of the bits.
"""

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

_ROWS = 1 << 12  # rows transposed at once: the block and its columns stay in the cache
_WORD = 1 << 32
_SWAPS = tuple(
    (np.uint64(distance), np.uint64(mask))
    for distance, mask in (
        (32, 0x00000000FFFFFFFF),
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    )
)


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
    words, out_words = -(-width // 8), -(-length // 64)
    encodings = np.empty((rows, length // 8), np.uint8)
    for start in range(0, rows, _ROWS):
        block = filters[start : start + _ROWS]
        count, groups = len(block), -(-len(block) // 64)
        padded = np.zeros((64 * groups, 8 * words), np.uint8)
        padded[:count, :width] = block
        # A group is every ``groups``-th row. Afterwards, word [bit, group, word] holds one bit of its 64 rows.
        bits = _transpose(padded.view("<u8").reshape(64, groups, words))
        columns = np.ascontiguousarray(bits.transpose(2, 0, 1)).reshape(64 * words, groups)
        mixed = np.zeros((64 * out_words, groups), "<u8")
        mixed[:length] = columns[selection[:, 0]]
        for nth in range(1, selection.shape[1]):
            mixed[:length] ^= columns[selection[:, nth]]
        bits = np.ascontiguousarray(mixed.reshape(out_words, 64, groups).transpose(1, 2, 0))
        encodings[start : start + count] = (
            _transpose(bits).view(np.uint8).reshape(64 * groups, 8 * out_words)[:count, : length // 8]
        )
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


def _transpose(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Transpose, in place, the 64 x 64 bits of ``words[:, i, j]`` for all i and j; ``words``: shape (64, a, b).

    Bit k of word n becomes bit n of word k, where bit 0 is 0x80 of the word's first byte in memory. By swapping the
    halves off the diagonal, then the quarters within each half, and so on (Warren, "Hacker's Delight", section 7-3).
    """
    for distance, mask in _SWAPS:
        pairs = words.reshape(-1, 2, int(distance), *words.shape[1:])
        upper, lower = pairs[:, 0], pairs[:, 1]
        if distance < 8:  # memory holds the bytes of a word from the lowest up, but bits from the highest down
            upper, lower = lower, upper
        swap = ((upper >> distance) ^ lower) & mask
        lower ^= swap
        upper ^= swap << distance
    return words
