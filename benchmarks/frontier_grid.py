"""The configurations of the frontier: which match-keys, and how their base filters are filled and hardened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.ablation import DESIGN, hardened, replaced
from keys.template import default_terms
from keys.terms import FuzzyKey, Identifier, Terms

Bits = Mapping[str, Mapping[str, int]]
"""Of each match-key the bits of its fields."""

DEFAULT = "default"


def _born(bits: int) -> dict[str, int]:
    day = round(0.31 * bits)
    return {"day": day, "month": day, "year": bits - 2 * day}


_FORENAME = {"forename": 130, "surname": 30, **_born(192), "postcode": 35}
_SURNAME = {"surname": 130, "forename": 30, **_born(192), "postcode": 40}
_NAMES = {"names": 330, **_born(60)}

SETS: Mapping[str, Bits] = {
    "alike in part": {
        "forename": _FORENAME,
        "surname": _SURNAME,
        "postcode": {"names": 90, **_born(118), "postcode": 175},
        "names": _NAMES,
    },
    "all, and without one": DESIGN,
    "forenames in all": {
        "forename": _FORENAME,
        "postcode": {"forename": 130, "surname": 30, **_born(45), "postcode": 175},
        "names": _NAMES,
    },
    "two keys": {"forename": _FORENAME, "names": _NAMES},
    "one key": {"all": {"forename": 110, "surname": 90, **_born(120), "postcode": 70}},
}
"""Beside the default's: the same fields with nothing compared as a whole; one key of all and three that lack one field
each; keys in none of which twins stand out; fewer keys."""


@dataclass(frozen=True)
class Configuration:
    """``keys``: one of ``SETS`` or the default's. ``t`` 1: not hardened, and then ``length`` is ``base_length``."""

    keys: str
    t: int
    length: int
    base_length: int

    @property
    def label(self) -> str:
        return f"{self.keys}, t = {self.t}, {self.length:,} bits" + (
            f" from {self.base_length:,}" if self.base_length != USUAL_BASE else ""
        )


USUAL_LENGTH, USUAL_BASE = 2048, 1024


def grid() -> list[Configuration]:
    """Every configuration that is measured, those nearest to the default first."""

    def each(keys: Iterable[str], ts: Iterable[int], length: int, base: int = USUAL_BASE) -> list[Configuration]:
        return [Configuration(name, t, length if t > 1 else base, base) for name in keys for t in ts]

    every = [
        *each([DEFAULT], (9, 8, 5, 10, 7), USUAL_LENGTH),
        *each([DEFAULT], (10, 12, 9), 4096),
        *each([DEFAULT], (8, 7), 1024),
        *each([DEFAULT], (12, 2, 1, 6), USUAL_LENGTH),
        *each(SETS, (9,), USUAL_LENGTH),
        *each([DEFAULT], (9, 6, 10), 1024),
        *each(["alike in part"], (10, 12, 8), USUAL_LENGTH),
        *each([DEFAULT], (8,), 4096),
        *each([DEFAULT], (9, 7), USUAL_LENGTH, 512),
        *each([DEFAULT], (9, 12), USUAL_LENGTH, 2048),
        *each([DEFAULT], (5, 6, 7), 512),
        *each(SETS, (7, 12), USUAL_LENGTH),
        *each([DEFAULT], (3,), USUAL_LENGTH),
        *each(SETS, (7,), 1024),
        *each(SETS, (5, 2, 1), USUAL_LENGTH),
    ]
    return list(dict.fromkeys(every))


def applied(configuration: Configuration, terms: Terms) -> Terms:
    """These terms with the match-keys and the encoding of a configuration."""
    encoding = terms.encoding.model_copy(update={"length": configuration.base_length})
    changed = terms.model_copy(update={"encoding": encoding})
    if configuration.keys != DEFAULT:
        changed = replaced(changed, SETS[configuration.keys])
    if configuration.t > 1:
        return hardened(changed, t=configuration.t, length=configuration.length)
    plain = encoding.model_copy(update={"hardening": None, "accept_unhardened": "to measure what hardening hides"})
    return changed.model_copy(update={"encoding": plain})


def everything() -> Terms:
    """The default agreement of two holders that have all its identifiers."""
    have = [one.value for one in Identifier]
    return default_terms({"council": have, "icb": have})


def features_of(name: str) -> dict[str, dict[str, tuple[str, int]]]:
    """Of the match-keys of a set, how each field is compared and how many bits it has."""
    terms = applied(Configuration(name, 2, USUAL_LENGTH, USUAL_BASE), everything())
    fuzzy = [key for key in terms.match_keys if isinstance(key, FuzzyKey)]
    return {key.name: {one.field.value: (one.compare.value, one.bits) for one in key.features} for key in fuzzy}
