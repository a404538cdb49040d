"""A10. Probing and differencing: a holder asks twice, with one row more, and compares the counts it is shown.

Source: the tracker of Denning, Denning, Schwartz, "The tracker: a threat to statistical database security", ACM TODS
4(1), 1979, and differencing as statistical offices know it. The holder knows of each of its rows but one whether it is
linked. What it is shown comes from ``services.broker.outcome.counts``, the code that runs. The control shows exact
counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keys.terms import Suppression, Terms
from matcher.solve import Links
from services.broker.outcome.counts import describe

SIZES = (100, 137, 400)
"""Rows of the asking holder, as far as the agreement allows so few."""


@dataclass(frozen=True)
class Told:
    """Of how many ``asked`` numbers of linked rows one row more ``shows``. ``at``: the first few of those."""

    asked: int
    shows: int
    at: tuple[int, ...] = ()


def probe(terms: Terms) -> Told:
    """One real child among rows that nobody has, and among rows that all are known to be linked."""
    asked = [(rows, known) for rows in _sizes(terms) for known in (0, rows - 1)]
    return Told(len(asked), sum(_differs(terms, rows, known) for rows, known in asked))


def difference(terms: Terms) -> Told:
    """One real child beside every number of rows that are known to be linked."""
    rows = _sizes(terms)[0]
    at = tuple(known for known in range(rows) if _differs(terms, rows, known))
    return Told(rows, len(at), at[:5])


def exact(terms: Terms) -> Terms:
    """The control: terms by which every count is shown as it is. No agreement may say so, hence no validation."""
    return terms.model_copy(update={"suppression": Suppression.model_construct(below=0, round_to=1)})


def _sizes(terms: Terms) -> list[int]:
    return [max(rows, terms.minimum_rows) for rows in SIZES]


def _differs(terms: Terms, rows: int, known: int) -> bool:
    """Whether the holder sees if its last row is linked, ``known`` of the others being so."""
    return _shown(terms, rows, known) != _shown(terms, rows, known + 1)


def _shown(terms: Terms, rows: int, linked: int) -> object:
    cluster = np.arange(linked, dtype=np.int64)
    links = Links(
        np.concatenate([cluster, cluster]),
        np.repeat(np.arange(2, dtype=np.int64), linked),
        np.concatenate([cluster, cluster]),
    )
    holders = len(terms.holders)
    return describe(terms, rows=[rows, *[10 * rows] * (holders - 1)], links=links, possible=links, common=())
