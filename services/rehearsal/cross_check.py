"""The comparison of plain filters, done again by anonlink: independent software must find the same pairs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from encoder.match_keys import MatchKeyEncoder
from encoder.normalise import Normalised
from keys.secret import CONTRIBUTION_BYTES, combine
from keys.terms import FuzzyKey, Terms
from matcher._anonlink import cross_check
from matcher.candidates import find_pairs
from matcher.encodings import Encodings
from services.rehearsal.reporter import Reporter

FLOOR = 0.8


@dataclass(frozen=True)
class Check:
    """One match-key of two holders. Pairs on the floor that anonlink's own rounding loses are counted apart."""

    match_key: str
    holders: tuple[str, str]
    pairs: int
    only_ours: int
    only_anonlink: int
    lost_on_floor: int

    @property
    def agrees(self) -> bool:
        return self.only_anonlink == 0 and self.only_ours == self.lost_on_floor

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "agrees": self.agrees}


def cross_check_all(cohorts: Mapping[str, Normalised], terms: Terms, reporter: Reporter) -> list[Check]:
    """Every fuzzy match-key that two holders share, on base filters under a secret made for this alone."""
    plain = terms.model_copy(
        update={"encoding": terms.encoding.model_copy(update={"hardening": None, "accept_unhardened": "cross-check"})}
    )
    parts = {str(number): secrets.token_bytes(CONTRIBUTION_BYTES) for number in range(2)}
    secret = combine(parts, agreement=secrets.token_hex(32))
    checks = []
    for first, second in combinations(cohorts, 2):
        shared = [key for key in terms.keys_of(first) if key in terms.keys_of(second) and isinstance(key, FuzzyKey)]
        for key in shared:
            with reporter.step("cross-check", f"anonlink: comparing {first} with {second} under {key.name} again"):
                encoder = MatchKeyEncoder(key, terms=plain, secret=secret)
                a, b = (_encodings(encoder, cohorts[name]) for name in (first, second))
                pairs = find_pairs(a, b, measure="dice", floor=FLOOR)
                found = cross_check(pairs, a, b, FLOOR)
            checks.append(
                Check(
                    match_key=key.name,
                    holders=(first, second),
                    pairs=len(pairs),
                    only_ours=len(found.ours),
                    only_anonlink=len(found.anonlinks),
                    lost_on_floor=found.lost_on_floor,
                )
            )
    return checks


def _encodings(encoder: MatchKeyEncoder, cohort: Normalised) -> Encodings:
    encoded = encoder.encode(cohort.identifiers)
    return Encodings.from_bytes(encoded.bits, encoded.present)
