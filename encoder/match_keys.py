"""Identifiers into encodings, one per match-key of the agreement."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from encoder._tokens import rank
from encoder.clk import Schema, base_filters, load_schema
from encoder.harden import draw, harden
from encoder.identifiers import Column, Identifiers
from keys.canonical import canonical_texts
from keys.derive import Label, subkey
from keys.layout import EXACT_BYTES, encoding_bytes
from keys.secret import Secret
from keys.terms import Comparison, Encoding, ExactKey, FuzzyKey, Terms

_COMPARISONS: dict[Comparison, dict[str, Any]] = {
    Comparison.EXACT: {"type": "exact"},
    Comparison.UNIGRAMS: {"type": "ngram", "n": 1, "positional": False},
    Comparison.BIGRAMS: {"type": "ngram", "n": 2, "positional": False},
    Comparison.TRIGRAMS: {"type": "ngram", "n": 3, "positional": False},
    Comparison.POSITIONAL_UNIGRAMS: {"type": "ngram", "n": 1, "positional": True},
    Comparison.POSITIONAL_BIGRAMS: {"type": "ngram", "n": 2, "positional": True},
}


@dataclass(frozen=True, repr=False)
class Encodings:
    """One match-key: ``bits`` uint8 (rows, width in bytes), ``present`` bool (rows,); absent rows are zeros."""

    bits: NDArray[np.uint8]
    present: NDArray[np.bool_]


class MatchKeyEncoder:
    """Encodes rows under one match-key; what depends on the secret alone is made once."""

    def __init__(self, key: FuzzyKey | ExactKey, *, terms: Terms, secret: Secret) -> None:
        self.key = key
        self.width = encoding_bytes(terms, key)
        if isinstance(key, ExactKey):
            self._mac = hmac.new(subkey(secret, Label.EXACT, context=key.name), digestmod=hashlib.sha256)
            return
        self._schema = base_schema(key, terms.encoding)
        self._base = subkey(secret, Label.BASE_FILTER, context=key.name)
        hardening = terms.encoding.hardening
        self._selection = None
        if hardening is not None:
            draw_key = subkey(secret, Label.HARDENING, context=key.name)
            self._selection = draw(
                key=draw_key, base_length=terms.encoding.length, t=hardening.t, length=hardening.length
            )

    def __repr__(self) -> str:
        return f"MatchKeyEncoder({self.key.name!r})"

    def encode(self, identifiers: Identifiers) -> Encodings:
        """Raises ``KeyError`` when the identifiers lack a field of the match-key."""
        if isinstance(self.key, ExactKey):
            return self._encode_exact(self.key, identifiers)
        columns = [identifiers.columns[feature.field.value] for feature in self.key.features]
        present = encodable(self.key, identifiers)
        bits = np.zeros((identifiers.rows, self.width), dtype=np.uint8)
        kept = [Column(column.codes[present], column.values) for column in columns]
        if present.any():
            filters = base_filters(kept, self._schema, secret=self._base)
            bits[present] = filters if self._selection is None else harden(filters, self._selection)
        return Encodings(bits, present)

    def _encode_exact(self, key: ExactKey, identifiers: Identifiers) -> Encodings:
        """HMAC-SHA256 over the canonical JSON of the tuple, cut to 128 bits; each distinct tuple once."""
        columns = [identifiers.columns[field.value] for field in key.tuple_of]
        present = encodable(key, identifiers)
        joint, tuples = np.zeros(np.count_nonzero(present), np.int64), [()]
        for column in columns:
            size = len(column.values)
            distinct, joint = rank(joint * size + column.codes[present], len(tuples) * size)
            tuples = [(*tuples[place // size], column.values[place % size]) for place in distinct.tolist()]
        tags = b"".join(self._tag(canonical_texts(one)) for one in tuples)
        bits = np.zeros((identifiers.rows, EXACT_BYTES), dtype=np.uint8)
        bits[present] = np.frombuffer(tags, np.uint8).reshape(-1, EXACT_BYTES)[joint]
        return Encodings(bits, present)

    def _tag(self, text: bytes) -> bytes:
        mac = self._mac.copy()  # the key is hashed once
        mac.update(text)
        return mac.digest()[:EXACT_BYTES]


def encoders(keys: Sequence[FuzzyKey | ExactKey], *, terms: Terms, secret: Secret) -> list[MatchKeyEncoder]:
    """One encoder for each match-key, in the agreement's order."""
    return [MatchKeyEncoder(key, terms=terms, secret=secret) for key in keys]


def encodable(key: FuzzyKey | ExactKey, identifiers: Identifiers) -> NDArray[np.bool_]:
    """Which rows have enough of a match-key's fields to get an encoding. Raises ``KeyError`` when a field is absent."""
    if isinstance(key, ExactKey):
        return np.asarray(np.logical_and.reduce([given(identifiers.columns[field.value]) for field in key.tuple_of]))
    weights = np.zeros(identifiers.rows, dtype=np.int64)
    for feature in key.features:
        weights += feature.bits * given(identifiers.columns[feature.field.value])
    return np.asarray(weights >= key.minimum_bits)


def linkage_schema(key: FuzzyKey, encoding: Encoding) -> dict[str, Any]:
    """The base filter of a fuzzy match-key as a clkhash linkage schema, version 3, with nothing left to defaults."""
    return {
        "version": 3,
        "clkConfig": {
            "l": encoding.length,
            "kdf": {"type": "HKDF", "hash": encoding.kdf_hash, "keySize": encoding.key_size},
        },
        "features": [
            {
                "identifier": feature.field.value,
                "format": {"type": "string", "encoding": "utf-8"},
                "hashing": {
                    "comparison": _COMPARISONS[feature.compare],
                    "strategy": {"bitsPerFeature": feature.bits},
                    "hash": {"type": encoding.hash},
                },
            }
            for feature in key.features
        ],
    }


@lru_cache(maxsize=64)
def base_schema(key: FuzzyKey, encoding: Encoding) -> Schema:
    """The linkage schema of a fuzzy match-key, read. Kept, as clkhash takes longer to check one than to encode with it
    what a test or an attack encodes."""
    return load_schema(linkage_schema(key, encoding))


def given(column: Column) -> NDArray[np.bool_]:
    """Which rows have a value."""
    missing = column.values.index("") if "" in column.values else -1
    return np.asarray(column.codes != missing)


def rows_of(identifiers: Identifiers, which: NDArray[np.int64]) -> Identifiers:
    """The identifiers of some rows, in the order of ``which``, with no values but theirs."""
    return Identifiers(len(which), {name: _some(column, which) for name, column in identifiers.columns.items()})


def _some(column: Column, which: NDArray[np.int64]) -> Column:
    occurs, codes = rank(column.codes[which].astype(np.int64), len(column.values))
    return Column(codes.astype(np.int32), tuple(column.values[code] for code in occurs.tolist()))
