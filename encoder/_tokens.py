"""Many values split into tokens at once: n-grams as windows over one array of code points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder._clkhash import Feature

_SPACE_LIMIT = 1 << 40  # keys are ranked anew above this, so that int64 never overflows


@dataclass(frozen=True, repr=False)
class Tokens:
    """The tokens of several values. Value ``v`` has ``counts[v]`` of them, in order, without gaps in ``ids``.

    ``counts``: int64, shape (values,). ``ids``: int64, shape (sum of counts,), into ``distinct``.
    ``distinct``: the distinct tokens.
    """

    counts: NDArray[np.int64]
    ids: NDArray[np.int64]
    distinct: list[str]


def split(values: Sequence[str], feature: Feature) -> Tokens:
    """The tokens of formatted values, none of them empty, as clkhash's comparators give them.

    Raises ValueError or OverflowError where a comparator cannot read a value.
    """
    if feature.ngram is not None:
        return _ngrams(values, *feature.ngram)
    each = [feature.tokens(value) for value in values]
    known: dict[str, int] = {}
    ids = [known.setdefault(token, len(known)) for tokens in each for token in tokens]
    return Tokens(_lengths(each), np.array(ids, np.int64), list(known))


def rank(keys: NDArray[np.int64], space: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct keys, ascending, and each key's place among them. ``0 <= key < space``."""
    if space > 4 * len(keys) + 65536:
        return np.unique(keys, return_inverse=True)
    seen = np.zeros(space, np.bool_)
    seen[keys] = True
    return np.flatnonzero(seen), (np.cumsum(seen) - 1)[keys]


def _lengths(items: Sequence[Sequence[str]] | Sequence[str]) -> NDArray[np.int64]:
    return np.fromiter(map(len, items), np.int64, len(items))


def _ngrams(values: Sequence[str], n: int, positional: bool) -> Tokens:
    """Every window of n characters over the values, with n - 1 spaces before, between and after them.

    A value's last window ends with the spaces after it and the next value's first window starts with the same
    spaces, so the windows are the tokens of clkhash's NgramComparison, each once and in order.
    """
    pad = " " * (n - 1)
    text = pad + pad.join(values) + pad
    counts = _lengths(values) + (n - 1)
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4").astype(np.int64)
    alphabet, letters = rank(points, 0x110000)
    windows, size = len(points) - n + 1, len(alphabet)
    keys, space = letters[:windows], size
    for shift in range(1, n):
        keys, space = _combine(keys, space, letters[shift : shift + windows], size)
    places = np.arange(windows) - np.repeat(np.cumsum(counts) - counts, counts)
    if positional:
        keys, space = _combine(keys, space, places, int(counts.max()))
    distinct, ids = rank(keys, space)
    example = np.empty(len(distinct), np.int64)
    example[ids] = np.arange(windows)
    tokens = [text[start : start + n] for start in example.tolist()]
    if positional:
        tokens = [f"{place + 1} {token}" for place, token in zip(places[example].tolist(), tokens, strict=True)]
    return Tokens(counts, ids, tokens)


def _combine(keys: NDArray[np.int64], space: int, more: NDArray[np.int64], size: int) -> tuple[NDArray[np.int64], int]:
    if space * size > _SPACE_LIMIT:
        distinct, keys = rank(keys, space)
        space = len(distinct)
    return keys * size + more, space * size
