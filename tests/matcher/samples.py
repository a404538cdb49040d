"""Encodings to try, and the plainest way to compare them."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from matcher.encodings import Encodings
from matcher.measures import Measure
from matcher.pairs import Pairs

LENGTHS = (64, 128, 192, 320, 512, 1024, 1088, 2048)
MEASURES: tuple[Measure, ...] = ("hamming", "dice")


def encodings(bits: NDArray[np.bool_], present: NDArray[np.bool_] | None = None) -> Encodings:
    """Pack bool ``(rows, length)``; all rows present unless said otherwise."""
    there = np.ones(len(bits), np.bool_) if present is None else present
    return Encodings.from_bytes(np.packbits(bits, axis=1), there)


def bits_of(one: Encodings) -> NDArray[np.bool_]:
    """Unpack to bool ``(rows, length)``."""
    return np.unpackbits(one.bits.view(np.uint8), axis=1).astype(np.bool_)


@st.composite
def holders(draw: st.DrawFn, lengths: tuple[int, ...] = LENGTHS, most: int = 60) -> tuple[Encodings, Encodings]:
    """Two holders of any size: noise of any fill, near copies, contained rows, empty, full and absent rows."""
    length = draw(st.sampled_from(lengths))
    rows = draw(st.tuples(st.integers(0, most), st.integers(0, most)))
    fill = draw(st.sampled_from((0.02, 0.3, 0.5, 0.9)))
    flips = draw(st.sampled_from((0.0, 0.02, 0.1, 0.3)))
    absent = draw(st.sampled_from((0.0, 0.2, 1.0)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    a, b = (rng.random((count, length)) < fill for count in rows)
    near = min(rows) // 2
    b[:near] = a[:near] ^ (rng.random((near, length)) < flips)
    b[near : near + near // 2] = a[near : near + near // 2] & (rng.random((near // 2, length)) < 0.8)
    for side in (a, b):
        if len(side) > 3:
            kinds = rng.random(len(side))
            side[kinds < 0.05] = False
            side[kinds > 0.95] = True
    return encodings(a, rng.random(rows[0]) >= absent), encodings(b, rng.random(rows[1]) >= absent)


def similarity_table(a: Encodings, b: Encodings, measure: Measure) -> NDArray[np.float64]:
    """Every similarity, from the definition: float64 ``(rows of a, rows of b)``."""
    left, right = bits_of(a).astype(np.int64), bits_of(b).astype(np.int64)
    common = left @ right.T
    sizes = left.sum(axis=1)[:, None] + right.sum(axis=1)[None, :]
    if measure == "dice":
        return np.where(sizes == 0, 0.0, 2 * common / np.maximum(sizes, 1))
    table: NDArray[np.float64] = (a.length - (sizes - 2 * common)) / a.length
    return table


def naive_pairs(a: Encodings, b: Encodings, measure: Measure, floor: float) -> Pairs:
    """All pairs at or above the floor, by the table."""
    table = similarity_table(a, b, measure)
    left, right = np.nonzero((table >= floor) & a.present[:, None] & b.present[None, :])
    return Pairs(left.astype(np.int32), right.astype(np.int32), table[left, right].astype(np.float32))


def assert_same(found: Pairs, expected: Pairs) -> None:
    np.testing.assert_array_equal(found.left, expected.left)
    np.testing.assert_array_equal(found.right, expected.right)
    np.testing.assert_array_equal(found.similarity, expected.similarity)
    assert [column.dtype.name for column in (found.left, found.right, found.similarity)] == [
        "int32",
        "int32",
        "float32",
    ]
