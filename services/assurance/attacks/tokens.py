"""A9. Tokens: a holder, or two together, tell tokens of linked rows from the others.

A blind release promises that nothing about a token says whether its row is linked (I4). Looked at are the bits of
tokens by a linear discriminant (Fisher, 1936) that learns from half of the rows, their places in the release, the time
that making each took, and for two holders how alike the tokens of a link are. The control draws a token's nonce from
its link id, so that tokens of one link are equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from keys.layout import HANDLE_BYTES, handle_order
from keys.tokens import RUN_KEY_BYTES, seal_link_ids
from matcher.link_ids import assign
from matcher.solve import Links
from services.assurance.attacks.figures import Measured, auc

RUN = "attack-suite"

Bits = NDArray[np.uint8]
Seal = Callable[[Bits], Bits]
"""Link ids, uint8 (rows, 16), to tokens, uint8 (rows, 44)."""


@dataclass(frozen=True, repr=False)
class Released:
    """What two holders get, each in the order of its handles: ``tokens`` uint8 (rows, 44), ``took`` int64 (rows,) in
    nanoseconds. ``link``: int64 (rows,), the number of each row's link, or -1: only to judge by."""

    tokens: tuple[Bits, Bits]
    took: NDArray[np.int64]
    link: tuple[NDArray[np.int64], NDArray[np.int64]]


def seal_with(run_key: bytes, random: Callable[[int], bytes]) -> Seal:
    """Tokens as the broker makes them."""
    return lambda link_ids: seal_link_ids(link_ids, run_key=run_key, run=RUN, random=random)


def seal_repeatably(run_key: bytes) -> Seal:
    """The control: the nonce is the beginning of the link id."""

    def seal(link_ids: Bits) -> Bits:
        nonces = link_ids[:, :12].tobytes()
        return seal_link_ids(link_ids, run_key=run_key, run=RUN, random=lambda _: nonces)

    return seal


def release(rows: int, seal: Seal, *, rng: np.random.Generator, clock: Callable[[], int]) -> Released:
    """Two holders of ``rows`` rows each, of whom half are linked, and their tokens. ``clock`` gives nanoseconds, and
    times the first holder's tokens one by one."""
    linked = rows // 2
    of = [rng.permutation(rows)[:linked] for _ in range(2)]
    cluster = np.arange(linked, dtype=np.int64)
    links = Links(
        np.concatenate([cluster, cluster]),
        np.repeat(np.arange(2, dtype=np.int64), linked),
        np.concatenate(of).astype(np.int64),
    )
    ids = assign(links, [rows, rows], rng.bytes)
    took = np.empty(rows, np.int64)
    singly = []
    for row in range(rows):
        started = clock()
        singly.append(seal(ids[0][row : row + 1]))
        took[row] = clock() - started
    orders = [handle_order(np.frombuffer(rng.bytes(rows * HANDLE_BYTES), np.uint8).reshape(rows, -1)) for _ in range(2)]
    numbers = []
    for some in of:
        number = np.full(rows, -1, np.int64)
        number[some] = cluster
        numbers.append(number)
    return Released(
        (np.concatenate(singly)[orders[0]], seal(ids[1])[orders[1]]),
        took[orders[0]],
        (numbers[0][orders[0]], numbers[1][orders[1]]),
    )


def attack(released: Released, rng: np.random.Generator) -> list[Measured]:
    """AUC of each way to tell linked rows, or pairs of one link, from others."""
    tokens = released.tokens[0]
    linked = released.link[0] >= 0
    learning = rng.random(len(tokens)) < 0.5
    bits = np.unpackbits(tokens, axis=1).astype(np.float64)
    score = bits[~learning] @ _discriminant(bits[learning], linked[learning])
    places = np.arange(len(tokens))
    pairs, strangers = _nearness(released, rng)
    return [
        Measured(
            "bits of tokens, learnt from half of the rows", auc(score[linked[~learning]], score[~linked[~learning]])
        ),
        Measured("place in the release", auc(places[linked], places[~linked])),
        Measured("time to make the token", auc(released.took[linked], released.took[~linked])),
        Measured("tokens of two holders, alike where linked", auc(pairs, strangers)),
    ]


def new_run_key(rng: np.random.Generator) -> bytes:
    return rng.bytes(RUN_KEY_BYTES)


def _discriminant(bits: NDArray[np.float64], linked: NDArray[np.bool_]) -> NDArray[np.float64]:
    scatter = np.cov(bits, rowvar=False) + 1e-3 * np.eye(bits.shape[1])
    apart = bits[linked].mean(axis=0) - bits[~linked].mean(axis=0)
    return np.asarray(np.linalg.solve(scatter, apart))


def _nearness(released: Released, rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Equal bits of the tokens of each link, and of as many pairs of linked rows at random."""
    of_link = [np.argsort(link, kind="stable")[np.count_nonzero(link < 0) :] for link in released.link]
    one, other = released.tokens[0][of_link[0]], released.tokens[1][of_link[1]]
    return _equal(one, other), _equal(one, other[rng.permutation(len(other))])


def _equal(one: Bits, other: Bits) -> NDArray[np.int64]:
    return np.asarray(8 * one.shape[1] - np.bitwise_count(one ^ other).sum(axis=1, dtype=np.int64))
