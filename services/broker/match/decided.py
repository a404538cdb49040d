"""What was decided of a run, row by row, as far as its outcome is told from it; kept while control rows are in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keys.terms import Terms
from matcher.expectation import expect
from matcher.solve import Links
from services.broker.match.spill import Spill, decided_name
from services.broker.match.weighing import weight_of
from services.broker.outcome.counts import describe
from services.broker.outcome.quality import Held, assess, edges_of

Rows = Sequence[NDArray[np.int64]]
"""Numbers of rows, of each holder."""


@dataclass(frozen=True, repr=False)
class Evidence:
    """Of the links between two holders: rows of the one and, beside them, of the other, int64 (links,); weight and
    probability, float64 (links,). ``matches``: all pairs of rows of one child that the model expects."""

    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float64]
    probability: NDArray[np.float64]
    matches: float

    def without(self, rows: Rows) -> Evidence:
        """Without these rows: so many matches fewer as were expected among their links."""
        gone = np.isin(self.left, rows[0]) | np.isin(self.right, rows[1])
        return Evidence(
            self.left[~gone],
            self.right[~gone],
            self.weight[~gone],
            self.probability[~gone],
            self.matches - float(self.probability[gone].sum()),
        )


@dataclass(frozen=True, repr=False)
class Decided:
    """``present``: of each holder, bool (rows, match-keys), which match-keys each row has an encoding under.
    ``possible``: links from the lower threshold on. ``alike``: of each holder, its rows that look like one another, if
    that is reported. ``common``: match-keys of which pairs were left out. ``evidence``: if anything is expected."""

    present: Sequence[NDArray[np.bool_]]
    links: Links
    possible: Links
    alike: Sequence[Links] | None
    common: frozenset[str]
    evidence: Evidence | None

    def describe(self, terms: Terms) -> dict[str, Any]:
        """The outcome (``services.broker.outcome.counts``)."""
        duplicates = None
        if self.alike is not None:
            duplicates = [one.repeated(holder) for holder, one in enumerate(self.alike)]
        outcome = describe(
            terms,
            rows=[int(np.count_nonzero(one.any(axis=1))) for one in self.present],
            links=self.links,
            possible=self.possible,
            common=self.common,
            duplicates=duplicates,
        )
        return {**outcome, "quality": self._quality(terms, outcome)}

    def _quality(self, terms: Terms, outcome: dict[str, Any]) -> dict[str, Any] | None:
        """What may be said of how good the links are."""
        known = self.evidence
        if known is None:
            return None
        edges = [weight_of(one) for one in edges_of(terms)]
        holdings = [Held.of(one, rows) for one, rows in zip(self.present, (known.left, known.right), strict=True)]
        expected = expect(known.weight, known.probability, edges=edges, matches=known.matches)
        return assess(terms, outcome, expected=expected, holdings=holdings)

    def without(self, rows: Rows) -> Decided:
        """The same as if these rows had not been there, and all else had been decided alike."""
        present = [flags.copy() for flags in self.present]
        for flags, gone in zip(present, rows, strict=True):
            flags[gone] = False
        alike = None if self.alike is None else [_without(one, rows) for one in self.alike]
        return replace(
            self,
            present=present,
            links=_without(self.links, rows),
            possible=_without(self.possible, rows),
            alike=alike,
            evidence=self.evidence and self.evidence.without(rows),
        )

    def keep(self, spill: Spill, run: str) -> None:
        arrays = {f"present{holder}": flags for holder, flags in enumerate(self.present)}
        if self.evidence is not None:
            arrays |= {name: np.asarray(value) for name, value in vars(self.evidence).items()}
        for name, one in (("links", self.links), ("possible", self.possible), *_named(self.alike)):
            arrays[name] = np.stack([one.cluster, one.holder, one.row])
        spill.put(decided_name(run), common=np.array(sorted(self.common), dtype=np.str_), **arrays)


def recall(spill: Spill, run: str, holders: int) -> Decided:
    """What ``Decided.keep`` kept."""
    arrays = spill.get(decided_name(run))
    alike = [Links(*arrays[name]) for name in (f"alike{holder}" for holder in range(holders)) if name in arrays]
    return Decided(
        present=[arrays[f"present{holder}"] for holder in range(holders)],
        links=Links(*arrays["links"]),
        possible=Links(*arrays["possible"]),
        alike=alike or None,
        common=frozenset(arrays["common"].tolist()),
        evidence=_evidence(arrays) if "matches" in arrays else None,
    )


def _evidence(arrays: Mapping[str, NDArray[Any]]) -> Evidence:
    return Evidence(
        left=arrays["left"],
        right=arrays["right"],
        weight=arrays["weight"],
        probability=arrays["probability"],
        matches=float(arrays["matches"]),
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
