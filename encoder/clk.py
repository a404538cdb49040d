"""Base filters: one CLK per row, byte for byte what clkhash gives, in columns instead of row by row.

Method: Schnell, Bachteler, Reiher, "A novel error-tolerant anonymous linking code" (2011), as clkhash's linkage
schema version 3 defines it. A row's filter is the union of its values' filters, and a value's filter is the union
of its tokens' bits, so each distinct token is hashed once and the rest is gathering and OR.
"""

import hashlib
import hmac
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from encoder._clkhash import Feature, Schema, XorFolds, load_schema, read_schema
from encoder._tokens import rank, split
from encoder.errors import SchemaError, ValueRefused
from encoder.identifiers import Column

__all__ = ["Schema", "XorFolds", "base_filters", "load_schema", "read_schema"]

_BLOCK = 1 << 24  # bytes of filters held at once, beside the result
_CACHED = 1 << 12  # rows of filters worked on at a time, so that they stay in the processor's cache
_SHORTS = 32  # 16-bit numbers in one BLAKE2b digest

Bits = NDArray[np.uint8]


def base_filters(columns: Sequence[Column | None], schema: Schema, *, secret: bytes) -> Bits:
    """The filters of all rows, uint8, shape (rows, ceil(length / 8)), bit 0 being 0x80 of byte 0.

    ``columns``: one per feature of the schema, in its order; None for one that is absent. An ignored feature's
    column is not looked at. A value that the schema's ``missingValue`` names is treated as clkhash does; any
    other empty value sets no bits. Values are formatted but not checked against the schema.

    Bit for bit as clkhash 0.17 and 0.18 for the same values; independent of row order, of blocks and of locale.
    Beyond the result, memory is bounded by a constant and by the length of the distinct values.

    Raises SchemaError when no column is left to hash, ValueRefused (row counted from 1, without its value) when
    a number or date cannot be read or a token cannot be encoded, SecretError when the secret is empty.
    """
    if len(columns) != len(schema.features):
        raise ValueError(f"{len(columns)} columns for {len(schema.features)} features")
    keys = schema.keys(secret)
    used = [
        (_format(column, feature), _Hasher(feature, key, schema))
        for column, feature, key in zip(columns, schema.features, keys, strict=True)
        if column is not None and not feature.ignored
    ]
    if not used:
        raise SchemaError("None of the columns that the schema hashes is there.", remedy="Give at least one of them.")
    rows = len(used[0][0].codes)
    if any(len(column.codes) != rows for column, _ in used):
        raise ValueError("columns of different lengths")
    width, parts = -(-schema.length // 8), 1 << schema.folds
    filters = np.empty((rows, width), np.uint8)
    step = max(1, _BLOCK // (width * parts))
    for start in range(0, rows, step):
        block = np.zeros((min(step, rows - start), width * parts), np.uint8)
        for column, hasher in used:
            _unite(block, column.codes[start : start + step], column.values, hasher)
        # Folding in halves, again and again, is the XOR of all parts.
        folded = block if parts == 1 else np.bitwise_xor.reduce(block.reshape(-1, parts, width), axis=1)
        filters[start : start + step] = folded
    return filters


class _Hasher:
    """Turns tokens of one feature into filters. Positions are laid out in one whole-byte part per fold."""

    def __init__(self, feature: Feature, keys: Sequence[bytes], schema: Schema) -> None:
        self.feature = feature
        self._keys = keys
        self._length = schema.length
        self._bits = schema.length << schema.folds
        self._part = -(-schema.length // 8) * 8
        self.width = (self._part << schema.folds) // 8

    def filters(self, tokens: Sequence[str], which: NDArray[np.int64], times: NDArray[np.int64]) -> Bits:
        """uint8 (pairs, width): the first ``times[i]`` positions of ``tokens[which[i]]``, set."""
        positions = self._positions(self.feature.bytes_of(tokens), int(times.max()))
        positions = positions // self._length * self._part + positions % self._length
        filters = np.empty((len(which), self.width), np.uint8)
        step = max(1, _BLOCK // (self.width * 8))
        for start in range(0, len(which), step):
            some = slice(start, start + step)
            pair, nth = np.nonzero(np.arange(positions.shape[1]) < times[some, None])
            bits = np.zeros((len(filters[some]), self.width * 8), np.uint8)
            bits[pair, positions[which[some][pair], nth]] = 1
            filters[some] = np.packbits(bits, axis=1)
        return filters

    def _positions(self, tokens: Sequence[bytes], most: int) -> NDArray[np.int64]:
        if self.feature.hash_type == "blakeHash":
            return self._blake(tokens, most)
        start = np.array([self._double(0, "sha1", token) for token in tokens], np.int64)
        stride = np.array([self._stride(token) for token in tokens], np.int64)
        return (start[:, None] + stride[:, None] * np.arange(most)) % self._bits

    def _blake(self, tokens: Sequence[bytes], most: int) -> NDArray[np.int64]:
        states = [hashlib.blake2b(key=self._keys[0], salt=str(part).encode()) for part in range(-(-most // _SHORTS))]
        digests = []
        for token in tokens:
            for state in states:
                digest = state.copy()
                digest.update(token)
                digests.append(digest.digest())
        shorts = np.frombuffer(b"".join(digests), "<u2").reshape(len(tokens), -1)
        return shorts.astype(np.int64) % self._bits

    def _double(self, key: int, digest: str, token: bytes) -> int:
        return int.from_bytes(hmac.digest(self._keys[key], token, digest), "big") % self._bits

    def _stride(self, token: bytes) -> int:
        stride, tries = self._double(1, "md5", token), 0
        while stride == 0 and self.feature.prevent_singularity:
            stride, tries = self._double(1, "md5", token + chr(tries).encode()), tries + 1
        return stride


def _format(column: Column, feature: Feature) -> Column:
    """The column with the values that occur, as they are hashed, all of them readable."""
    occurs, codes = rank(column.codes.astype(np.int64), len(column.values))
    values = _those(occurs, column.values)
    try:
        formatted = _readable(values, feature)
    except (ValueError, OverflowError):
        bad = next(code for code, value in zip(occurs.tolist(), values, strict=True) if not _reads(value, feature))
        row = int(np.argmax(column.codes == bad)) + 1
        # The cause is left out of the chain: clkhash's message shows the value.
        raise ValueRefused(
            f"A value is not {feature.rule}.",
            where=f"row {row}, column {feature.name}",
            remedy="Correct it, or say in the schema how a missing value is written.",
        ) from None
    return Column(codes.astype(np.int32), tuple(formatted))


def _readable(values: Sequence[str], feature: Feature) -> list[str]:
    formatted = feature.format_all(values)
    "".join(formatted).encode(feature.encoding)
    if feature.ngram is None:
        for text in formatted:
            feature.tokens(text)
    return formatted


def _reads(value: str, feature: Feature) -> bool:
    try:
        _readable([value], feature)
    except (ValueError, OverflowError):
        return False
    return True


def _unite(block: Bits, codes: NDArray[np.int32], values: Sequence[str], hasher: _Hasher) -> None:
    """OR each row's value into the block's filters."""
    occurs, places = rank(codes.astype(np.int64), len(values))
    texts = _those(occurs, values)
    filled = np.fromiter(map(bool, texts), np.bool_, len(texts))
    if not filled.any():
        return
    if not filled.all():
        texts = [text for text in texts if text]
    # One more filter than values, without a bit: place -1, of the values that are empty.
    table = np.zeros((len(texts) + 1, block.shape[1]), np.uint8)
    where = np.full(len(filled), -1)
    where[filled] = _fill(table[:-1], texts, hasher)
    rows = where[places]
    for start in range(0, len(block), _CACHED):
        block[start : start + _CACHED] |= table[rows[start : start + _CACHED]]


def _those(places: NDArray[np.int64], values: Sequence[str]) -> Sequence[str]:
    """The values that stand at these distinct, rising places."""
    return values if len(places) == len(values) else [values[place] for place in places.tolist()]


def _fill(filters: Bits, values: Sequence[str], hasher: _Hasher) -> NDArray[np.int64]:
    """OR the values, none of them empty, into filters, uint8 (values, width), and give the place of each: int64."""
    tokens = split(values, hasher.feature)
    times = _times(tokens.counts, hasher.feature)
    most = int(times.max()) + 1
    pairs, ids = rank(tokens.ids * most + times, len(tokens.distinct) * most)
    if len(pairs) * hasher.width > _BLOCK and len(values) > 1:
        half = len(values) // 2
        first, second = _fill(filters[:half], values[:half], hasher), _fill(filters[half:], values[half:], hasher)
        return np.concatenate([first, second + half])
    token_filters = hasher.filters(tokens.distinct, pairs // most, pairs % most)
    begins = np.cumsum(tokens.counts) - tokens.counts
    fewer = -tokens.counts.astype(np.min_scalar_type(-int(tokens.counts.max())))  # narrow: sorted by radix
    longest_first = np.argsort(fewer, kind="stable")
    begins, fewer = begins[longest_first], fewer[longest_first]
    for start in range(0, len(values), _CACHED):
        some = slice(start, start + _CACHED)
        for nth in range(-int(fewer[start])):
            having = int(np.searchsorted(fewer[some], -nth))  # that have more than n tokens: the first ones
            filters[some][:having] |= token_filters[ids[begins[some][:having] + nth]]
    places = np.empty_like(longest_first)
    places[longest_first] = np.arange(len(values))
    return places


def _times(counts: NDArray[np.int64], feature: Feature) -> NDArray[np.int64]:
    """How often each token is inserted: int64, in the order of the tokens of all values."""
    lengths, which = rank(counts, int(counts.max()) + 1)
    lists = [feature.bits_per_token(length) for length in lengths.tolist()]
    begins = np.cumsum(lengths) - lengths
    places = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.concatenate([np.asarray(bits, np.int64) for bits in lists])[np.repeat(begins[which], counts) + places]
