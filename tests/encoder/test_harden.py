"""Diffusion is exactly what its specification says, and behaves as the paper says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from encoder.harden import draw, harden

KEY = bytes(range(32))
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "harden" / "diffusion.json").read_text(encoding="utf-8"))


def random_filters(rows: int, base_length: int, *, fill: float = 0.3, seed: int = 0) -> NDArray[np.uint8]:
    bits = np.random.default_rng(seed).random((rows, base_length)) < fill
    return np.packbits(bits, axis=1)


def drawn_by_the_letter(key: bytes, base_length: int, t: int, length: int) -> list[list[int]]:
    """The four steps of draw's specification, word by word and slowly."""
    label = f"counterfoil diffusion 1 base={base_length} t={t} length={length}".encode("ascii")
    stream = hashlib.shake_256(label + b"\x00" + key).digest(40 * t * length + 4000)
    at = 0

    def below(n: int) -> int:
        nonlocal at
        while True:
            word = int.from_bytes(stream[at : at + 4], "big")
            at += 4
            if word < 2**32 - 2**32 % n:
                return word % n

    bits: list[list[int]] = []
    pool = list(range(base_length))
    for _ in range(length):
        positions: list[int] = []
        for _ in range(t):
            if not pool:
                pool = [p for p in range(base_length) if p not in positions]
            r = below(len(pool))
            positions.append(pool[r])
            pool[r] = pool[-1]
            del pool[-1]
        bits.append(positions)
    return bits


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=16, max_size=64), st.integers(1, 40), st.data())
def test_the_draw_follows_its_specification(key: bytes, base_length: int, data: st.DataObject) -> None:
    t = data.draw(st.integers(1, base_length))
    length = data.draw(st.integers(1, 60))
    selection = draw(key=key, base_length=base_length, t=t, length=length)
    assert selection.dtype == np.int32
    assert selection.tolist() == drawn_by_the_letter(key, base_length, t, length)
    assert all(len(set(bit)) == t for bit in selection.tolist())


@pytest.mark.parametrize("vector", VECTORS["draws"], ids=lambda vector: vector["name"])
def test_the_draw_gives_the_published_vectors(vector: dict[str, str]) -> None:
    selection = draw(
        key=bytes.fromhex(vector["key"]),
        base_length=int(vector["base_length"]),
        t=int(vector["t"]),
        length=int(vector["length"]),
    )
    assert selection[: len(vector["first_rows"])].tolist() == vector["first_rows"]
    assert hashlib.sha256(selection.astype(">i4").tobytes()).hexdigest() == vector["sha256"]
    encoding = harden(np.frombuffer(bytes.fromhex(vector["base_filter"]), np.uint8)[None], selection)
    assert encoding.tobytes().hex() == vector["encoding"]


def test_the_stream_goes_on_when_many_words_are_rejected() -> None:
    base_length = 2**31 + 1  # nearly half of the words are too large for a pool of this size
    from encoder.harden import _below, _words

    words = _words(b"seed", about=0)
    drawn = [_below(base_length, words) for _ in range(400)]
    stream = np.frombuffer(hashlib.shake_256(b"seed").digest(8000), ">u4").tolist()
    assert drawn == [word for word in stream if word < base_length][:400]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 70), st.integers(1, 20), st.integers(1, 20), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_hardening_is_the_xor_of_the_bits_drawn(rows: int, width: int, out: int, t: int, seed: int) -> None:
    filters = random_filters(rows, width * 8, seed=seed)
    selection = draw(key=KEY, base_length=width * 8, t=t, length=out * 8)
    bits = np.unpackbits(filters, axis=1)
    expected = np.zeros((rows, out * 8), np.uint8)
    for row in range(rows):
        for bit, positions in enumerate(selection.tolist()):
            for position in positions:
                expected[row, bit] ^= bits[row, position]
    np.testing.assert_array_equal(harden(filters, selection), np.packbits(expected, axis=1))


def test_hardening_in_blocks_is_the_same_as_row_by_row() -> None:
    filters = random_filters(8192 + 13, 64)
    selection = draw(key=KEY, base_length=64, t=3, length=128)
    whole = harden(filters, selection)
    some = [0, 1, 8191, 8192, 8199, 8204]
    np.testing.assert_array_equal(whole[some], np.vstack([harden(filters[i : i + 1], selection) for i in some]))


def test_hardening_is_linear_over_xor() -> None:
    selection = draw(key=KEY, base_length=256, t=8, length=512)
    one, two = random_filters(100, 256, seed=1), random_filters(100, 256, seed=2)
    np.testing.assert_array_equal(harden(one ^ two, selection), harden(one, selection) ^ harden(two, selection))


@pytest.mark.parametrize("t", [1, 2, 4, 8])
@pytest.mark.parametrize("distance", [0.01, 0.05, 0.2])
def test_distances_follow_the_curve_of_the_paper(t: int, distance: float) -> None:
    rows, base_length, length = 400, 1024, 2048
    selection = draw(key=KEY, base_length=base_length, t=t, length=length)
    flips = np.zeros((rows, base_length), np.uint8)
    count = round(distance * base_length)
    for row, generator in zip(flips, np.random.default_rng(7).spawn(rows), strict=True):
        row[generator.choice(base_length, count, replace=False)] = 1
    hardened = harden(np.packbits(flips, axis=1), selection)  # by linearity: the difference of two encodings
    d = count / base_length
    expected = (1 - (1 - 2 * d) ** t) / 2
    assert np.bitwise_count(hardened).sum() / (rows * length) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("base_length", "t", "length", "spread"), [(1024, 8, 2048, 0), (1024, 10, 2048, 3), (64, 5, 64, 3)]
)
def test_base_bits_are_used_evenly(base_length: int, t: int, length: int, spread: int) -> None:
    selection = draw(key=KEY, base_length=base_length, t=t, length=length)
    uses = np.bincount(selection.ravel(), minlength=base_length)
    assert uses.max() - uses.min() <= spread
    assert uses.sum() == t * length


def test_another_key_gives_unrelated_encodings() -> None:
    filters = random_filters(200, 1024)
    one = harden(filters, draw(key=b"1" * 32, base_length=1024, t=8, length=2048))
    two = harden(filters, draw(key=b"2" * 32, base_length=1024, t=8, length=2048))
    distance = np.bitwise_count(one ^ two).sum(axis=1) / 2048
    assert abs(distance.mean() - 0.5) < 0.01
    assert distance.min() > 0.4


def test_other_parameters_draw_from_another_stream() -> None:
    one = draw(key=KEY, base_length=1024, t=8, length=2048)
    two = draw(key=KEY, base_length=1024, t=8, length=1024)
    assert (one[:1024] == two).mean() < 0.01


@pytest.mark.parametrize(
    ("key", "base_length", "t", "length"),
    [(b"short", 64, 2, 64), (KEY, 64, 0, 64), (KEY, 64, 65, 64), (KEY, 64, 2, 0)],
)
def test_senseless_parameters_are_refused(key: bytes, base_length: int, t: int, length: int) -> None:
    with pytest.raises(ValueError, match=r"bytes|cannot make"):
        draw(key=key, base_length=base_length, t=t, length=length)


def test_a_selection_must_fit_the_filters() -> None:
    filters = random_filters(3, 64)
    with pytest.raises(ValueError, match="does not fit"):
        harden(filters, draw(key=KEY, base_length=128, t=2, length=64))
    with pytest.raises(ValueError, match="does not fit"):
        harden(filters, draw(key=KEY, base_length=64, t=2, length=12))
