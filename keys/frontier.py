"""What was measured of re-identification: whether an agreement's encodings are within it, and the nearest that are.

``frontier.json`` holds, for sets of match-keys and ways to harden them, the share of rows that attacks named
rightly; ``docs/explanation/frontier.md`` says how that was measured. Fewer match-keys of a set, a larger ``t`` and
shorter encodings show less, so what passed vouches for them too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from keys.terms import ExactKey, FuzzyKey, Terms

Features = frozenset[tuple[str, str, int]]
"""Of one match-key its fields, how each is compared, and its bits."""

TUPLE = "tuple"
"""How the fields of an exact match-key are compared: all or none; they have no bits."""

PLAIN = 1
"""``t`` of encodings that are not hardened."""


@dataclass(frozen=True)
class Measured:
    """One configuration. ``worst``: the share of rows, 0 to 1, that the attack named rightly which named most."""

    keys: str
    t: int
    length: int
    base_length: int
    worst: float
    passes: bool


@dataclass(frozen=True)
class Standing:
    """Where an agreement stands. ``same``: what was measured of just this configuration; ``safe``: whether something
    that passed vouches for it; ``nearest``: the passing configuration that changes least."""

    same: Measured | None
    safe: bool
    nearest: Measured


def gate() -> float:
    """The share of rows that an attack may name."""
    return float(_document()["gate"])


def children() -> int:
    """How many are on the lists that were attacked."""
    return int(_document()["children"])


def has_keys(terms: Terms, measured: Measured) -> bool:
    """Whether all match-keys of these terms but those of numbers are among those of a configuration."""
    return _own(terms) <= _sets()[measured.keys]


def standing(terms: Terms) -> Standing:
    """Compare the match-keys, all but those of numbers, and the encoding of these terms with what was measured."""
    own = _own(terms)
    hardening = terms.encoding.hardening
    t, length = (hardening.t, hardening.length) if hardening else (PLAIN, terms.encoding.length)
    base = terms.encoding.length
    sets = _sets()
    same = next(
        (
            one
            for one in _points()
            if (one.t, one.length, one.base_length) == (t, length, base) and sets[one.keys] == own
        ),
        None,
    )
    passing = [one for one in _points() if one.passes]
    vouching = (one for one in passing if own <= sets[one.keys] and one.base_length == base)
    safe = not own or any(one.t <= t and one.length >= length for one in vouching)

    def distance(one: Measured) -> tuple[int, int, int, int]:
        keys = len(own ^ sets[one.keys]) if not own <= sets[one.keys] else 0
        return keys, int(one.base_length != base), abs(one.length - length), abs(one.t - t)

    return Standing(same, safe, min(passing, key=distance))


def features(key: FuzzyKey | ExactKey) -> dict[str, tuple[str, int]]:
    """Of a match-key, how each field is compared and how many bits it has."""
    if isinstance(key, ExactKey):
        return {field.value: (TUPLE, 0) for field in key.tuple_of}
    return {one.field.value: (one.compare.value, one.bits) for one in key.features}


def _own(terms: Terms) -> frozenset[Features]:
    return frozenset(_compared(features(key)) for key in terms.match_keys if key.name not in terms.numbers)


def _compared(of_key: Mapping[str, Sequence[Any]]) -> Features:
    return frozenset((field, compare, bits) for field, (compare, bits) in of_key.items())


@cache
def _document() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((files("keys") / "frontier.json").read_text(encoding="ascii"))
    return found


@cache
def _sets() -> Mapping[str, frozenset[Features]]:
    return {name: frozenset(map(_compared, keys.values())) for name, keys in _document()["sets"].items()}


@cache
def _points() -> tuple[Measured, ...]:
    return tuple(
        Measured(
            one["keys"],
            one["t"],
            one["length"],
            one["base_length"],
            worst=max(float(each["share"]) for each in one["attacks"].values()),
            passes=one["passes"],
        )
        for one in _document()["points"]
    )
