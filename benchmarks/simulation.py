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
from keys.terms import ExactKey, FuzzyKey, Terms
from matcher.candidates import find_pairs, similarities
from matcher.encodings import Encodings
from matcher.evidence import ScoredPairs, score
from matcher.exact import compare, find_exact, token_codes
from matcher.pairs import Pairs
from matcher.presence import Presence
from matcher.solve import PairSet, solve
from services.broker.match.matching import floor_of, measure_of
from services.broker.match.weighing import evidence_of, weight_of
from services.rehearsal.accuracy import read_truth
from services.rehearsal.demo_files import REFERENCE_DAY, DemoFiles, write_demo

Joined = NDArray[np.int64]
"""Pairs as single numbers: the row of the first holder times 2^32, plus that of the second; sorted, none twice."""

HOLDERS = ("council", "icb")
OTHERS_PER_ROW = 3
"""Rows of the second holder per row of the first, as in the demo: 45 % of the first holder's children are in both."""


Rows = NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Sides:
    """Two holders' rows in plain text, their default agreement, the true links, and the holders' names in it."""

    terms: Terms
    identifiers: tuple[Identifiers, Identifiers]
    truth: Joined
    names: tuple[str, str] = HOLDERS

    @property
    def rows(self) -> tuple[int, int]:
        return self.identifiers[0].rows, self.identifiers[1].rows


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
    def fuzzy_names(self) -> list[str]:
        return [key.name for key in self.fuzzy]

    @property
    def exact_keys(self) -> list[str]:
        """The exact match-keys that both holders have."""
        return [
            key.name
            for key in self.terms.match_keys
            if isinstance(key, ExactKey) and all(key.name in one for one in self.encodings)
        ]

    @property
    def length(self) -> int:
        """Bits of a fuzzy match-key's encoding."""
        return self.encodings[0][self.fuzzy[0].name].length

    @cached_property
    def floor(self) -> float:
        return self.floor_of(*self.rows)

    def floor_of(self, rows: int, others: int) -> float:
        """The broker's floor for holders of these sizes."""
        return floor_of(self.terms, rows, others)

    def similarity(self, joined: Joined) -> NDArray[np.float32]:
        """float32 (pairs, fuzzy match-keys), NaN where a row has no encoding."""
        left, right = ends(joined)
        return np.stack(
            [similarities(*self.sides(key.name), left, right, measure_of(self.terms)) for key in self.fuzzy], axis=1
        )

    def sides(self, key: str) -> tuple[Encodings, Encodings]:
        return self.encodings[0][key], self.encodings[1][key]

    @cached_property
    def exact(self) -> Pairs:
        """Pairs with the same NHS number, the one exact match-key that both made-up holders have."""
        return find_exact(*self.sides("nhs-number"))

    def listed(self) -> list[Joined]:
        """What the exhaustive comparison lists at the floor, by fuzzy match-key."""
        measure = measure_of(self.terms)
        return [join(find_pairs(*self.sides(key.name), measure=measure, floor=self.floor)) for key in self.fuzzy]

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
        first, second = self.solved(self.scored(joined), weight_of(self.terms.decision.match))
        return np.sort((first << 32) | second)

    def solved(self, scored: ScoredPairs, threshold: float) -> tuple[Rows, Rows]:
        """Links of at least this weight: the rows of the first holder and, beside them, of the second."""
        pairs = PairSet(0, 1, scored.left, scored.right, scored.weight)
        codes = token_codes(self.encodings, self.terms.numbers, self.rows)
        return solve([pairs], threshold, codes=codes).between(0, 1)

    def scored(self, joined: Joined) -> ScoredPairs:
        """Every pair weighed, as the broker does."""
        left, right = ends(joined)
        agreed = np.zeros((len(joined), len(self.exact_keys)), np.int8)
        for column, key in enumerate(self.exact_keys):
            agreed[:, column] = compare(*self.sides(key), left, right)
        return score(
            keys=evidence_of(self.terms, self.fuzzy, self.exact_keys),
            similarity=self.similarity(joined),
            agreement=agreed,
            left=left,
            right=right,
            rows=self.rows,
            presence=presence_of(self.encodings[0], self.encodings[1], [*self.fuzzy_names, *self.exact_keys]),
            floors=[self.floor] * len(self.fuzzy),
            threshold=self.terms.decision.match,
            twin_caution=self.terms.decision.twin_caution,
        )


def simulate(rows: int, *, scenario: str, seed: int = 3) -> Simulation:
    """``rows`` children of a council and ``OTHERS_PER_ROW`` times as many of a care board, in the default agreement.

    ``scenario`` is one of ``services.rehearsal.rates``. The same arguments give the same bits.
    """
    with TemporaryDirectory() as folder:
        files = write_demo(
            Path(folder), seed=seed, council_rows=rows, icb_rows=OTHERS_PER_ROW * rows, scenario=scenario
        )
        return encode(read_sides(files))


def read_sides(files: DemoFiles) -> Sides:
    """Read and normalise two files by the default agreement of what their columns files name."""
    terms, made = read_holders(HOLDERS, (files.council, files.icb), (files.council_columns, files.icb_columns))
    place = [{row_id: row for row, row_id in enumerate(one.ids.to_pylist())} for one in made]
    truth = np.array([(place[0][a] << 32) | place[1][b] for a, b in read_truth(files.truth)], np.int64)
    return Sides(terms, (made[0].identifiers, made[1].identifiers), np.sort(truth))


def read_holders(
    names: Sequence[str], paths: Sequence[Path], columns_files: Sequence[Path]
) -> tuple[Terms, list[Normalised]]:
    """Read and normalise holders' files by the default agreement of what their columns files name."""
    columns = [load_columns(path) for path in columns_files]
    have = {name: identifiers_of(one) for name, one in zip(names, columns, strict=True)}
    terms = default_terms(have, minimum_rows=1)
    made: list[Normalised] = []
    for holder, path, all_columns in zip(terms.holders, paths, columns, strict=True):
        chosen = restrict(all_columns, holder, path)
        made.append(normalise(read_rows(path, chosen), chosen, rules=terms.normalisation, today=REFERENCE_DAY))
    return terms, made


def encode(sides: Sides, terms: Terms | None = None) -> Simulation:
    """The broker's view of them, under these terms in place of the default ones."""
    terms = terms or sides.terms
    encodings = [encode_holder(one, name, terms) for name, one in zip(sides.names, sides.identifiers, strict=True)]
    return Simulation(terms, sides.rows, sides.identifiers, encodings, sides.truth)


def encode_holder(identifiers: Identifiers, name: str, terms: Terms) -> dict[str, Encodings]:
    """What one holder hands in, by match-key; the secret is always the same."""
    each = encoders(terms.keys_of(name), terms=terms, secret=Secret(bytes(32), agreement="0" * 64))
    return {encoder.key.name: _encode(encoder, identifiers) for encoder in each}


def _encode(encoder: MatchKeyEncoder, identifiers: Identifiers) -> Encodings:
    encoded = encoder.encode(identifiers)
    return Encodings.from_bytes(encoded.bits, encoded.present)


def presence_of(a: Mapping[str, Encodings], b: Mapping[str, Encodings], keys: Sequence[str]) -> Presence:
    """Which of these match-keys the rows of two holders have, from their encodings by match-key."""

    def flags(side: Mapping[str, Encodings]) -> NDArray[np.bool_]:
        rows = next(iter(side.values())).rows
        return np.array([side[name].present for name in keys], np.bool_).reshape(len(keys), rows).T

    return Presence.of(flags(a), flags(b))


def join(pairs: Pairs | ScoredPairs) -> Joined:
    return (pairs.left.astype(np.int64) << 32) | pairs.right


def ends(joined: Joined) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows of the first holder and of the second."""
    return joined >> 32, joined & 0xFFFFFFFF


def union(parts: Sequence[Joined]) -> Joined:
    return np.unique(np.concatenate([np.empty(0, np.int64), *parts]))
