"""Made-up children of two holders as the broker sees them, with the truth that the broker does not have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from encoder.agreed import identifiers_of, restrict
from encoder.columns import load_columns
from encoder.identifiers import Identifiers
from encoder.match_keys import MatchKeyEncoder, encoders
from encoder.normalise import Normalised, normalise
from encoder.read import read_rows
from keys.secret import Secret
from keys.template import default_terms
from keys.terms import FuzzyKey, Terms
from matcher.candidates import find_pairs, similarities
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from matcher.evidence import KeyEvidence, score
from matcher.exact import find_exact
from matcher.pairs import Pairs
from matcher.solve import PairSet, solve
from services.broker.weighing import evidence_of
from services.rehearsal.accuracy import read_truth
from services.rehearsal.demo_files import REFERENCE_DAY, write_demo

Joined = NDArray[np.int64]
"""Pairs as single numbers: the row of the first holder times 2^32, plus that of the second; sorted, none twice."""

HOLDERS = ("council", "icb")
OTHERS_PER_ROW = 3
"""Rows of the second holder per row of the first, as in the demo: 45 % of the first holder's children are in both."""


@dataclass(frozen=True, repr=False)
class Simulation:
    """One entry per holder in ``rows``, ``identifiers`` and ``encodings`` (by match-key). ``truth``: the true links."""

    terms: Terms
    rows: tuple[int, int]
    identifiers: Sequence[Identifiers]
    encodings: Sequence[Mapping[str, Encodings]]
    truth: Joined

    @property
    def fuzzy(self) -> list[FuzzyKey]:
        return [key for key in self.terms.match_keys if isinstance(key, FuzzyKey)]

    @property
    def length(self) -> int:
        """Bits of a fuzzy match-key's encoding."""
        return self.encodings[0][self.fuzzy[0].name].length

    @cached_property
    def floor(self) -> float:
        return self.floor_of(*self.rows)

    def floor_of(self, rows: int, others: int) -> float:
        """The broker's floor for holders of these sizes."""
        expected = self.terms.decision.chance_pairs_per_row * min(rows, others)
        return noise_floor(rows, others, self.length, expected)

    def similarity(self, joined: Joined) -> NDArray[np.float32]:
        """float32 (pairs, fuzzy match-keys), NaN where a row has no encoding."""
        left, right = ends(joined)
        return np.stack([similarities(*self.sides(key.name), left, right, "hamming") for key in self.fuzzy], axis=1)

    def sides(self, key: str) -> tuple[Encodings, Encodings]:
        return self.encodings[0][key], self.encodings[1][key]

    @cached_property
    def exact(self) -> Pairs:
        """Pairs with the same NHS number, the one exact match-key that both holders have."""
        return find_exact(*self.sides("nhs-number"))

    def listed(self) -> list[Joined]:
        """What the exhaustive comparison lists at the floor, by fuzzy match-key."""
        return [join(find_pairs(*self.sides(key.name), measure="hamming", floor=self.floor)) for key in self.fuzzy]

    def drawn(self, count: int) -> Joined:
        """Pairs of rows drawn from all, the same ones every time, in no order."""
        rng = np.random.default_rng(1)
        left, right = (rng.integers(0, rows, count) for rows in self.rows)
        return (left << 32) | right

    def unrelated(self, count: int) -> Joined:
        """Pairs drawn from all that are neither true nor of one postcode.

        Of these there are the more per row the more rows there are, of households and of true links there are not.
        """
        drawn = self.drawn(count)
        postcodes = [np.array(one.columns["postcode"].values) for one in self.identifiers]
        left, right = ends(drawn)
        codes = [one.columns["postcode"].codes for one in self.identifiers]
        same = postcodes[0][codes[0][left]] == postcodes[1][codes[1][right]]
        return np.asarray(drawn[~same & ~np.isin(drawn, self.truth)])

    def links(self, joined: Joined) -> Joined:
        """The links that the evidence model and the solver make of these pairs, as the broker does."""
        left, right = ends(joined)
        a, b = self.sides("nhs-number")
        both, equal = a.present[left] & b.present[right], (a.bits[left] == b.bits[right]).all(axis=1)
        agreed = np.where(both, np.where(equal, 1, -1), 0).astype(np.int8)[:, None]
        found = score(
            keys=[*(evidence_of(self.terms, key) for key in self.fuzzy), KeyEvidence(name="nhs-number", kind="exact")],
            similarity=self.similarity(joined),
            agreement=agreed,
            left=left,
            right=right,
            rows=self.rows,
            floors=[self.floor] * len(self.fuzzy),
            threshold=self.terms.decision.match,
        )
        weight = np.where(agreed[:, 0] < 0, -np.inf, found.weight)
        first, second = solve([PairSet(0, 1, left, right, weight)], 0.0).between(0, 1)
        return np.sort((first << 32) | second)


def simulate(rows: int, *, scenario: str, seed: int = 3) -> Simulation:
    """``rows`` children of a council and ``OTHERS_PER_ROW`` times as many of a care board, in the default agreement.

    ``scenario`` is one of ``services.rehearsal.rates``. The same arguments give the same bits.
    """
    with TemporaryDirectory() as folder:
        files = write_demo(
            Path(folder), seed=seed, council_rows=rows, icb_rows=OTHERS_PER_ROW * rows, scenario=scenario
        )
        paths = (files.council, files.icb)
        columns = [load_columns(path) for path in (files.council_columns, files.icb_columns)]
        have = {name: identifiers_of(one) for name, one in zip(HOLDERS, columns, strict=True)}
        terms = default_terms(have, minimum_rows=1)
        made: list[Normalised] = []
        for holder, path, all_columns in zip(terms.holders, paths, columns, strict=True):
            chosen = restrict(all_columns, holder, path)
            made.append(normalise(read_rows(path, chosen), chosen, rules=terms.normalisation, today=REFERENCE_DAY))
        place = [{row_id: row for row, row_id in enumerate(one.ids.to_pylist())} for one in made]
        truth = np.array([(place[0][a] << 32) | place[1][b] for a, b in read_truth(files.truth)], np.int64)
    secret = Secret(bytes(32), agreement="0" * 64)
    encodings = []
    for name, one in zip(HOLDERS, made, strict=True):
        each = encoders(terms.keys_of(name), terms=terms, secret=secret)
        encodings.append({encoder.key.name: _encode(encoder, one.identifiers) for encoder in each})
    identifiers = [one.identifiers for one in made]
    return Simulation(terms, (identifiers[0].rows, identifiers[1].rows), identifiers, encodings, np.sort(truth))


def _encode(encoder: MatchKeyEncoder, identifiers: Identifiers) -> Encodings:
    encoded = encoder.encode(identifiers)
    return Encodings.from_bytes(encoded.bits, encoded.present)


def join(pairs: Pairs) -> Joined:
    return (pairs.left.astype(np.int64) << 32) | pairs.right


def ends(joined: Joined) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the first holder and of the second."""
    return joined >> 32, joined & 0xFFFFFFFF


def union(parts: Sequence[Joined]) -> Joined:
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
