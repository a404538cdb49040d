"""Made-up children at two or three holders, some on file twice, as the matcher sees them, with the truth beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from benchmarks.simulation import presence_of
from encoder.columns import load_columns
from encoder.identifiers import Identifiers
from encoder.match_keys import encoders
from encoder.normalise import normalise
from encoder.read import read_rows
from keys.secret import Secret
from keys.template import default_rules, default_terms
from keys.terms import FuzzyKey, Identifier, Terms
from matcher.candidates import find_pairs, similarities
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from matcher.evidence import ScoredPairs, score
from matcher.exact import compare, find_exact
from services.broker.match.weighing import evidence_of
from services.rehearsal.children import make_children
from services.rehearsal.demo_files import CHILDREN_PER_ROW, REFERENCE_DAY, write_columns, write_extract
from services.rehearsal.extracts import Extract, draw_extract
from services.rehearsal.holder_specs import COUNCIL, ICB, SOCIAL_CARE, HolderSpec

Ints = NDArray[np.int64]

HOLDERS = (COUNCIL, ICB, SOCIAL_CARE)


@dataclass(frozen=True, repr=False)
class Cohort:
    """``child`` and ``encodings``: per holder, the true child of each row, and the encodings by match-key.

    ``scored``: by two holders, or by one holder twice, its rows with each other (both ways round).
    """

    child: Sequence[Ints]
    encodings: Sequence[dict[str, Encodings]]
    scored: dict[tuple[int, int], ScoredPairs]
    numbers: Sequence[str]


def cohort(
    rows: Sequence[int], *, seed: int, scenario: str = "low", twice: float = 0.0, numbers: bool = True
) -> Cohort:
    """So many rows at each holder, of which a share ``twice`` is of a child that is on file already.

    ``numbers``: whether the holders use NHS numbers and UPNs. A second row of a child was written down on its own,
    with its own mistakes.
    """
    rng = np.random.default_rng(seed)
    population = make_children(int(CHILDREN_PER_ROW * sum(rows[:2])) + 100, today=REFERENCE_DAY, rng=rng)
    extracts = []
    for holder, count in zip(HOLDERS, rows, strict=False):
        again = round(twice * count)
        first, second = (
            draw_extract(population, holder=holder, rows=count - again, scenario=scenario, rng=rng) for _ in range(2)
        )
        known = np.flatnonzero(np.isin(second.child, first.child))[:again]
        extracts.append((holder, first, second, known))
    have = [one for one in Identifier if numbers or one not in (Identifier.NHS_NUMBER, Identifier.UPN)]
    terms = default_terms(
        {holder.name: [one for one in have if one in holder.columns] for holder in HOLDERS[: len(rows)]}
    )
    secret = Secret(bytes(32), agreement="0" * 64)
    child, encodings = [], []
    for holder, first, second, known in extracts:
        child.append(np.concatenate([first.child, second.child[known]]))
        encodings.append(_encode(_identifiers(holder, first, second, known), holder.name, terms, secret))
    scored = {
        (a, b): _score(encodings[a], encodings[b], terms, itself=a == b)
        for a, b in [*combinations(range(len(rows)), 2), *((a, a) for a in range(len(rows)))]
    }
    return Cohort(child, encodings, scored, terms.numbers)


def _identifiers(holder: HolderSpec, first: Extract, second: Extract, known: Ints) -> Identifiers:
    table = pa.concat_tables([first.table, second.table.take(pa.array(known))])
    ids = pa.array([f"{holder.row_id}{number}" for number in range(len(table))])
    table = table.set_column(table.schema.get_field_index(holder.columns["id"]), holder.columns["id"], ids)
    nobody = np.empty(0, np.int64)
    whole = Extract(holder, table, row_ids=np.empty(0, np.str_), child=nobody, address=nobody, faults={})
    with TemporaryDirectory() as folder:
        path = write_extract(whole, Path(folder) / "rows.csv")
        columns = load_columns(write_columns(holder.columns, Path(folder) / "columns.toml"))
        return normalise(read_rows(path, columns), columns, rules=default_rules(), today=REFERENCE_DAY).identifiers


def _encode(identifiers: Identifiers, holder: str, terms: Terms, secret: Secret) -> dict[str, Encodings]:
    made = {}
    for encoder in encoders(terms.keys_of(holder), terms=terms, secret=secret):
        encoded = encoder.encode(identifiers)
        made[encoder.key.name] = Encodings.from_bytes(encoded.bits, encoded.present)
    return made


def _score(a: dict[str, Encodings], b: dict[str, Encodings], terms: Terms, *, itself: bool) -> ScoredPairs:
    hardening = terms.encoding.hardening
    assert hardening is not None
    keys = [key for key in terms.match_keys if key.name in a and key.name in b]
    fuzzy = [key for key in keys if isinstance(key, FuzzyKey)]
    exact = [key.name for key in keys if not isinstance(key, FuzzyKey)]
    rows = (a[fuzzy[0].name].rows, b[fuzzy[0].name].rows)
    floor = noise_floor(*rows, hardening.length, terms.decision.chance_pairs_per_row * min(rows))
    found = [find_pairs(a[key.name], b[key.name], measure="hamming", floor=floor, threads=2) for key in fuzzy]
    found += [find_exact(a[name], b[name]) for name in exact]
    joined = np.unique(np.concatenate([(one.left.astype(np.int64) << 32) | one.right for one in found]))
    left, right = joined >> 32, joined & 0xFFFFFFFF
    if itself:
        left, right = left[left != right], right[left != right]
    similarity = np.stack(
        [similarities(a[key.name], b[key.name], left, right, measure="hamming") for key in fuzzy], axis=1
    )
    agreement = np.zeros((len(left), len(exact)), np.int8)
    for column, name in enumerate(exact):
        agreement[:, column] = compare(a[name], b[name], left, right)
    return score(
        keys=evidence_of(terms, fuzzy, exact),
        similarity=similarity,
        agreement=agreement,
        left=left,
        right=right,
        rows=rows,
        presence=presence_of(a, b, [*(key.name for key in fuzzy), *exact]),
        floors=[floor] * len(fuzzy),
        threshold=terms.decision.match,
        twin_caution=terms.decision.twin_caution,
    )
