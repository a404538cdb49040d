"""Encodings that do not fit together are refused, and no bits are shown."""

import numpy as np
import pytest

from matcher.encodings import Encodings
from matcher.errors import MatcherError


def test_bytes_become_words_in_order() -> None:
    packed = np.arange(48, dtype=np.uint8).reshape(2, 24)
    one = Encodings.from_bytes(packed, np.array([True, False]))
    assert (one.rows, one.words, one.length) == (2, 3, 192)
    assert one.bits.tobytes() == packed.tobytes()
    assert one.bits.flags.c_contiguous


def test_a_slice_of_a_wider_table_is_taken_as_it_reads() -> None:
    table = np.arange(96, dtype=np.uint8).reshape(4, 24)
    one = Encodings.from_bytes(table[::2, 8:16], np.ones(2, np.bool_))
    assert one.bits.tobytes() == table[::2, 8:16].tobytes()


def test_no_rows_are_encodings_too() -> None:
    assert Encodings.from_bytes(np.empty((0, 128), np.uint8), np.empty(0, np.bool_)).length == 1024


@pytest.mark.parametrize(
    ("packed", "present"),
    [
        (np.zeros((2, 12), np.uint8), np.ones(2, np.bool_)),
        (np.zeros((2, 0), np.uint8), np.ones(2, np.bool_)),
        (np.zeros(16, np.uint8), np.ones(2, np.bool_)),
        (np.zeros((2, 16), np.int8), np.ones(2, np.bool_)),
        (np.zeros((2, 16), np.uint8), np.ones(3, np.bool_)),
        (np.zeros((2, 16), np.uint8), np.ones(2, np.uint8)),
    ],
)
def test_what_does_not_fit_together_is_refused(packed: np.ndarray, present: np.ndarray) -> None:
    with pytest.raises(MatcherError):
        Encodings.from_bytes(packed, present)


def test_words_must_be_contiguous() -> None:
    with pytest.raises(MatcherError, match="contiguous"):
        Encodings(np.zeros((4, 4), np.uint64)[:, :2], np.ones(4, np.bool_))


def test_the_repr_shows_no_bits() -> None:
    one = Encodings(np.full((2, 1), 0xDEADBEEF, np.uint64), np.array([True, False]))
    assert repr(one) == "Encodings(rows=2, length=64, present=1)"
