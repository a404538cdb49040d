"""What may be said of how good the links of a run are, where the truth is not known: a histogram of the links, and
how many false and missed ones the model expects. Every number obeys ``keys.suppression``; all that a report adds
follows from them.

1. Only where two holders link at most one row each: the model's expectations are of such links.
2. Nothing is said where the number of links is not.
3. The bands of the histogram are parts of the links that the status shows; the highest is left out (``shown_parts``).
4. False links are not said to be few or many of any rows. Missed ones are not said where they may be many of the rows
   that a holder has left: with the links they would say that nearly all its children are known elsewhere.
5. Each holder learns of its own rows that lack a match-key how many are linked; nobody else does, and no one where the
   agreement releases counts, which are of the two holders' whole files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.suppression import at_least, at_most, leaves_enough, shown_parts, suppress
from keys.terms import Release, Suppression, Terms
from matcher.expectation import Expectation

EDGES = (0.75, 0.9, 0.99, 0.999, 0.9999)
"""Probabilities that part the links above the agreement's threshold. The last is low enough for most links of any
agreement to lie above it."""


@dataclass(frozen=True)
class Held:
    """Of one holder: rows that could be linked, those of them that lack a match-key, and how many of these are."""

    rows: int
    lacking: int
    lacking_linked: int

    @classmethod
    def of(cls, present: NDArray[np.bool_], linked: NDArray[np.int64]) -> Held:
        """``present``: which match-keys each row has, bool (rows, match-keys). ``linked``: the linked rows."""
        keys = present.sum(axis=1)
        lacking = (keys > 0) & (keys < present.shape[1])
        return cls(int((keys > 0).sum()), int(lacking.sum()), int(lacking[linked].sum()))


def estimable(terms: Terms) -> bool:
    """Rule 1."""
    return len(terms.holders) == 2 and terms.decision.rows_of_one_holder == "one per link"


def edges_of(terms: Terms) -> list[float]:
    """Where the bands begin: at the agreement's threshold, then at each of ``EDGES`` above it."""
    return [terms.decision.match, *(one for one in EDGES if one > terms.decision.match)]


def assess(
    terms: Terms, outcome: Mapping[str, Any], *, expected: Expectation, holdings: Sequence[Held]
) -> dict[str, Any] | None:
    """What is kept with the run. ``outcome``: as ``outcome.describe`` says it. ``holdings``: in the order of the terms.

    ``bands``: empty if none may be told; the one that is left out has ``rest`` and no number.
    """
    rule, links = terms.suppression, _links(outcome)
    if links is None:
        return None
    missed = suppress(_whole(expected.missed), rule)
    told = all(_enough_left(missed, links, one.rows, rule) for one in holdings)
    return {
        "links": links,
        "possible_links": outcome["possible_links"],
        "false": suppress(_whole(expected.false), rule),
        "missed": missed if told else None,
        "missed_told": told,
        "bands": _bands(edges_of(terms), expected.links, links, rule),
        "own": {
            holder.name: _own(terms, held, links, rule) for holder, held in zip(terms.holders, holdings, strict=True)
        },
    }


def shown_to(outcome: Mapping[str, Any], holder: str | None) -> dict[str, Any] | None:
    """For a party that belongs to this holder, or to none: ``own`` is its own, or ``None``."""
    found = outcome.get("quality")
    return found and {**found, "own": found["own"].get(holder)}


def _links(outcome: Mapping[str, Any]) -> int | None:
    """The number of links that the status shows: of two holders the one overlap is all of them."""
    if "overlaps" in outcome:
        return next((one["links"] for one in outcome["overlaps"]), None)
    shown: int | None = outcome["links"]
    return shown


def _whole(expectation: float) -> int:
    return floor(expectation + 0.5)


def _enough_left(missed: int | None, links: int, rows: int, rule: Suppression) -> bool:
    """Whether at most half of the rows that are not linked can have a missed link."""
    return 2 * at_most(missed, rule) <= rows - at_most(links, rule)


def _bands(edges: Sequence[float], counts: Sequence[int], links: int, rule: Suppression) -> list[dict[str, Any]]:
    rest = len(edges) - 1
    parts = shown_parts(counts, links, rule, rest=rest)
    if parts is None:
        return []
    ends = [*edges[1:], 1.0]
    return [
        {"from": low, "to": high, "links": shown, "rest": place == rest}
        for place, (low, high, shown) in enumerate(zip(edges, ends, parts, strict=True))
    ]


def _own(terms: Terms, held: Held, links: int, rule: Suppression) -> dict[str, Any]:
    """Rule 5, and of rows that lack a match-key, and of those that lack none, enough must be left unlinked."""
    shown = suppress(held.lacking_linked, rule)
    told = (
        terms.release is not Release.COUNT
        and leaves_enough([shown], held.lacking, rule)
        and leaves_enough([shown], at_least(links, rule), rule)
        and held.rows - held.lacking - (at_most(links, rule) - at_least(shown, rule)) >= rule.below
    )
    return {
        "rows": suppress(held.rows, rule),
        "lacking": suppress(held.lacking, rule),
        "lacking_linked": shown if told else None,
    }
