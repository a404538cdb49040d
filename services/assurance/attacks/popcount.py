"""A2. Popcount: how many bits an encoding has set, against what the row holds.

Source: Schnell, Borgs, "Randomized response and balanced Bloom filters for privacy preserving record linkage", ICDM
Workshops 2016, who balance filters because the number of set bits gives values away. A filter with a fixed number of
bits per q-gram tells how many q-grams there are. Ours has a fixed number per field, and hardening evens the rest out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from encoder.clk import base_filters, load_schema
from encoder.identifiers import Identifiers
from encoder.match_keys import Encodings, linkage_schema
from keys.terms import Encoding, FuzzyKey
from services.assurance.attacks.figures import pearson, ranks
from services.assurance.attacks.qgrams import Held

BITS_PER_TOKEN = 10


@dataclass(frozen=True)
class Leak:
    """Rank correlation (Spearman) of set bits with ``what``, over ``rows`` rows."""

    what: str
    rho: float
    rows: int


def attack(victim: Encodings, truth: Held, key: FuzzyKey) -> list[Leak]:
    """One leak for the number of q-grams of all fields and one for that of each name or postcode. ``truth``: what the
    rows hold."""
    there = victim.present
    popcounts = np.bitwise_count(victim.bits[there]).sum(axis=1, dtype=np.int64)
    sizes = {"q-grams of all fields": truth.has[there].sum(axis=1)}
    for place, feature in enumerate(key.features):
        counts = truth.counts(place)[there]
        if len(counts) and counts.min() != counts.max():
            sizes[f"q-grams of {feature.field.value}"] = counts
    of_rows = ranks(popcounts)
    return [Leak(what, pearson(of_rows, ranks(one)), len(of_rows)) for what, one in sizes.items()]


def bits_per_token(key: FuzzyKey, encoding: Encoding, identifiers: Identifiers, *, secret: bytes) -> Encodings:
    """The control: a plain filter of the same fields in which each q-gram sets ten bits, however many there are."""
    document = linkage_schema(key, encoding)
    for feature in document["features"]:
        feature["hashing"]["strategy"] = {"bitsPerToken": BITS_PER_TOKEN}
    columns = [identifiers.columns[feature.field.value] for feature in key.features]
    bits: NDArray[np.uint8] = base_filters(columns, load_schema(document), secret=secret)
    return Encodings(bits, np.ones(identifiers.rows, np.bool_))
