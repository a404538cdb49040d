"""The configurations of the frontier: which match-keys, and how their base filters are filled and hardened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from benchmarks.ablation import DESIGN, Keys, hardened, in_part, replaced
from keys.frontier import TUPLE, features
from keys.template import default_terms
from keys.terms import Identifier, Terms

DEFAULT = "default"


MORE, TWO, THREE, FOUR = (
    "four tuples, two fuzzy",
    "three tuples, two fuzzy",
    "two tuples, three fuzzy",
    "four fuzzy keys",
)


def _born(bits: int) -> dict[str, int]:
    day = round(0.31 * bits)
    return {"day": day, "month": day, "year": bits - 2 * day}


def _leaning(on: str, **bits: int) -> dict[str, tuple[str, int]]:
    """A match-key of which one field is alike in part, and the others as a whole."""
    return {field: ("bigrams" if field == on else "exact", count) for field, count in bits.items()}


def _tuple(*fields: str) -> dict[str, tuple[str, int]]:
    return dict.fromkeys(fields, (TUPLE, 0))


_FORENAME = {"forename": 130, "surname": 30, **_born(192), "postcode": 35}
_SURNAME = {"surname": 130, "forename": 30, **_born(192), "postcode": 40}
_NAMES = {"names": 330, **_born(60)}
_BY_FORENAME = _leaning("forename", forename=170, surname=26, day=50, month=50, year=62, postcode=30)
_BY_SURNAME = _leaning("surname", surname=130, forename=30, day=60, month=60, year=72, postcode=40)
_BY_NAMES = _leaning("names", names=300, day=28, month=28, year=34)
_TUPLES = {
    "forename-postcode": _tuple("forename", "postcode"),
    "birth-postcode": _tuple("date_of_birth", "postcode"),
    "forename-birth": _tuple("forename", "date_of_birth"),
    "surname-birth": _tuple("surname", "date_of_birth"),
}

SETS: Mapping[str, Keys] = {
    MORE: {"surname": _BY_SURNAME, "names": _BY_NAMES, **_TUPLES},
    TWO: {
        "surname": _BY_SURNAME,
        "names": _BY_NAMES,
        **{name: _TUPLES[name] for name in ("forename-postcode", "forename-birth", "birth-postcode")},
    },
    THREE: {
        "forename": _BY_FORENAME,
        "surname": _BY_SURNAME,
        "names": _BY_NAMES,
        **{name: _TUPLES[name] for name in ("forename-postcode", "birth-postcode")},
    },
    FOUR: {
        "forename": _BY_FORENAME,
        "surname": _BY_SURNAME,
        "postcode": _leaning("", forename=70, surname=20, date_of_birth=118, postcode=175),
        "names": _BY_NAMES,
    },
    "alike in part": in_part(
        {
            "forename": _FORENAME,
            "surname": _SURNAME,
            "postcode": {"names": 90, **_born(118), "postcode": 175},
            "names": _NAMES,
        }
    ),
    "all, and without one": in_part(DESIGN),
    "forenames in all": in_part(
        {
            "forename": _FORENAME,
            "postcode": {"forename": 130, "surname": 30, **_born(45), "postcode": 175},
            "names": _NAMES,
        }
    ),
    "two keys": in_part({"forename": _FORENAME, "names": _NAMES}),
    "one key": in_part({"all": {"forename": 110, "surname": 90, **_born(120), "postcode": 70}}),
}
"""Beside the default's: one, two and three more fuzzy match-keys, with fewer tuples; four, and no tuples; the same
fields with nothing compared as a whole; one key of all and three that lack one field each; keys in none of which twins
stand out; fewer keys."""


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
WITHOUT_TUPLES = ("alike in part", "all, and without one", "forenames in all", "two keys", "one key")


def grid() -> list[Configuration]:
    """Every configuration that is measured, those nearest to the default first."""

    def each(keys: Iterable[str], ts: Iterable[int], length: int, base: int = USUAL_BASE) -> list[Configuration]:
        return [Configuration(name, t, length if t > 1 else base, base) for name in keys for t in ts]

    every = [
        *each([DEFAULT], (5, 6), 384),
        *each([DEFAULT], (5,), 320),
        *each([DEFAULT], (6, 5, 7), 512),
        *each([DEFAULT], (7, 6, 8), 1024),
        *each([TWO, MORE, THREE], (6,), 512),
        *each([DEFAULT], (8, 7, 9, 5, 10, 2, 1), USUAL_LENGTH),
        *each([TWO], (5,), 384),
        *each([DEFAULT], (10, 9, 12, 8), 4096),
        *each([DEFAULT], (12, 3, 6), USUAL_LENGTH),
        *each([DEFAULT], (9, 10), 1024),
        *each([DEFAULT], (9, 7), USUAL_LENGTH, 512),
        *each([DEFAULT], (9, 12), USUAL_LENGTH, 2048),
        *each([FOUR], (6, 7, 5), 512),
        *each([FOUR], (8, 7, 6, 9, 10), 1024),
        *each([FOUR], (9, 8, 5, 10, 7, 12, 2, 1, 6, 3), USUAL_LENGTH),
        *each([FOUR], (10, 12, 9, 8), 4096),
        *each([FOUR], (9, 7), USUAL_LENGTH, 512),
        *each([FOUR], (9, 12), USUAL_LENGTH, 2048),
        *each(["alike in part"], (10, 12, 8), USUAL_LENGTH),
        *each(WITHOUT_TUPLES, (9, 7, 12, 5, 2, 1), USUAL_LENGTH),
        *each(WITHOUT_TUPLES, (7,), 1024),
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
    """Of the match-keys of a set but those of numbers, how each field is compared and how many bits it has."""
    terms = applied(Configuration(name, 2, USUAL_LENGTH, USUAL_BASE), everything())
    return {key.name: features(key) for key in terms.match_keys if key.name not in terms.numbers}
