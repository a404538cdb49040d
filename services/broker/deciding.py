"""After all comparisons of a run: every pair weighed, the links chosen, a link id for every row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.terms import FuzzyKey, Terms
from matcher import candidates, link_ids
from matcher.encodings import Encodings
from matcher.evidence import KeyEvidence, score
from matcher.exact import find_exact
from matcher.pairs import Pairs
from matcher.solve import PairSet, solve
from services.broker.inputs import Inputs
from services.broker.matching import BYTES_PER_CANDIDATE, capacity, floor_of, measure_of
from services.broker.office import Office
from services.broker.outcome import describe
from services.broker.plan import Task
from services.broker.runs import comparisons, exact_keys, fuzzy_keys
from services.broker.spill import Spill, link_ids_name
from services.broker.suppression import suppress

BINS = 4096
"""Of similarities, when a floor has to be raised."""

_Found = Mapping[int, int]
"""How many pairs each task found, by its number."""


def decide(inputs: Inputs, found: _Found) -> dict[str, Any]:
    """Weigh all pairs, choose the links, give every row its link id, and say what may be said.

    Link ids that are there already stay: this may have been done before, by this process or another.
    """
    agreement, terms = inputs.agreement, inputs.agreement.terms
    spill = Spill(inputs.office, inputs.run, agreement.id)
    scored, common = [], set()
    for first, second in comparisons(agreement):
        exact = _exact_pairs(inputs, first, second)
        raised = _raised(inputs, spill, found, first, second)
        common |= _common(exact, terms) | set(raised)
        joined = [_joined(one) for one in exact.values()]
        for task in _tasks(inputs, first, second):
            joined += [
                _joined(_above(pairs, raised.get(task.key))) for pairs in spill.read(task.number, found[task.number])
            ]
        candidates_ = np.unique(np.concatenate([np.empty(0, np.int64), *joined]))
        scored.append(_weigh(inputs, first, second, candidates_, raised))
    links = solve(scored, _weight(terms.decision.match))
    if not inputs.office.storage.has(link_ids_name(inputs.run)):
        ids = link_ids.assign(links, rows=inputs.rows, token_bytes=inputs.office.random)
        spill.put(link_ids_name(inputs.run), **{f"holder{number}": one for number, one in enumerate(ids)})
    return describe(
        terms,
        rows=[_linkable(inputs, holder) for holder in range(len(inputs.rows))],
        links=links,
        possible=solve(scored, _weight(terms.decision.possible)),
        common=common,
    )


def forget_pairs(inputs: Inputs, found: _Found) -> None:
    """Remove the pairs of all tasks: once the links are decided nobody needs them."""
    spill = Spill(inputs.office, inputs.run, inputs.agreement.id)
    for task, pairs in found.items():
        spill.forget(task, pairs)


def stored_link_ids(office: Office, run: str, agreement: str, holders: int) -> list[NDArray[np.uint8]]:
    """What ``decide`` assigned: uint8 (rows, 16) per holder."""
    arrays = Spill(office, run, agreement).get(link_ids_name(run))
    return [arrays[f"holder{number}"] for number in range(holders)]


def _tasks(inputs: Inputs, first: int, second: int) -> list[Task]:
    return [task for task in inputs.plan() if (task.first, task.second) == (first, second)]


def _raised(inputs: Inputs, spill: Spill, found: _Found, first: int, second: int) -> dict[str, float]:
    """Higher floors by match-key, if more pairs were found than can be weighed in memory; else none.

    The survey before the run refuses what will not fit. If it was mistaken, the weakest pairs are left out.
    """
    tasks = _tasks(inputs, first, second)
    most = capacity(inputs.office.settings.memory_mb)
    if sum(found[task.number] for task in tasks) <= 1.25 * most:
        return {}
    floor = floor_of(inputs.agreement.terms, inputs.rows[first], inputs.rows[second])
    keys = [key.name for key in fuzzy_keys(inputs.agreement, first, second)]
    raised = {}
    for key in keys:
        of_key = [task for task in tasks if task.key == key]
        pairs = (one for task in of_key for one in spill.read(task.number, found[task.number]))
        higher = _fitting(pairs, floor, most // len(keys))
        if higher > floor:
            raised[key] = higher
    return raised


def _fitting(pairs: Iterator[Pairs], floor: float, most: int) -> float:
    """The lowest floor that at most ``most`` of the pairs, which are all at or above ``floor``, reach."""
    counts = np.zeros(BINS + 1, np.int64)
    for part in pairs:
        place = (part.similarity.astype(np.float64) - floor) / max(1e-9, 1 - floor) * BINS
        counts += np.bincount(np.clip(place, 0, BINS).astype(np.int64), minlength=BINS + 1)
    above = np.cumsum(counts[::-1])[::-1]
    first = int(np.argmax(above <= most)) if (above <= most).any() else BINS + 1
    return floor + first / BINS * (1 - floor) if first else floor


def _above(pairs: Pairs, floor: float | None) -> Pairs:
    if floor is None:
        return pairs
    kept = pairs.similarity >= floor
    return Pairs(pairs.left[kept], pairs.right[kept], pairs.similarity[kept])


def _weigh(inputs: Inputs, first: int, second: int, joined: NDArray[np.int64], raised: Mapping[str, float]) -> PairSet:
    terms, agreement = inputs.agreement.terms, inputs.agreement
    left, right = joined >> 32, joined & 0xFFFFFFFF
    fuzzy, exact = fuzzy_keys(agreement, first, second), exact_keys(agreement, first, second)
    similarity = np.empty((len(joined), len(fuzzy)), dtype=np.float32)
    for column, key in enumerate(fuzzy):
        a, b = inputs.encodings(first, key.name), inputs.encodings(second, key.name)
        similarity[:, column] = candidates.similarities(a, b, left, right, measure=measure_of(terms))
    agreed = np.zeros((len(joined), len(exact)), dtype=np.int8)
    for column, name in enumerate(exact):
        agreed[:, column] = _agreement(inputs.encodings(first, name), inputs.encodings(second, name), left, right)
    rows = (inputs.rows[first], inputs.rows[second])
    inputs.shelf.make_room(len(joined) * BYTES_PER_CANDIDATE)
    result = score(
        keys=[*(_evidence(terms, key) for key in fuzzy), *(KeyEvidence(name=name, kind="exact") for name in exact)],
        similarity=similarity,
        agreement=agreed,
        left=left,
        right=right,
        rows=rows,
        floors=[raised.get(key.name, floor_of(terms, *rows)) for key in fuzzy],
        threshold=terms.decision.match,
    )
    weight = result.weight
    if terms.decision.contradicting_exact_keys == "refuse":
        weight = np.where((agreed < 0).any(axis=1) & ~(agreed > 0).any(axis=1), -np.inf, weight)
    kept = weight >= _weight(terms.decision.possible)
    return PairSet(first, second, left[kept], right[kept], weight[kept])


def _evidence(terms: Terms, key: FuzzyKey) -> KeyEvidence:
    hardening = terms.encoding.hardening
    return KeyEvidence(
        name=key.name,
        kind="fuzzy",
        measure=measure_of(terms),
        length=hardening.length if hardening else terms.encoding.length,
        t=hardening.t if hardening else None,
        features=tuple((feature.field.value, feature.bits) for feature in key.features),
        base_length=terms.encoding.length,
    )


def _weight(probability: float) -> float:
    """Log2 odds, which order pairs where probabilities can no longer be told apart."""
    return math.log2(probability / (1 - probability))


def _exact_pairs(inputs: Inputs, first: int, second: int) -> dict[str, Pairs]:
    """By exact match-key."""
    budget = inputs.office.settings.memory_mb << 20
    return {
        name: find_exact(inputs.encodings(first, name), inputs.encodings(second, name), budget=budget)
        for name in exact_keys(inputs.agreement, first, second)
    }


def _common(exact: Mapping[str, Pairs], terms: Terms) -> set[str]:
    """Exact match-keys of which common values were left out, if enough rows of both holders have such a value.

    With fewer, that they were left out could tell a holder which repeats one value that somebody else has it.
    """
    return {name for name, pairs in exact.items() if suppress(min(pairs.rows_left_out), terms.suppression) is not None}


def _linkable(inputs: Inputs, holder: int) -> int:
    """Rows with an encoding under any match-key."""
    flags = inputs.read(holder, [f"present/{name}" for name in inputs.names(holder)])
    return int(np.logical_or.reduce([flag == 1 for flag in flags.values()]).sum())


def _agreement(a: Encodings, b: Encodings, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int8]:
    """1 where both tokens are there and equal, -1 where both are there and differ, else 0."""
    both = a.present[left] & b.present[right]
    equal = (a.bits[left] == b.bits[right]).all(axis=1)
    return np.where(both, np.where(equal, 1, -1), 0).astype(np.int8)


def _joined(pairs: Pairs) -> NDArray[np.int64]:
    return (pairs.left.astype(np.int64) << 32) | pairs.right.astype(np.int64)
