"""After all comparisons of a run: every pair weighed, the links chosen, a link id for every row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.link_tree import SEED_BYTES
from keys.suppression import suppress
from keys.terms import Terms
from matcher import link_ids
from matcher.exact import find_exact, token_codes
from matcher.pairs import Pairs
from matcher.solve import Links, PairSet, solve
from services.broker.match.decided import Decided, Evidence
from services.broker.match.inputs import Inputs
from services.broker.match.matching import capacity, floor_of
from services.broker.match.spill import Spill, link_ids_name
from services.broker.match.weighing import Weighed, weigh, weight_of
from services.broker.office import Office
from services.broker.outcome.quality import estimable
from services.broker.runs.plan import Task
from services.broker.runs.rules import comparisons, exact_keys, fuzzy_keys

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
    several = terms.decision.rows_of_one_holder == "any number"
    # Where rows are linked by averages the weak pairs count too.
    least = -math.inf if several else weight_of(terms.decision.possible)
    weighed: list[Weighed] = []
    common: set[str] = set()
    for first, second in comparisons(agreement):
        exact = _exact_pairs(inputs, first, second)
        raised = _raised(inputs, spill, found, first, second)
        common |= _common(exact, terms) | set(raised)
        joined = [_joined(one) for one in exact.values()]
        for task in _tasks(inputs, first, second):
            of_task = spill.read(task.number, found[task.number])
            joined.extend(_joined(_above(pairs, raised.get(task.key))) for pairs in of_task)
        every = np.unique(np.concatenate([np.empty(0, np.int64), *joined]))
        weighed.append(weigh(inputs, first, second, every, raised, least=least))
    scored = [one.pairs for one in weighed]
    codes = _codes(inputs)
    links = _links(terms, scored, codes, terms.decision.match)
    if not inputs.office.storage.has(link_ids_name(inputs.run)):
        ids = link_ids.assign(links, rows=inputs.rows, token_bytes=inputs.office.random)
        seed = np.frombuffer(inputs.office.random(SEED_BYTES), np.uint8)
        spill.put(link_ids_name(inputs.run), seed=seed, **{f"holder{number}": one for number, one in enumerate(ids)})
    decided = Decided(
        present=[_present(inputs, holder) for holder in range(len(inputs.rows))],
        links=links,
        possible=_links(terms, scored, codes, terms.decision.possible),
        alike=_alike(terms, scored, codes),
        common=frozenset(common),
        evidence=_evidence(terms, weighed, links),
    )
    if terms.control.rows:
        decided.keep(spill, inputs.run)
    return decided.describe(terms)


def _evidence(terms: Terms, weighed: list[Weighed], links: Links) -> Evidence | None:
    """What the model expects of the links; nothing where its expectations are not of these links."""
    if not estimable(terms):
        return None
    (between,) = [one for one in weighed if one.pairs.holder_a != one.pairs.holder_b]
    left, right = links.between(0, 1)
    weight, probability = between.of(left, right)
    return Evidence(left, right, weight, probability, between.matches)


def stored_link_ids(office: Office, run: str, agreement: str, holders: int) -> list[NDArray[np.uint8]]:
    """What ``decide`` assigned: uint8 (rows, 16) per holder."""
    arrays = Spill(office, run, agreement).get(link_ids_name(run))
    return [arrays[f"holder{number}"] for number in range(holders)]


def stored_seed(office: Office, run: str, agreement: str) -> bytes:
    """What the tree over these link ids is made from."""
    return Spill(office, run, agreement).get(link_ids_name(run))["seed"].tobytes()


def _links(terms: Terms, scored: list[PairSet], codes: list[NDArray[np.int64]], probability: float) -> Links:
    """Rows of one holder are linked with each other only if the agreement says so."""
    linking = terms.decision.duplicates == "link"
    return solve(
        [pairs for pairs in scored if linking or pairs.holder_a != pairs.holder_b],
        weight_of(probability),
        rows_of_one_holder=terms.decision.rows_of_one_holder,
        codes=codes,
    )


def _alike(terms: Terms, scored: list[PairSet], codes: list[NDArray[np.int64]]) -> list[Links] | None:
    """Which rows of each holder look like another row of it, where the agreement wants that reported."""
    if terms.decision.duplicates != "report":
        return None
    found = []
    for holder in range(len(terms.holders)):
        own = [pairs for pairs in scored if pairs.holder_a == pairs.holder_b == holder]
        found.append(solve(own, weight_of(terms.decision.match), rows_of_one_holder="any number", codes=codes))
    return found


def _codes(inputs: Inputs) -> list[NDArray[np.int64]]:
    """By which rows contradict each other: none if the agreement allows contradictions."""
    if inputs.agreement.terms.decision.contradicting_exact_keys == "allow":
        return []
    names = inputs.agreement.terms.numbers
    holders = [
        {name: inputs.encodings(holder, name) for name in inputs.names(holder) if name in names}
        for holder in range(len(inputs.rows))
    ]
    return token_codes(holders, names, inputs.rows)


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
    return pairs if floor is None else pairs.take(pairs.similarity >= floor)


def _exact_pairs(inputs: Inputs, first: int, second: int) -> dict[str, Pairs]:
    """By exact match-key; of one holder's rows, each two once."""
    budget = inputs.office.settings.memory_mb << 20
    pairs = {
        name: find_exact(inputs.encodings(first, name), inputs.encodings(second, name), budget=budget)
        for name in exact_keys(inputs.agreement, first, second)
    }
    return {name: one.take(one.left < one.right) if first == second else one for name, one in pairs.items()}


def _common(exact: Mapping[str, Pairs], terms: Terms) -> set[str]:
    """Exact match-keys of which common values were left out, if enough rows of both holders have such a value.

    With fewer, that they were left out could tell a holder which repeats one value that somebody else has it.
    """
    return {name for name, pairs in exact.items() if suppress(min(pairs.rows_left_out), terms.suppression) is not None}


def _present(inputs: Inputs, holder: int) -> NDArray[np.bool_]:
    """Which match-keys each row has an encoding under: bool (rows, match-keys of the holder)."""
    flags = inputs.read(holder, [f"present/{name}" for name in inputs.names(holder)])
    return np.stack([flag == 1 for flag in flags.values()], axis=1)


def _joined(pairs: Pairs) -> NDArray[np.int64]:
    return (pairs.left.astype(np.int64) << 32) | pairs.right.astype(np.int64)
