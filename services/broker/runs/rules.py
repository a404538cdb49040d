"""What must hold before a run starts or changes, and what it compares. No input or output."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, combinations_with_replacement
from typing import Any

from keys.agreement import Agreement
from keys.terms import FuzzyKey
from services.broker.errors import Conflict, Refused


def require_uploads(agreement: Agreement, uploads: Mapping[str, Mapping[Any, Any]]) -> None:
    """Raises unless every holder has uploaded and all proofs are equal. ``uploads``: holder name -> newest upload."""
    missing = [party.name for party in agreement.holders() if party.name not in uploads]
    if missing:
        raise Conflict(
            f"There is no upload of {', '.join(missing)} yet.", remedy="Start the run when every holder has uploaded."
        )
    for column, what, why in (
        ("key_check", "key check", "One of them encoded with another linkage secret"),
        ("conformance", "conformance digest", "One of them encoded by other rules or with another version"),
    ):
        if len({upload[column] for upload in uploads.values()}) > 1:
            raise Refused(
                f"The {what} of {' and '.join(sorted(uploads))} differs.",
                remedy=f"{why}: let every holder receive the contributions again, encode and upload again.",
            )


def comparisons(agreement: Agreement) -> Sequence[tuple[int, int]]:
    """Pairs of holders by their place in the terms; each with itself too where duplicates are looked for."""
    holders = range(len(agreement.terms.holders))
    if agreement.terms.decision.duplicates == "ignore":
        return list(combinations(holders, 2))
    return list(combinations_with_replacement(holders, 2))


def fuzzy_keys(agreement: Agreement, first: int, second: int) -> Sequence[FuzzyKey]:
    """The fuzzy match-keys that both holders have."""
    return [key for key in _shared(agreement, first, second) if isinstance(key, FuzzyKey)]


def exact_keys(agreement: Agreement, first: int, second: int) -> Sequence[str]:
    """The names of the exact match-keys that both holders have."""
    return [key.name for key in _shared(agreement, first, second) if not isinstance(key, FuzzyKey)]


def pairs_total(agreement: Agreement, rows: Sequence[int]) -> int:
    """How many comparisons of encodings a run makes; of one holder's rows, each two are compared once."""
    sizes = {(a, b): rows[a] * rows[b] if a != b else rows[a] * (rows[a] - 1) // 2 for a, b in comparisons(agreement)}
    return sum(size * len(fuzzy_keys(agreement, *pair)) for pair, size in sizes.items())


def _shared(agreement: Agreement, first: int, second: int) -> Sequence[Any]:
    terms = agreement.terms
    theirs = {key.name for key in terms.keys_of(terms.holders[second].name)}
    return [key for key in terms.keys_of(terms.holders[first].name) if key.name in theirs]
