"""What may be said of a decided run: counts by the suppression rule, and what the agreement says anyway."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from keys.terms import Release, Suppression, Terms
from matcher.solve import Links
from services.broker.suppression import Holders, leaves_enough, suppress, suppress_overlaps


def describe(
    terms: Terms, *, rows: Sequence[int], links: Links, possible: Links, common: Collection[str]
) -> dict[str, Any]:
    """The outcome of a run as its status gives it: JSON values, every count suppressed.

    ``rows``: of each holder, how many rows could be linked. ``possible``: the links from the lower threshold on.
    ``common``: exact match-keys of which very common values were left out. A ``count`` release says ``overlaps``, of
    exactly these holders each, and leaves out those that may not be shown; the others say ``links``.
    """
    rule = terms.suppression
    counts = overlaps(links, len(rows))
    names = [holder.name for holder in terms.holders]
    said: dict[str, Any] = {}
    if terms.release is Release.COUNT:
        shown = suppress_overlaps(counts, rows, rule)
        said["overlaps"] = [
            {"holders": [names[number] for number in of], "links": shown[of]}
            for of in sorted(shown, key=lambda of: (len(of), of))
        ]
    elif len(rows) == 2:
        said["links"] = suppress_overlaps(counts, rows, rule).get((0, 1))
    else:
        said["links"] = suppress(links.count, rule)
    return {
        **said,
        "possible_links": _possible(links, possible, rows, rule),
        "left_out": [key.name for key in terms.match_keys if key.name in common],
        "match_keys": [key.name for key in terms.match_keys],
        "threshold": terms.decision.match,
    }


def overlaps(links: Links, holders: int) -> dict[Holders, int]:
    """How many links have rows of exactly these holders; exact, and not for showing."""
    members = np.zeros((links.count, holders), dtype=np.bool_)
    members[links.cluster, links.holder] = True
    found, counts = np.unique(members, axis=0, return_counts=True)
    return {tuple(np.flatnonzero(of).tolist()): int(count) for of, count in zip(found, counts, strict=True)}


def _possible(links: Links, possible: Links, rows: Sequence[int], rule: Suppression) -> int | None:
    """Rows that the lower threshold would add to a link. Between two holders they are rows of each, like links."""
    shown = suppress(_joins(possible) - _joins(links), rule)
    if len(rows) == 2 and not leaves_enough([suppress(links.count, rule), shown], min(rows), rule):
        return None
    return shown


def _joins(links: Links) -> int:
    """Every row of a link but its first. Links only grow as the threshold falls, though some become one."""
    return len(links.row) - links.count
