"""A11. Detectors of broken hardening. Each is silent where the code does as the design says, and fires on one fault.

The hardening is recovered from outside, from rows and encodings (``linear``), so that the code that runs is looked at.
The faults are known from other systems: one mask for all rows, a choice that depends on no secret, numbers taken modulo
(for which FIPS 186-5, appendix A.4, requires care), one key for two purposes. What the draw's own numbers cannot show,
such as a bias of one in a million, no detector sees.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from encoder.clk import base_filters
from encoder.identifiers import Column, Identifiers
from encoder.match_keys import MatchKeyEncoder, base_schema
from keys.derive import Label, subkey
from keys.secret import Secret
from keys.terms import FuzzyKey, Terms
from services.assurance.attacks.figures import pearson
from services.assurance.attacks.linear import Diffusion, recover

SPARE = 96
"""Rows beyond as many as the base filter has bits."""
SAME = 0.01
"""Share of bits that may be made of the same base bits by accident."""
CONTAINED = 0.5
"""Share of a field's bits that another field's value may set by accident."""
DEVIATIONS = 12.0
VALUES = 64
"""Values that are set in every field, to see whether they set the same bits."""

Bits = NDArray[np.uint8]


class Coder(Protocol):
    """Encodes rows, as the code that runs does or with a fault."""

    def base(self, columns: Sequence[Column | None], key: FuzzyKey, secret: Secret) -> Bits:
        """Base filters: uint8 (rows, base length / 8)."""

    def encode(self, columns: Sequence[Column], key: FuzzyKey, secret: Secret) -> Bits:
        """Encodings: uint8 (rows, length / 8). Every field of the match-key is given."""


@dataclass(frozen=True)
class Ours:
    """The encoder as it is, and its base filters as the design derives them."""

    terms: Terms

    def base(self, columns: Sequence[Column | None], key: FuzzyKey, secret: Secret) -> Bits:
        schema = base_schema(key, self.terms.encoding)
        return base_filters(columns, schema, secret=subkey(secret, Label.BASE_FILTER, context=key.name))

    def encode(self, columns: Sequence[Column], key: FuzzyKey, secret: Secret) -> Bits:
        named = {feature.field.value: column for feature, column in zip(key.features, columns, strict=True)}
        identifiers = Identifiers(len(columns[0].codes), named)
        return MatchKeyEncoder(key, terms=self.terms, secret=secret).encode(identifiers).bits


@dataclass(frozen=True)
class Signal:
    """What one detector saw: it ``fires`` where ``figure`` is above ``limit``."""

    detector: str
    figure: float
    limit: float

    @property
    def fires(self) -> bool:
        return self.figure > self.limit


def detect(coder: Coder, terms: Terms, keys: Sequence[FuzzyKey], rng: np.random.Generator) -> list[Signal]:
    """What every detector sees. ``terms`` have hardening; ``keys`` are one match-key or several of theirs."""
    hardening = terms.encoding.hardening
    if hardening is None:
        raise ValueError("there is no hardening to look at")
    first = Secret(rng.bytes(32), agreement="first")
    other, elsewhere = Secret(rng.bytes(32), agreement="first"), Secret(first.key(), agreement="second")
    draws = [_recovered(coder, terms, key, first, rng) for key in keys]
    again = _recovered(coder, terms, keys[0], other, rng)
    moved = _recovered(coder, terms, keys[0], elsewhere, rng)
    every = [*draws, again, moved]
    return [
        Signal("bits of some row that the draw does not explain", float(not all(one.exact for one in every)), 0),
        Signal("bits that one mask turns over in every row", _most(one.mask.mean() for one in every), 0),
        Signal(
            f"bits that are not made of {hardening.t} base bits",
            _most((one.takes.sum(axis=0) != hardening.t).mean() for one in every),
            0,
        ),
        Signal("bits made alike under another secret", _alike(draws[0], again), SAME),
        Signal("bits made alike under another agreement", _alike(draws[0], moved), SAME),
        Signal(
            "bits made alike under another match-key", _most(_alike(*pair) for pair in combinations(draws, 2)), SAME
        ),
        Signal("deviations of the draw from an even one", _trend(every), DEVIATIONS),
        Signal("share of a field's bits set by another field", _shared(coder, keys, first), CONTAINED),
    ]


def _recovered(coder: Coder, terms: Terms, key: FuzzyKey, secret: Secret, rng: np.random.Generator) -> Diffusion:
    columns = [_random_column(terms.encoding.length + SPARE, rng) for _ in key.features]
    return recover(coder.base(columns, key, secret), coder.encode(columns, key, secret))


def _random_column(rows: int, rng: np.random.Generator) -> Column:
    letters = rng.integers(ord("a"), ord("z") + 1, size=(rows, 8), dtype=np.uint32)
    values = [bytes(row.astype(np.uint8)).decode() for row in letters]
    known = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return Column(np.array([known[value] for value in values], np.int32), tuple(known))


def _alike(one: Diffusion, other: Diffusion) -> float:
    """The share of bits that are made of the same base bits."""
    return float((one.takes == other.takes).all(axis=0).mean())


def _trend(draws: Sequence[Diffusion]) -> float:
    """Whether low or high positions come early in each round of the pool, in standard deviations.

    A round uses every position once, so that only their order can be biased.
    """
    taken, total = 0, 0.0
    for one in draws:
        bit, position = np.nonzero(one.takes.T)
        base_bits = len(one.takes)
        # Within a bit the order is lost, so all of its base bits count as taken at once.
        phase = np.searchsorted(bit, bit) % base_bits
        middle = np.abs(position - base_bits / 2)
        for way in (position.astype(np.float64), middle):
            total += len(bit) * pearson(way, phase.astype(np.float64)) ** 2
            taken += 1
    # The sum of squares of `taken` standard normal deviates has mean `taken` and variance twice that.
    return (total - taken) / sqrt(2 * taken)


def _shared(coder: Coder, keys: Iterable[FuzzyKey], secret: Secret) -> float:
    """The largest share of one field's bits that the same values set in another field compared alike."""
    values = _random_column(VALUES, np.random.default_rng(VALUES))
    largest = 0.0
    for key in keys:
        alone = []
        for place in range(len(key.features)):
            columns = [values if at == place else None for at in range(len(key.features))]
            alone.append(coder.base(columns, key, secret))
        for (one, first), (two, second) in combinations(zip(key.features, alone, strict=True), 2):
            if one.compare is two.compare:
                common = int(np.bitwise_count(first & second).sum())
                smaller = min(int(np.bitwise_count(first).sum()), int(np.bitwise_count(second).sum()))
                largest = max(largest, common / smaller)
    return largest


def _most(figures: Iterable[float]) -> float:
    return max((float(one) for one in figures), default=0.0)
