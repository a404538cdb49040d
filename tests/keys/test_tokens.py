"""Tokens: one for every row, all alike; only the run's key tells linked rows from others."""

import secrets

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from keys.errors import TokenError
from keys.tokens import LINK_ID_BYTES, RUN_KEY_BYTES, TOKEN_BYTES, open_tokens, seal_link_ids
from tests.doors import drawn

KEY, RUN = b"k" * RUN_KEY_BYTES, "a run"


def ids(count: int, seed: str = "ids") -> NDArray[np.uint8]:
    return np.frombuffer(drawn(seed)(LINK_ID_BYTES * count), dtype=np.uint8).reshape(count, LINK_ID_BYTES)


def sealed(link_ids: NDArray[np.uint8], seed: str = "tokens") -> NDArray[np.uint8]:
    return seal_link_ids(link_ids, run_key=KEY, run=RUN, random=drawn(seed))


@pytest.mark.parametrize("count", [0, 1, 2, 1000])
def test_tokens_open_to_the_link_ids_in_their_order(count: int) -> None:
    tokens = sealed(ids(count))
    assert tokens.shape == (count, TOKEN_BYTES)
    assert tokens.dtype == np.uint8
    np.testing.assert_array_equal(open_tokens(tokens, run_key=KEY, run=RUN), ids(count))


def test_every_row_of_a_table_counts_however_it_lies_in_memory() -> None:
    wide = np.repeat(ids(20), 2, axis=1)[::2, ::2]
    tokens = sealed(wide)
    np.testing.assert_array_equal(open_tokens(tokens, run_key=KEY, run=RUN), wide)
    np.testing.assert_array_equal(open_tokens(tokens[::-1], run_key=KEY, run=RUN), wide[::-1])
    np.testing.assert_array_equal(open_tokens(np.asfortranarray(tokens), run_key=KEY, run=RUN), wide)


def test_equal_link_ids_get_different_tokens() -> None:
    same = np.zeros((500, LINK_ID_BYTES), dtype=np.uint8)
    one, two = sealed(same, "1"), sealed(same, "2")
    assert len(np.unique(np.concatenate([one, two]), axis=0)) == 1000


def test_another_key_or_run_opens_nothing() -> None:
    tokens = sealed(ids(3))
    for key, run in ((b"l" * 32, RUN), (KEY, "another run"), (KEY, "")):
        with pytest.raises(TokenError, match="another run") as caught:
            open_tokens(tokens, run_key=key, run=run)
        assert caught.value.where == "token 1"


@settings(deadline=None)
@given(st.integers(0, 4), st.integers(0, TOKEN_BYTES - 1), st.integers(1, 255))
def test_a_changed_byte_is_found_with_its_row(row: int, place: int, mask: int) -> None:
    tokens = sealed(ids(5)).copy()
    tokens[row, place] ^= mask
    with pytest.raises(TokenError) as caught:
        open_tokens(tokens, run_key=KEY, run=RUN)
    assert caught.value.where == f"token {row + 1}"


def auc(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """The chance that a linked row has a higher score than an unlinked one."""
    ranks = np.empty(len(scores))
    ranks[np.argsort(scores)] = np.arange(len(scores))
    linked = int(truth.sum())
    return float((ranks[truth].sum() - linked * (linked - 1) / 2) / (linked * (len(truth) - linked)))


def distinguish(tokens: NDArray[np.uint8], truth: NDArray[np.bool_]) -> float:
    """The AUC on unseen rows of a linear distinguisher over all bits, learnt by least squares on the other half."""
    bits = np.unpackbits(tokens, axis=1).astype(np.float64) - 0.5
    half = len(bits) // 2
    weights, *_ = np.linalg.lstsq(bits[:half], truth[:half] - 0.5, rcond=None)
    return auc(bits[half:] @ weights, truth[half:])


def test_i4_tokens_of_linked_and_unlinked_rows_are_alike() -> None:
    """Half of the rows of two holders are linked; a holder sees its own tokens, the two together see both."""
    rows = 6000
    random = np.random.default_rng(4)
    truth = random.random(rows) < 0.5
    ours = ids(rows, "ours").copy()
    theirs = ids(rows, "theirs").copy()
    theirs[truth] = ours[truth]
    here, there = sealed(ours, "here"), sealed(theirs, "there")
    # The standard error of an AUC of 3,000 rows is 0.0105; five of them.
    for seen in (here, np.concatenate([here, there], axis=1), here ^ there):
        assert abs(distinguish(seen, truth) - 0.5) < 0.053
    assert len(np.unique(np.concatenate([here, there]), axis=0)) == 2 * rows
    assert {len(bytes(token)) for token in here} == {TOKEN_BYTES}


def test_i4_the_distinguisher_would_find_a_leak() -> None:
    """One bit that says linked three times in four is found at once."""
    rows = 6000
    random = np.random.default_rng(5)
    truth = random.random(rows) < 0.5
    tokens = sealed(ids(rows)).copy()
    tokens[:, 20] = tokens[:, 20] & 0xFE | (truth == (random.random(rows) < 0.75))
    assert distinguish(tokens, truth) > 0.65


def test_i4_bytes_of_tokens_are_even() -> None:
    """Chi-square over the byte values at each place, linked rows all having one link id."""
    tokens = sealed(np.zeros((8192, LINK_ID_BYTES), dtype=np.uint8))
    for place in range(TOKEN_BYTES):
        counts = np.bincount(tokens[:, place], minlength=256)
        statistic = float(((counts - 32.0) ** 2 / 32).sum())
        assert 255 - 6 * 22.6 < statistic < 255 + 6 * 22.6  # mean 255, standard deviation 22.6


def test_nonces_come_from_the_random_bytes_given() -> None:
    tokens = seal_link_ids(ids(2), run_key=KEY, run=RUN, random=lambda size: bytes(range(size)))
    assert tokens[:, :12].tobytes() == bytes(range(24))
    assert len(np.unique(seal_link_ids(ids(9), run_key=KEY, run=RUN, random=secrets.token_bytes), axis=0)) == 9
