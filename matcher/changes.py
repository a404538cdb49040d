"""What can differ between two rows of one child, and the similarity which each such change leaves.

A *change* states for every field how much of it differs: nothing, a slip, a part, or all. Match-keys share
their fields, so few changes explain the similarities of all keys at once: when `surname` is far off and the
others are near, the surname changed. That is what lets fields be weighed apart although no key shows one alone.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PARTS_OF_DATE = frozenset({"day", "month", "year"})
DATE = PARTS_OF_DATE | {"date_of_birth"}
FULL_NAMES = frozenset({"forename", "surname"})
WHOLE = FULL_NAMES | {"date_of_birth", "postcode"}
"""Fields that are known to differ by more or less, and of which a tuple's token says whether they differ at all."""
NAMES = "names"
"""A feature that holds forename and surname together, so that swapping them changes nothing."""
FILL = 0.38
"""Bits per bit of base filter in a key whose features are not known."""
MOST_FIELDS = 4
LEAST_SHARE = 0.05
"""A field with a smaller share of every key cannot be told from noise and counts as such."""


@dataclass(frozen=True)
class KeyEvidence:
    """What is public about a match-key. ``features`` holds (field, bits) of its base filter, ``whole`` those fields
    that are compared as a whole, so that a slip changes all of their bits.

    ``length`` is in bits of the encoding that is compared, ``t`` the diffusion (None or 1: not hardened),
    ``base_length`` the bits of the base filter. ``number``: an exact match-key with a number that one child alone has;
    ``tuple_of``: the fields of an exact match-key whose token says whether they are what they were.
    """

    name: str
    kind: Literal["fuzzy", "exact"]
    measure: Literal["hamming", "dice"] | None = None
    length: int = 0
    t: int | None = None
    features: tuple[tuple[str, int], ...] = ()
    base_length: int = 1024
    whole: frozenset[str] = frozenset()
    number: bool = False
    tuple_of: frozenset[str] = frozenset()

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Features, or the key as its own only field where they are not known."""
        return self.features or ((self.name, round(FILL * self.base_length)),)


@dataclass(frozen=True)
class Field:
    """Amounts by which a field can differ (0 to about 1), and how often each occurs before data speak."""

    name: str
    amounts: Floats
    match: Floats
    same: Floats
    other: Floats
    """Shares of the amounts in a match; in a relative who has the same value; in one who has another."""


def _field(name: str, amounts: Sequence[float], match: Sequence[float]) -> Field:
    size = len(amounts)
    same, other = np.full(size, 0.03 / max(1, size - 2)), np.full(size, 0.02)
    same[0], same[-1] = 0.97, 1e-4
    other[0], other[-2], other[-1] = 1e-4, 0.13, 0.85
    return Field(name, np.array(amounts), np.array(match), same / same.sum(), other / other.sum())


def _known(name: str) -> Field:
    """Two different names still share a bigram now and then, so that "all" is a little less than 1."""
    if name in FULL_NAMES:
        return _field(name, [0, 0.15, 0.3, 0.55, 0.95], [0.86, 0.02, 0.04, 0.03, 0.05])
    if name == "date_of_birth":
        return _field(name, [0, 0.33, 0.6, 0.98], [0.95, 0.03, 0.01, 0.01])
    if name == "postcode":
        return _field(name, [0, 0.2, 0.5, 0.95], [0.72, 0.04, 0.06, 0.18])
    return _field(name, [0, 0.5, 1], [0.9, 0.05, 0.05])


@dataclass(frozen=True)
class Changes:
    """Every combination of the fields' levels. ``levels`` int64 (changes, fields); ``swapped`` bool (changes,)."""

    fields: tuple[Field, ...]
    levels: Ints
    swapped: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.levels)

    def product(self, shares: Sequence[Floats]) -> Floats:
        """Share of each change when the fields change independently, by shares per field and level."""
        result = np.ones(len(self))
        for column, share in enumerate(shares):
            result *= share[self.levels[:, column]]
        return result


def possible_changes(keys: Sequence[KeyEvidence]) -> Changes:
    """Changes that the features of ``keys`` can show, those of fuzzy ones first."""
    share: dict[str, float] = {}
    for key in keys:
        if key.kind == "exact":
            continue
        total = sum(bits for _, bits in key.parts)
        here: dict[str, float] = {}
        for feature, bits in key.parts:
            for name, part in _fields_of(feature, bits):
                here[name] = here.get(name, 0.0) + part / total
        share = {name: max(share.get(name, 0.0), here.get(name, 0.0)) for name in share | here}
    heard = sorted((name for name in share if share[name] > LEAST_SHARE), key=lambda name: -share[name])
    of_tuples = sorted({name for key in keys for name in key.tuple_of & WHOLE}.difference(heard))
    fields = tuple(_known(name) for name in sorted([*heard, *of_tuples][:MOST_FIELDS]))
    every = list(itertools.product(*(range(len(one.amounts)) for one in fields)))
    levels = np.array(every, np.int64).reshape(len(every), len(fields))
    swapped = np.zeros(len(levels), np.bool_)
    names = [column for column, one in enumerate(fields) if one.name in FULL_NAMES]
    if len(names) == 2 and any(feature == NAMES for key in keys for feature, _ in key.parts):
        other = levels[(levels[:, names] == len(fields[names[0]].amounts) - 1).all(axis=1)]
        levels = np.vstack([levels, other])
        swapped = np.concatenate([swapped, np.ones(len(other), np.bool_)])
    return Changes(fields, levels, swapped)


def shown(key: KeyEvidence, changes: Changes) -> NDArray[np.bool_] | None:
    """After which changes the tokens of an exact match-key still agree, bool (changes,): where nothing of its tuple
    changed. None where the changes do not tell: of a number, or of a field that no other key shows."""
    places = {one.name: place for place, one in enumerate(changes.fields)}
    if not key.tuple_of or not places.keys() >= key.tuple_of:
        return None
    return np.asarray((changes.levels[:, [places[name] for name in key.tuple_of]] == 0).all(axis=1))


def _fields_of(feature: str, bits: float) -> tuple[tuple[str, float], ...]:
    if feature == NAMES:
        return ("forename", bits / 2), ("surname", bits / 2)
    return (("date_of_birth" if feature in DATE else feature, bits),)


def expected(key: KeyEvidence, changes: Changes) -> tuple[Floats, Floats]:
    """Signal of ``key`` after each change, and its standard deviation; float64 (changes,).

    The signal is the correlation ``2 * similarity - 1`` of Hamming similarities and Dice's similarity itself.
    With B of l base bits drawn and x of them changed, the base distance is d = 2 exp(-B/l) (1 - exp(-x/l));
    diffusion leaves a correlation of (1 - 2d)^t (Armknecht, Heng, Schnell, PoPETs 2023/054), and chance adds
    a deviation of 1/sqrt(length). What a field's level leaves open widens it.
    """
    amounts = {one.name: one.amounts[changes.levels[:, place]] for place, one in enumerate(changes.fields)}
    changed, variance = np.zeros(len(changes)), np.zeros(len(changes))
    for feature, bits in key.parts:
        for name, part in _fields_of(feature, bits):
            amount = amounts.get(name)
            if amount is None:
                variance += (0.3 * part) ** 2
                continue
            if feature == NAMES:
                amount = np.where(changes.swapped, 0.02, amount)
            if feature in key.whole and feature not in PARTS_OF_DATE:
                amount = np.where(amount > 0, 1.0, 0.0)
            changed += part * amount
            variance += (part * np.where(amount == 0, 0.0, np.where(amount > 0.9, 0.06, 0.1))) ** 2
    length = key.base_length
    spared = math.exp(-sum(bits for _, bits in key.parts) / length)
    left = np.exp(-changed / length)
    distance = 2 * spared * (1 - left)
    variance = variance * (2 * spared * left / length) ** 2 + 0.7 * distance * (1 - distance) / length
    if key.measure == "dice":
        scale = 2 * (1 - spared)
        return 1 - distance / scale, np.sqrt(variance / scale**2 + 1e-4)
    t = key.t or 1
    base = np.maximum(1 - 2 * distance, 0.0)
    correlation = base**t
    slope = 2 * t * base ** (t - 1)
    return correlation, np.sqrt((1.09 - correlation**2) / key.length + variance * slope**2)


def signal(key: KeyEvidence, similarity: NDArray[np.floating]) -> Floats:
    """Similarities as the signal that ``expected`` speaks of; NaN stays."""
    value = similarity.astype(np.float64)
    return value if key.measure == "dice" else 2 * value - 1
