"""The match-keys under which two rows of one side can be alike, each as encodings of one length.

A fuzzy match-key makes a graph of similarities. An exact one makes a graph too: who has a token in common with whom, as
twins have that of a date of birth and a postcode. A token is written out at random to the length of the other
encodings, equal ones equally, so that all graphs are read in one way. Numbers make none: no two children share one.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from keys.terms import ExactKey, FuzzyKey, Terms
from matcher.encodings import Encodings

TOKEN_WORDS = 2
"""An exact match-key has no more."""


def alike_keys(terms: Terms) -> list[FuzzyKey | ExactKey]:
    """All match-keys but those of numbers."""
    return [key for key in terms.match_keys if key.name not in terms.numbers]


def shared(victim: Mapping[str, Encodings], own: Mapping[str, Encodings]) -> list[str]:
    """The match-keys of both sides that make a graph: fuzzy ones, and those of which two rows of the list share a
    token."""
    return [key for key in own if key in victim and (victim[key].words > TOKEN_WORDS or _repeats(own[key]))]


def tokens_of(side: Mapping[str, Encodings], keys: Sequence[str]) -> list[str]:
    """Those of the match-keys that are exact."""
    return [key for key in keys if side[key].words <= TOKEN_WORDS]


def even(side: Mapping[str, Encodings], keys: Sequence[str], rng: np.random.Generator) -> dict[str, Encodings]:
    """These match-keys of a side, all of them as long as the longest."""
    words = max(side[key].words for key in keys)
    return {key: side[key] if side[key].words == words else _written_out(side[key], words, rng) for key in keys}


def _repeats(tokens: Encodings) -> bool:
    having = tokens.bits[tokens.present]
    return len(np.unique(having, axis=0)) < len(having)


def _written_out(tokens: Encodings, words: int, rng: np.random.Generator) -> Encodings:
    distinct, place = np.unique(tokens.bits, axis=0, return_inverse=True)
    bits = rng.integers(0, 1 << 64, (len(distinct), words), np.uint64)[place.reshape(-1)]
    return Encodings(np.ascontiguousarray(bits), tokens.present)
