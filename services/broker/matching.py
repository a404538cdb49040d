"""A run's inputs through the matcher: which comparisons, in which pieces, and what they come to.

Between steps pairs lie in the storage, sealed under a key derived from the agreement's receiving key, so that
destroying that key destroys them too.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from keys.terms import Terms
from matcher import candidates, link_ids
from matcher.encodings import Encodings
from matcher.estimate import noise_floor
from matcher.evidence import KeyEvidence, score
from matcher.exact import find_exact
from matcher.pairs import Pairs
from matcher.solve import PairSet, solve
from services.broker.inputs import Inputs
from services.broker.office import Office
from services.broker.outcome import describe
from services.broker.runs import comparisons, exact_keys, fuzzy_keys
from services.broker.suppression import suppress

PAIRS_PER_TASK = 4_000_000_000
"""A task is a few seconds of work on one core, so that little is lost when one is cut off."""


@dataclass(frozen=True)
class Task:
    """Compare rows ``start`` to ``stop`` of holder ``first`` with all of ``second`` under one match-key."""

    number: int
    first: int
    second: int
    key: str
    start: int
    stop: int
    compared_after: int

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        return cls(**document)


def plan(inputs: Inputs) -> Sequence[Task]:
    """Every comparison of the run, cut into tasks; the same inputs give the same plan."""
    tasks: list[Task] = []
    compared = 0
    for first, second in comparisons(inputs.agreement):
        rows, others = inputs.rows[first], inputs.rows[second]
        for key in fuzzy_keys(inputs.agreement, first, second):
            for piece in candidates.chunks(rows, others, PAIRS_PER_TASK):
                compared += len(piece) * others
                tasks.append(Task(len(tasks), first, second, key.name, piece.start, piece.stop, compared))
    return tasks


def find(office: Office, run: str, inputs: Inputs, task: Task) -> None:
    """Do one task and store its pairs."""
    terms = inputs.agreement.terms
    pairs = candidates.find_pairs(
        inputs.encodings[task.first][task.key],
        inputs.encodings[task.second][task.key],
        measure=_measure(terms),
        floor=_floor(terms, inputs.rows[task.first], inputs.rows[task.second]),
        budget=office.settings.memory_mb << 20,
        threads=office.settings.threads or os.cpu_count() or 1,
        rows=range(task.start, task.stop),
    )
    office.storage.put_sealed(
        _pairs_name(run, task.number),
        _pack(left=pairs.left, right=pairs.right),
        key=_storage_key(office, inputs),
        random=office.random,
    )


def decide(office: Office, run: str, inputs: Inputs) -> dict[str, Any]:
    """Weigh all pairs, choose the links, give every row its link id, and say what may be said."""
    agreement, terms = inputs.agreement, inputs.agreement.terms
    key = _storage_key(office, inputs)
    exact = {pair: _exact_pairs(inputs, *pair) for pair in comparisons(agreement)}
    found = {pair: [_joined(one.left, one.right) for one in by_key.values()] for pair, by_key in exact.items()}
    for task in plan(inputs):
        arrays = _unpack(office.storage.get_sealed(_pairs_name(run, task.number), key=key))
        found[task.first, task.second].append(_joined(arrays["left"], arrays["right"]))
    scored = [
        _weigh(inputs, *pair, np.unique(np.concatenate([np.empty(0, np.int64), *parts])))
        for pair, parts in found.items()
    ]
    links = solve(scored, _weight(terms.decision.match))
    ids = link_ids.assign(links, rows=inputs.rows, token_bytes=office.random)
    office.storage.put_sealed(
        link_ids_name(run),
        _pack(**{f"holder{number}": of_holder for number, of_holder in enumerate(ids)}),
        key=key,
        random=office.random,
    )
    return describe(
        terms,
        rows=[_linkable(of_holder.values()) for of_holder in inputs.encodings],
        links=links,
        possible=solve(scored, _weight(terms.decision.possible)),
        common=_common(exact.values(), terms),
    )


def stored_link_ids(office: Office, run: str, agreement: str, holders: int) -> list[NDArray[np.uint8]]:
    """What ``decide`` assigned: uint8 (rows, 16) per holder."""
    key = office.receiving_key(agreement).storage_key("runs")
    arrays = _unpack(office.storage.get_sealed(link_ids_name(run), key=key))
    return [arrays[f"holder{number}"] for number in range(holders)]


def link_ids_name(run: str) -> str:
    return f"runs/{run}/link-ids"


def _weigh(inputs: Inputs, first: int, second: int, joined: NDArray[np.int64]) -> PairSet:
    terms, agreement = inputs.agreement.terms, inputs.agreement
    left, right = joined >> 32, joined & 0xFFFFFFFF
    fuzzy, exact = fuzzy_keys(agreement, first, second), exact_keys(agreement, first, second)
    a, b = inputs.encodings[first], inputs.encodings[second]
    similarity = np.empty((len(joined), len(fuzzy)), dtype=np.float32)
    for column, fuzzy_key in enumerate(fuzzy):
        similarity[:, column] = candidates.similarities(
            a[fuzzy_key.name], b[fuzzy_key.name], left, right, measure=_measure(terms)
        )
    agreed = np.zeros((len(joined), len(exact)), dtype=np.int8)
    for column, name in enumerate(exact):
        agreed[:, column] = _agreement(a[name], b[name], left, right)
    hardening = terms.encoding.hardening
    keys = [
        KeyEvidence(
            name=one.name,
            kind="fuzzy",
            measure=_measure(terms),
            length=hardening.length if hardening else terms.encoding.length,
            t=hardening.t if hardening else None,
            features=tuple((feature.field.value, feature.bits) for feature in one.features),
            base_length=terms.encoding.length,
        )
        for one in fuzzy
    ] + [KeyEvidence(name=name, kind="exact") for name in exact]
    rows = (inputs.rows[first], inputs.rows[second])
    result = score(
        keys=keys,
        similarity=similarity,
        agreement=agreed,
        left=left,
        right=right,
        rows=rows,
        floors=[_floor(terms, *rows)] * len(fuzzy),
        threshold=terms.decision.match,
    )
    weight = result.weight
    if terms.decision.contradicting_exact_keys == "refuse":
        weight = np.where((agreed < 0).any(axis=1) & ~(agreed > 0).any(axis=1), -np.inf, weight)
    return PairSet(first, second, left, right, weight)


def _weight(probability: float) -> float:
    """Log2 odds, which order pairs where probabilities can no longer be told apart."""
    return math.log2(probability / (1 - probability))


def _exact_pairs(inputs: Inputs, first: int, second: int) -> dict[str, Pairs]:
    """By exact match-key."""
    a, b = inputs.encodings[first], inputs.encodings[second]
    return {name: find_exact(a[name], b[name]) for name in exact_keys(inputs.agreement, first, second)}


def _common(exact: Iterable[Mapping[str, Pairs]], terms: Terms) -> set[str]:
    """Exact match-keys of which common values were left out, if enough rows of both holders have such a value.

    With fewer, that they were left out could tell a holder which repeats one value that somebody else has it.
    """
    return {
        name
        for by_key in exact
        for name, pairs in by_key.items()
        if suppress(min(pairs.rows_left_out), terms.suppression) is not None
    }


def _linkable(encodings: Iterable[Encodings]) -> int:
    """Rows with an encoding under any match-key."""
    return int(np.logical_or.reduce([one.present for one in encodings]).sum())


def _agreement(a: Encodings, b: Encodings, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int8]:
    """1 where both tokens are there and equal, -1 where both are there and differ, else 0."""
    both = a.present[left] & b.present[right]
    equal = (a.bits[left] == b.bits[right]).all(axis=1)
    return np.where(both, np.where(equal, 1, -1), 0).astype(np.int8)


def _measure(terms: Terms) -> Any:
    return "hamming" if terms.encoding.hardening else "dice"


def _floor(terms: Terms, rows: int, others: int) -> float:
    """Hardened: so high that chance alone brings few pairs per row. Plain: as agreed."""
    hardening = terms.encoding.hardening
    if hardening is None:
        return terms.decision.plain_floor
    expected = terms.decision.chance_pairs_per_row * max(1, min(rows, others))
    return noise_floor(max(1, rows), max(1, others), hardening.length, expected)


def _joined(left: NDArray[Any], right: NDArray[Any]) -> NDArray[np.int64]:
    return (left.astype(np.int64) << 32) | right.astype(np.int64)


def _storage_key(office: Office, inputs: Inputs) -> bytes:
    return office.receiving_key(inputs.agreement.id).storage_key("runs")


def _pairs_name(run: str, number: int) -> str:
    return f"runs/{run}/pairs-{number:06d}"


def _pack(**arrays: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def _unpack(data: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(data), allow_pickle=False) as archive:
        return dict(archive)
