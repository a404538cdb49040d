"""Agreements of more fuzzy match-keys than the template has, for what shows only where there are several."""

from __future__ import annotations

from typing import Any

from keys.terms import ExactKey, FuzzyKey, Terms


def _fuzzy(name: str, minimum_bits: int, leaning: dict[str, int], whole: dict[str, int]) -> dict[str, Any]:
    features = [
        {"field": field, "compare": compare, "bits": bits}
        for compare, fields in (("bigrams", leaning), ("exact", whole))
        for field, bits in fields.items()
    ]
    return {"kind": "fuzzy", "name": name, "minimum_bits": minimum_bits, "features": features}


FOUR_FUZZY: tuple[dict[str, Any], ...] = (
    _fuzzy("forename", 232, {"forename": 170}, {"surname": 26, "day": 50, "month": 50, "year": 62, "postcode": 30}),
    _fuzzy("surname", 235, {"surname": 130}, {"forename": 30, "day": 60, "month": 60, "year": 72, "postcode": 40}),
    _fuzzy("postcode", 230, {}, {"forename": 70, "surname": 20, "date_of_birth": 118, "postcode": 175}),
    _fuzzy("names", 234, {"names": 300}, {"day": 28, "month": 28, "year": 34}),
)
"""As a file says them: each leans on other fields, and is equally full."""


def with_four_fuzzy(terms: Terms, *, tuples: bool = True) -> Terms:
    """The same terms with these in place of their fuzzy match-keys, and with tokens of tuples or without."""
    exact = [key for key in terms.match_keys if isinstance(key, ExactKey) and (tuples or key.of_number)]
    fuzzy = [FuzzyKey.model_validate(key) for key in FOUR_FUZZY]
    return terms.model_copy(update={"match_keys": (*exact, *fuzzy)})
