"""What may be said of a decided run: counts by the suppression rule, and what the agreement says anyway."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from keys.suppression import leaves_enough, suppress
from keys.terms import Release, Suppression, Terms
from matcher.solve import Links
from services.broker.outcome.suppression import Holders, suppress_overlaps


def describe(
    terms: Terms,
    *,
    rows: Sequence[int],
    links: Links,
    possible: Links,
    common: Collection[str],
    duplicates: Sequence[int] | None = None,
) -> dict[str, Any]:
    """The outcome of a run as its status gives it: JSON values, every count suppressed.

    ``rows``: of each holder, how many rows could be linked. ``possible``: the links from the lower threshold on.
    ``common``: match-keys of which pairs were left out. ``duplicates``: of each holder, how many of its rows look like
    another of them, if that is reported; under each holder's name, for that holder alone (see ``shown_to``).
    A ``count`` release says ``overlaps``, of exactly these holders each, and leaves out those that may not be shown;
    the others say ``links``. Links are of rows of two holders or more; each counts once, however many rows it has.
    """
    rule = terms.suppression
    rows, links, possible = _children(rows, links), _between_holders(links), _between_holders(possible)
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
        **({} if duplicates is None else {"duplicates": _by_name(names, duplicates, rule)}),
        "left_out": [key.name for key in terms.match_keys if key.name in common],
        "match_keys": [key.name for key in terms.match_keys],
        "threshold": terms.decision.match,
    }


def shown_to(outcome: dict[str, Any], holder: str | None) -> dict[str, Any]:
    """The outcome for a party that belongs to this holder, or to none: duplicates are shown to their owner alone.

    How good the links are has an address of its own (see ``quality.shown_to``).
    """
    said = {name: one for name, one in outcome.items() if name != "quality"}
    if "duplicates" in said:
        said["duplicates"] = {name: count for name, count in said["duplicates"].items() if name == holder}
    return said


def _by_name(names: Sequence[str], counts: Sequence[int], rule: Suppression) -> dict[str, int | None]:
    return {name: suppress(count, rule) for name, count in zip(names, counts, strict=True)}


def _children(rows: Sequence[int], links: Links) -> list[int]:
    """As many rows of each holder as there are children at most, as far as links tell: one for each link's rows."""
    of_holder = [links.cluster[links.holder == holder] for holder in range(len(rows))]
    return [own - (len(one) - len(np.unique(one))) for own, one in zip(rows, of_holder, strict=True)]


def _between_holders(links: Links) -> Links:
    """Without those that have rows of one holder alone, and with one row of each holder, its first."""
    pairs = np.stack([links.cluster, links.holder], axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True) if len(pairs) else (pairs, np.empty(0, np.int64))
    cluster, holder, row = links.cluster[first], links.holder[first], links.row[first]
    kept = np.bincount(cluster, minlength=links.count)[cluster] > 1
    _, renumbered = np.unique(cluster[kept], return_inverse=True)
    return Links(renumbered.astype(np.int64), holder[kept], row[kept])


def overlaps(links: Links, holders: int) -> dict[Holders, int]:
    """How many links have rows of exactly these holders; exact, and not for showing."""
    members = np.zeros((links.count, holders), dtype=np.bool_)
    members[links.cluster, links.holder] = True
    found, counts = np.unique(members, axis=0, return_counts=True)
    return {tuple(np.flatnonzero(of).tolist()): int(count) for of, count in zip(found, counts, strict=True)}


def _possible(links: Links, possible: Links, rows: Sequence[int], rule: Suppression) -> int | None:
    """Rows that the lower threshold would add to a link. Between two holders they are rows of each, like links."""
    shown = suppress(max(0, _joins(possible) - _joins(links)), rule)
    if len(rows) == 2 and not leaves_enough([suppress(links.count, rule), shown], min(rows), rule):
        return None
    return shown


def _joins(links: Links) -> int:
    """Every row of a link but its first. With one row of a holder per link, links only grow as the threshold falls,
    though some become one."""
    return len(links.row) - links.count
