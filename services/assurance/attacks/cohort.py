"""A holder's rows as it wrote them down, of children on the attacker's list, and their encodings under known secrets.

What an attack on encodings alone is given is in ``population``; attacks that need a second secret, a wrong spelling or
more rows than a list of everybody would have time for, start here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
from numpy.typing import NDArray

from encoder.identifiers import Identifiers
from encoder.match_keys import Encodings, MatchKeyEncoder
from keys.secret import CONTRIBUTION_BYTES, Secret
from keys.terms import ExactKey, FuzzyKey, Terms
from services.assurance.attacks.population import identifiers_of
from services.rehearsal.children import Population, make_children
from services.rehearsal.dirt import write_down
from services.rehearsal.rates import SCENARIOS

TODAY = date(2025, 9, 1)
AS_LISTED = "as-listed"
"""The scenario in which the holder spells every child as the attacker's list does: the attacker's best case."""
WAYS = (AS_LISTED, *SCENARIOS)

_WRITTEN = ("forename", "surname", "sex", "date_of_birth", "postcode", "nhs_number")


@dataclass(frozen=True, repr=False)
class Cohort:
    """``listed``: identifiers of the attacker's list. ``held``: of the holder's rows. ``truth``: int64 (held rows,),
    the place in the list of each row's child; every child is held once at most."""

    listed: Identifiers
    held: Identifiers
    truth: NDArray[np.int64]

    def __repr__(self) -> str:
        return f"Cohort(rows={self.held.rows}, listed={self.listed.rows})"


def make_cohort(rows: int, *, listed: int, scenario: str, terms: Terms, rng: np.random.Generator) -> Cohort:
    """Whole households are listed; ``rows`` of the children, drawn at random, are held, in no order.

    Raises KeyError if there is no such scenario, ValueError for more rows than are listed.
    """
    if rows > listed:
        raise ValueError(f"{rows} rows of {listed} children")
    everybody = make_children(listed, today=TODAY, rng=rng, look_alikes=False)
    truth = rng.permutation(listed)[:rows].astype(np.int64)
    children = replace(
        everybody,
        **{one.name: getattr(everybody, one.name)[truth] for one in fields(Population) if one.name != "today"},
    )
    if scenario != AS_LISTED:
        written = write_down(everybody, truth, rates=SCENARIOS[scenario], scripts=False, rng=rng)
        children = replace(children, **{name: getattr(written, name) for name in _WRITTEN})
    return Cohort(identifiers_of(everybody, terms), identifiers_of(children, terms), truth)


def draw_secret(rng: np.random.Generator, agreement: str = "attack suite") -> Secret:
    """The secret of a made-up agreement."""
    return Secret(rng.bytes(CONTRIBUTION_BYTES), agreement=agreement)


def encoded(
    identifiers: Identifiers, keys: Sequence[FuzzyKey | ExactKey], *, terms: Terms, secret: Secret
) -> dict[str, Encodings]:
    """The encodings of every match-key by its name."""
    return {key.name: MatchKeyEncoder(key, terms=terms, secret=secret).encode(identifiers) for key in keys}


def fuzzy_keys(terms: Terms) -> list[FuzzyKey]:
    """The match-keys that have filters."""
    return [key for key in terms.match_keys if isinstance(key, FuzzyKey)]


def unhardened(terms: Terms) -> Terms:
    """The same terms with base filters alone: what most attacks are known to break."""
    reason = "the attack suite needs to see an attack succeed"
    plain = terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": reason})
    return terms.model_copy(update={"encoding": plain})
