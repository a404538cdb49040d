"""What was decided of a run, row by row, as far as its outcome is told from it; kept while control rows are in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.terms import Terms
from matcher.solve import Links
from services.broker.outcome import describe
from services.broker.spill import Spill, decided_name

Rows = Sequence[NDArray[np.int64]]
"""Numbers of rows, of each holder."""


@dataclass(frozen=True, repr=False)
class Decided:
    """``linkable``: of each holder, bool (rows,), which could be linked. ``possible``: links from the lower threshold
    on. ``alike``: of each holder, its rows that look like one another, if that is reported. ``common``: match-keys of
    which pairs were left out."""

    linkable: Sequence[NDArray[np.bool_]]
    links: Links
    possible: Links
    alike: Sequence[Links] | None
    common: frozenset[str]

    def describe(self, terms: Terms) -> dict[str, Any]:
        """The outcome (``services.broker.outcome``)."""
        duplicates = None
        if self.alike is not None:
            duplicates = [one.repeated(holder) for holder, one in enumerate(self.alike)]
        return describe(
            terms,
            rows=[int(np.count_nonzero(one)) for one in self.linkable],
            links=self.links,
            possible=self.possible,
            common=self.common,
            duplicates=duplicates,
        )

    def without(self, rows: Rows) -> Decided:
        """The same as if these rows had not been there, and all else had been decided alike."""
        linkable = [flags.copy() for flags in self.linkable]
        for flags, gone in zip(linkable, rows, strict=True):
            flags[gone] = False
        alike = None if self.alike is None else [_without(one, rows) for one in self.alike]
        return replace(
            self,
            linkable=linkable,
            links=_without(self.links, rows),
            possible=_without(self.possible, rows),
            alike=alike,
        )

    def keep(self, spill: Spill, run: str) -> None:
        arrays = {f"linkable{holder}": flags for holder, flags in enumerate(self.linkable)}
        for name, one in (("links", self.links), ("possible", self.possible), *_named(self.alike)):
            arrays[name] = np.stack([one.cluster, one.holder, one.row])
        spill.put(decided_name(run), common=np.array(sorted(self.common), dtype=np.str_), **arrays)


def recall(spill: Spill, run: str, holders: int) -> Decided:
    """What ``Decided.keep`` kept."""
    arrays = spill.get(decided_name(run))
    alike = [Links(*arrays[name]) for name in (f"alike{holder}" for holder in range(holders)) if name in arrays]
    return Decided(
        linkable=[arrays[f"linkable{holder}"] for holder in range(holders)],
        links=Links(*arrays["links"]),
        possible=Links(*arrays["possible"]),
        alike=alike or None,
        common=frozenset(arrays["common"].tolist()),
    )


def _named(alike: Sequence[Links] | None) -> list[tuple[str, Links]]:
    return [(f"alike{holder}", one) for holder, one in enumerate(alike or ())]


def _without(links: Links, rows: Rows) -> Links:
    gone = np.zeros(len(links.row), dtype=np.bool_)
    for holder, own in enumerate(rows):
        gone |= (links.holder == holder) & np.isin(links.row, own)
    cluster, holder_, row = links.cluster[~gone], links.holder[~gone], links.row[~gone]
    kept = np.bincount(cluster, minlength=links.count)[cluster] > 1
    _, renumbered = np.unique(cluster[kept], return_inverse=True)
    return Links(renumbered.astype(np.int64), holder_[kept], row[kept])
