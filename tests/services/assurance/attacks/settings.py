"""Settings of attacks for tests, as small as shows what they are to show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from keys.template import default_terms
from keys.terms import Hardening, Terms
from matcher.encodings import Encodings
from services.assurance.attacks.population import Setting, own_filters, setting
from tests.match_keys import with_four_fuzzy

IDENTIFIERS = ["forename", "surname", "date_of_birth", "postcode", "nhs_number", "upn"]
NOBODY = np.empty((0, 2), np.int64)
Side = Mapping[str, Encodings]


def terms(t: int | None) -> Terms:
    """The numbers and four fuzzy match-keys, with this t or without hardening."""
    return _hardened(with_four_fuzzy(_default(), tuples=False), t)


def template_terms(t: int | None) -> Terms:
    """The template's match-keys, one fuzzy and tokens of tuples, with this t or without hardening."""
    return _hardened(_default(), t)


def _default() -> Terms:
    return default_terms({"council": IDENTIFIERS, "icb": IDENTIFIERS})


def _hardened(made: Terms, t: int | None) -> Terms:
    hardening = None if t is None else Hardening(method="diffusion", t=t, length=2048)
    unhardened = "a control" if t is None else None
    encoding = made.encoding.model_copy(update={"hardening": hardening, "accept_unhardened": unhardened})
    return made.model_copy(update={"encoding": encoding})


@cache
def made(t: int | None, *, population: int, share: float = 1.0, seed: int = 1) -> Setting:
    return setting(terms(t), population=population, share=share, rng=np.random.default_rng(seed))


@cache
def filters(t: int | None, *, population: int, seed: int = 1) -> Sequence[Side]:
    """What the attacker of ``made`` knows of its list."""
    known = made(t, population=population, seed=seed).identifiers
    return own_filters(known, terms(t), rng=np.random.default_rng([seed, 1]), secrets=6)


def some_known(attacked: Setting, count: int) -> NDArray[np.int64]:
    return np.stack([np.arange(count), attacked.truth[:count]], axis=1)


def right_among_others(target: NDArray[np.int64], attacked: Setting, known: NDArray[np.int64]) -> float:
    """The share that is named rightly of rows that were not known."""
    others = np.ones(len(target), np.bool_)
    others[known[:, 0]] = False
    return float(np.mean((target == attacked.truth)[others]))


def rows_taken(side: Side, which: NDArray[np.int64]) -> dict[str, Encodings]:
    return {name: Encodings(one.bits[which], one.present[which]) for name, one in side.items()}


def absent(side: Side, name: str, which: NDArray[np.int64]) -> dict[str, Encodings]:
    """The same side, where these rows have no encoding under one match-key."""
    bits, present = side[name].bits.copy(), side[name].present.copy()
    bits[which], present[which] = 0, False
    return {**side, name: Encodings(bits, present)}
